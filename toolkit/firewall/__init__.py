"""Temporary firewall access: leases of addresses in the rules of what denies by default.

A lease is written down before its rules are made (journal.py), in the resource group that it is about, so that any
machine finds it; what this tool did not add it never removes (rules.py).
"""
