"""A factory's definitions, wherever they are written, as one typed model: lint and the sandbox use it."""
