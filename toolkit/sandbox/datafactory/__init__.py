"""Data Factory's engine: pipelines really run here.

``engine.py`` starts, lists and cancels runs; ``execution.py`` carries one out; ``activities/`` has a file for each type
of activity, ``activities/registry.py`` the list of them.
"""
