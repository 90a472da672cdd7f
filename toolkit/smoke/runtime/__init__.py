"""The runtime proof: which version of the code a started job ran, link by link (docs/runtime-contract.md)."""
