"""Data-plane smoke tests: what the platform allows and what it denies, proven from every place the runner can act from.

``registry.py`` lists the checks, ``engine.py`` runs them, ``report.py`` writes what was found; docs/checks.md explains
each check.
"""
