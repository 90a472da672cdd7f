"""A command that runs while a lease is open: it gets this process's signals, and its exit code is the answer."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from toolkit.errors import UsageError
from toolkit.processes import handling

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_command(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Run it to its end, with ``settings`` over this process's environment.

    The answer is its exit code, 128 and the number of the signal that ended it (as a shell has it). Raises UsageError
    when it does not start.
    """
    try:
        process = subprocess.Popen(command, env={**os.environ, **settings})
    except OSError as error:
        raise UsageError(f"{command[0]} does not start: {error.strerror}") from error
    with handling(ENDING, lambda number: _pass_on(process, number)):
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def undisturbed(say: Callable[[str], None]) -> Iterator[None]:
    """What runs in here is not ended by Ctrl-C, SIGTERM or SIGHUP: it takes seconds, and undoes what was done."""
    with handling(ENDING, lambda _: say("closing the lease first; kill -9 would leave that to toolkit firewall sweep")):
        yield


def _pass_on(process: subprocess.Popen[bytes], number: int) -> None:
    # A terminal sends its Ctrl-C to the whole group: the command has it already.
    if number != signal.SIGINT or not os.isatty(0):
        process.send_signal(number)
