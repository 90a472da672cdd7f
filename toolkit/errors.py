"""What a command says when it cannot do what was asked, and the exit codes that go with it.

Every expected failure is a :class:`ToolkitError`; the command line has one boundary (``toolkit.cli.main``) that prints
it and exits. Anything else that reaches the boundary is a bug and is reported as one, with a log file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes (docs/cli.md)."""

    DONE = 0
    FAILED = 1
    CHANGES = 2  # plan and drift: there are changes
    USAGE = 3  # wrong usage or configuration: nothing was touched
    REFUSED = 4  # a guard or a confirmation refused
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a person's own files something is wrong, relative to the project, and what."""

    file: str
    line: int
    text: str


class ToolkitError(Exception):
    """One clear error: what is wrong and where (``message``), and what to do (``hint``).

    ``message`` and ``hint`` are plain text, and never hold a secret. ``places`` are lines of files that it is about.
    """

    exit_code: ExitCode = ExitCode.FAILED
    places: tuple[Place, ...] = ()

    def __init__(self, message: str, *, hint: str | None = None, exit_code: ExitCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(ToolkitError):
    """The command line or a file that a person wrote is wrong; nothing was touched."""

    exit_code = ExitCode.USAGE


class RefusedError(ToolkitError):
    """A guard or a confirmation said no."""

    exit_code = ExitCode.REFUSED


class InterruptedByUser(ToolkitError):
    """Ctrl-C or SIGTERM, after what was running had been stopped in order."""

    exit_code = ExitCode.INTERRUPTED


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody may have meant, for a hint: "did you mean …?"."""
    import difflib  # costs a millisecond, which only a mistake pays

    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)
