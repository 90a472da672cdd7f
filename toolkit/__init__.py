"""Provision a private Azure ML + Data Factory platform and prove on the data plane that it works."""

__version__ = "0.1.0"
