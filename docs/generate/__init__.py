"""The parts of the documentation that code writes: ``python -m docs.generate [--check] [PART…]``."""
