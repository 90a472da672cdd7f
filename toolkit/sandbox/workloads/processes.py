"""Azure's code on this machine: a process group each, in a folder of its own, never with the toolkit's credentials.

A process gets the environment that its caller puts together and nothing of the daemon's. What is running is written
down, so that the daemon that comes after a kill -9 ends what was left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from toolkit.processes import KNOWN, ProcessId, identify, once_known, start_time
from toolkit.sandbox.store import Store

_KIND: Final = "workload"
_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended. ``exit_code`` is negative for a signal, as subprocess has it."""

    how: Literal["exited", "canceled", "timed out"]
    exit_code: int


class Workloads:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._cancelled: set[str] = set()

    def end_leftovers(self) -> list[str]:
        """End what a killed daemon left running; the keys of what was in flight."""
        left = self._store.documents(_KIND)
        for key, document in left:
            # A group keeps its number from being used again as long as a member lives, so either the leader lives, or
            # nobody has the number: a stranger means that the group is gone.
            known = ProcessId(document["pid"], document["started"])
            if known.alive() or start_time(known.pid) is None:
                _kill_group(known.pid, signal.SIGKILL)
            self._store.delete_document(_KIND, key)
        return [key for key, _ in left]

    async def run(
        self,
        key: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        seconds: float | None = None,
        errors: Path | None = None,
    ) -> Outcome:
        """Run to its end, with stdout in ``log`` and stderr in ``errors`` or there, too. Nothing of its group is left
        afterwards."""
        with log.open("ab") as output, (errors or log).open("ab") as error_output:
            process = await asyncio.create_subprocess_exec(
                *once_known(command),
                cwd=folder,
                env=dict(environment),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=error_output,
                start_new_session=True,
            )
        this = identify(process.pid)
        self._store.put_document(_KIND, key, {"pid": process.pid, "started": this.started if this else ""})
        try:
            assert process.stdin is not None
            process.stdin.write(KNOWN)
            process.stdin.close()
            try:
                code = await asyncio.wait_for(process.wait(), seconds)
            except TimeoutError:
                await self._stop(process)
                return Outcome("timed out", process.returncode or 0)
            return Outcome("canceled" if key in self._cancelled else "exited", code)
        finally:
            _kill_group(process.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                await process.wait()
            self._cancelled.discard(key)
            self._store.delete_document(_KIND, key)

    def cancel(self, key: str) -> bool:
        """SIGTERM to a running process, SIGKILL after the grace; False when none runs under this key."""
        document = self._store.document(_KIND, key)
        if document is None:
            return False
        self._cancelled.add(key)
        _kill_group(document["pid"], signal.SIGTERM)
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._kill_if_running, key, document["pid"])
        return True

    def _kill_if_running(self, key: str, pid: int) -> None:
        document = self._store.document(_KIND, key)
        if document is not None and document["pid"] == pid:
            _kill_group(pid, signal.SIGKILL)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        _kill_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)


def _kill_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
