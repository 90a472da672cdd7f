"""A file for each type of activity; ``registry.py`` lists them."""
