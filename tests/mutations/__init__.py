"""Mutations: each breaks one thing in a live sandbox, and the check that stands for it has to say so."""
