"""The engine of whatever proves something check by check; it knows nothing of what is checked.

``model.py`` says what a check is, ``engine.py`` runs checks, ``report.py`` writes down what was found. The smoke tests
(toolkit/smoke) bring their own context and registry.
"""
