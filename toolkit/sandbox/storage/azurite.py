"""Azurite, the process that holds the blobs: started once, watched, and restarted when it dies.

One process serves every storage account. Azurite reads its accounts from the environment (``AZURITE_ACCOUNTS``:
https://learn.microsoft.com/azure/storage/common/storage-install-azurite#custom-storage-accounts-and-keys), so it gets a
pool of neutral accounts, and :class:`~toolkit.sandbox.storage.blobs.AzuriteBlobs` lends them to real account names.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import os
import re
import secrets
import time
from pathlib import Path
from typing import IO

from toolkit.errors import ToolkitError
from toolkit.sandbox.world import BlobsUnavailable

SLOTS = tuple(f"slot{number:03d}" for number in range(256))

_DURABLE = Path(__file__).with_name("durable.cjs")
_LISTENING = re.compile(rb"successfully listens on http://127\.0\.0\.1:(\d+)")
_START_SECONDS = 30.0  # 0.8 s on a warm disk; cold caches on a loaded machine take longer
_STOP_SECONDS = 5.0
_LOCK_SECONDS = 10.0
_RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
_HEALTHY_SECONDS = 10.0


class AzuriteUnavailable(BlobsUnavailable):
    """Azurite is not running now; ``str()`` says why and where its log is."""


class AzuriteProcess:
    """A supervised Azurite blob service on a free loopback port.

    ``command`` starts Azurite's blob service (``node …/azurite/dist/src/blob/main.js``); data and log go to
    ``state_dir/azurite`` and ``state_dir/logs/azurite.log``. An acknowledged write survives a kill -9 of any process
    (durable.cjs); Azurite ends when this process does, and holds a file lock as long as it lives, so that two never
    write to the same data.
    """

    def __init__(self, state_dir: Path, command: list[str]) -> None:
        self._data = state_dir / "azurite"
        self._log_path = state_dir / "logs" / "azurite.log"
        self._command = command
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self._port: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._started = asyncio.Condition()

    @property
    def port(self) -> int:
        """The loopback port; another one after a restart. Raises :class:`AzuriteUnavailable` while there is none."""
        if self._port is None:
            raise AzuriteUnavailable(f"Azurite is not running (see {self._log_path})")
        return self._port

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start and wait until it answers; raises :class:`ToolkitError` with the end of its log when it does not."""
        self._data.mkdir(parents=True, exist_ok=True)
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise())

    async def ready(self, *, instead_of: int | None = None, seconds: float = 15.0) -> int:
        """The port, after waiting for a restart in progress; raises :class:`AzuriteUnavailable`.

        ``instead_of`` is a port that refused a connection: its process is gone even if nobody has noticed yet.
        """
        unusable = (None, instead_of)
        if self._port in unusable:
            try:
                async with self._started:
                    started = self._started.wait_for(lambda: self._port not in unusable)
                    await asyncio.wait_for(started, seconds)
            except TimeoutError as error:
                raise AzuriteUnavailable(f"Azurite is not running (see {self._log_path})") from error
        return self.port

    async def stop(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        await self._end()

    async def _spawn(self) -> None:
        lock = await self._locked()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--blobHost", "127.0.0.1", "--blobPort", "0", "--location", str(self._data)),
                *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
                stdin=asyncio.subprocess.PIPE,  # held open, never written: its end tells Azurite that we are gone
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment(),
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # a Ctrl-C in the terminal is the daemon's to handle
            )
        except OSError as error:
            raise ToolkitError(
                f"cannot start Azurite: {error}", hint="run `toolkit doctor --toolchain` to see what is wrong with node"
            ) from error
        finally:
            lock.close()
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        listening.add_done_callback(lambda done: done.cancelled() or done.exception())  # stop() may have given up on it
        self._output = asyncio.create_task(self._copy_output(self._process, listening))
        try:
            self._port = await asyncio.wait_for(asyncio.shield(listening), _START_SECONDS)
        except (TimeoutError, AzuriteUnavailable) as error:
            listening.cancel()
            await self._end()
            raise ToolkitError(
                f"Azurite did not start within {_START_SECONDS:.0f} s; the end of its log:\n{self._log_tail()}",
                hint=f"the whole log is {self._log_path}",
            ) from error
        async with self._started:
            self._started.notify_all()

    def _environment(self) -> dict[str, str]:
        quoted = str(_DURABLE).replace("\\", "\\\\").replace('"', '\\"')
        options = f'{os.environ.get("NODE_OPTIONS", "")} --require "{quoted}"'.strip()
        accounts = ";".join(f"{slot}:{self.key}" for slot in SLOTS)
        return {**os.environ, "NODE_OPTIONS": options, "AZURITE_ACCOUNTS": accounts}

    async def _locked(self) -> IO[bytes]:
        """An open file with an exclusive lock that the child inherits: flock belongs to the open file, not to one."""
        file = (self._data / "lock").open("wb")
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except OSError as error:
                if time.monotonic() > deadline:
                    file.close()
                    raise ToolkitError(
                        f"another Azurite still works on {self._data}",
                        hint="stop the other sandbox of this project: `toolkit sandbox stop`",
                    ) from error
            await asyncio.sleep(0.02)

    async def _copy_output(self, process: asyncio.subprocess.Process, listening: asyncio.Future[int]) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._write_log(line)
            found = _LISTENING.search(line)
            if found and not listening.done():
                listening.set_result(int(found[1]))
        if not listening.done():
            listening.set_exception(AzuriteUnavailable("Azurite ended before it listened"))

    async def _supervise(self) -> None:
        failures = 0
        while True:
            assert self._process is not None
            started = time.monotonic()
            code = await self._process.wait()
            self._port = None
            failures = 0 if time.monotonic() - started > _HEALTHY_SECONDS else failures
            while self._port is None:
                self._write_log(f"Azurite ended with code {code}; it is started again\n".encode())
                await asyncio.sleep(_RESTART_PAUSES[min(failures, len(_RESTART_PAUSES) - 1)])
                failures += 1
                try:
                    await self._spawn()
                except (ToolkitError, OSError) as error:  # OSError: the disk is full, or its files cannot be opened
                    self._write_log(f"{error}\n".encode())

    async def _end(self) -> None:
        self._port = None
        if self._process is not None and self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()  # durable.cjs ends the process; all that was acknowledged is on disk
            try:
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._output is not None:
            await self._output
            self._output = None

    def _write_log(self, line: bytes) -> None:
        # A full disk costs the line: Azurite's output must be read on, and Azurite started again.
        with contextlib.suppress(OSError), self._log_path.open("ab") as log:
            log.write(line)

    def _log_tail(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines() if self._log_path.exists() else []
        return "\n".join(lines[-10:]) or "(empty)"
