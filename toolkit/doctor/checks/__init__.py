"""The checks, one module per concern; registry.py puts them in order."""
