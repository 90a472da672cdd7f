"""What is wrong with a factory's definitions: rules by family, one registry, one engine.

* ``model``: what a rule is, and what it finds
* ``registry``: every rule, in order
* ``engine``: runs them, and sorts what they find
* ``edits``: changes JSON text without touching the rest of it, for ``--fix``
* ``reports``: text, JSON, SARIF and JUnit
* everything else: one family of rules a file
"""
