"""Code assets: registered in Azure ML, and pointed at by a blob that pipelines read (docs/runtime-contract.md).

The invariant: a runtime consumes the version that Azure ML returned, never the one that somebody asked for.
"""
