"""One module per category; each ends in the tuple of its checks, which registry.py joins."""
