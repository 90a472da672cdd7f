"""Running what downloads or builds: with a line on stderr while it lasts, and its own last words when it fails."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from toolkit.errors import ToolkitError

Progress = Callable[[str], None]

_EVERY_SECONDS = 10.0
_LAST_LINES = 12


def stderr_progress(line: str) -> None:
    """The default :data:`Progress`: results belong to stdout, everything else to stderr."""
    print(line, file=sys.stderr, flush=True)


def run_step(
    title: str,
    argv: Sequence[str],
    *,
    hint: str,
    progress: Progress,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run ``argv``, saying ``title`` at its start, every ten seconds and at its end.

    Its output goes to a file and only shows up, the last lines of it, in the :class:`ToolkitError` of a failure.
    """
    started = time.monotonic()
    progress(f"{title} …")
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as error:
            raise ToolkitError(f"{title}: {argv[0]} does not start: {error.strerror}", hint=hint) from error
        try:
            while True:
                try:
                    returncode = process.wait(_EVERY_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    progress(f"{title} … {time.monotonic() - started:.0f} s")
        except BaseException:  # Ctrl-C: what was started must not go on writing into a folder that is being removed
            process.kill()
            process.wait()
            raise
        if returncode != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines()
            tail = "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])
            raise ToolkitError(f"{title}: {Path(argv[0]).name} ended with code {returncode}\n{tail}", hint=hint)
    progress(f"{title}: done in {time.monotonic() - started:.0f} s")
