"""Many environments at once: which, in what order, each in a process of its own, and one report of all.

An environment's command is a child process of ``toolkit``, because signals, the variables of SDKs and a crash belong to
a process: what happens to one environment stays with it (docs/adr/0017-many-environments-are-many-processes.md).
"""
