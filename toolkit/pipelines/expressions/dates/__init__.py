"""Timestamps as .NET has them: read, written in its formats, and moved between Windows' time zones."""
