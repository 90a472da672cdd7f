"""The functions of the language, a file for each family; ``registry.py`` lists them all."""
