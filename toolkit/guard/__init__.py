"""Policies over a plan: Rego, evaluated strictly, before anything is touched.

A policy says which planned resources it looks at and which of them pass. What it looks at and does not pass is refused,
so that a misspelt property, an undefined value or a value that is not known yet never lets anything through.
"""
