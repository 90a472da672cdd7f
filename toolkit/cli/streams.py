"""The three standard streams as a process finds them: closed, full, a pipe without a reader, of any encoding."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TextIO

from toolkit.errors import ToolkitError, UsageError
from toolkit.files import MACHINE_HINTS

_HINTS = {**MACHINE_HINTS, errno.EBADF: "it was opened for reading only: redirect it to a file or to /dev/null"}


def take_streams() -> None:
    """Make the standard streams fit to work with. Raises UsageError when there is nowhere for results to go.

    Python answers None for a stream that is closed, and the next file that is opened gets its number
    (https://docs.python.org/3/library/sys.html#sys.__stdin__): a child would then write its output into that file.
    """
    closed = [number for number in (0, 1, 2) if not _is_open(number)]
    for _ in closed:  # the lowest free number is taken each time: the order is 0, 1, 2
        os.open(os.devnull, os.O_RDWR)
    for number in closed:
        os.set_inheritable(number, True)
    if 0 in closed:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a number, open as long as we are
    # What is said on stderr is no reason to stop work that is under way; a result that is lost is a failure.
    sys.stderr = _text(_Words(2, "wb", closefd=False), sys.stderr)
    sys.stdout = _text(_Results(1, "wb", closefd=False), sys.stdout)
    if 1 in closed:
        raise UsageError(
            "standard output is closed: the results would be lost",
            hint="redirect it to a file, or to /dev/null when they are not wanted",
        )


def give_up_stdout() -> None:
    """Nobody takes the results: what is left in the buffer must not fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class _Results(io.FileIO):
    def write(self, data: object) -> int:
        try:
            # None from a pipe that another process has made non-blocking and that is full
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ToolkitError(
                f"cannot write to standard output: {error.strerror}",
                hint=_HINTS.get(error.errno or 0, "redirect it to a file, or to /dev/null"),
            ) from error
        return written


class _Words(io.FileIO):
    def write(self, data: object) -> int:
        try:
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])
        except OSError:
            return len(data)  # type: ignore[arg-type]
        return written


def _text(raw: io.FileIO, before: TextIO | None) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    # A letter that the encoding lacks is shown as its number, rather than not at all.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=raw.isatty()
    )


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
