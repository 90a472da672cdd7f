"""Terraform as a child process: arguments from python-terraform, everything else owned here.

python-terraform 0.10.1 builds the command line; this module is its only importer. Its way of running the process is not
used: it buffers all output, knows no environment, swallows failures and leaves signals to chance.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any, Protocol

import python_terraform

from toolkit.errors import InterruptedByUser, ToolkitError
from toolkit.files import disk_errors
from toolkit.processes import KNOWN, once_known, require_executable
from toolkit.terraform.diagnostics import lock_id
from toolkit.terraform.events import Events, Observer, Result

FLAG = python_terraform.IsFlagged  # an option without a value

_POLL_SECONDS = 0.05
_LOOK_SECONDS = 1.0  # whether what it works on is still there
_GRACE_SECONDS = 3.0
_KEPT_LOGS = 40
# Arguments that a user means for their own Terraform would turn JSON output off or choose another state.
_NOT_INHERITED = ("TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR", "TF_INPUT")


class Records(Protocol):
    """Who remembers the child while it runs (the environment's lock)."""

    def terraform_started(self, pid: int, log: Path, command: str) -> None: ...

    def terraform_ended(self) -> None: ...


class _CommandLine(python_terraform.Terraform):  # type: ignore[misc]  # the package has no types
    """Only ``generate_cmd_string`` of it is used."""

    def read_state_file(self, file_path: str | None = None) -> None:
        """The constructor would parse the state file, which may be remote, half-written or not there."""

    def __getattr__(self, item: str) -> Any:
        """The base class answers any misspelt name with a function that runs it as a Terraform command."""
        raise AttributeError(item)


@dataclass(slots=True)
class Runner:
    """Runs Terraform in one folder with one process environment.

    Every run writes its output to files in ``logs``, which this process reads as they grow. A pipe would tie
    Terraform's life to ours: after a kill -9 of the toolkit, Go's runtime ends a program that writes to a broken
    stdout (os/signal, "SIGPIPE"), in the middle of an apply and with the state locked. With files it finishes and
    saves its state.
    """

    terraform: Path
    folder: Path
    environment: Mapping[str, str]
    logs: Path
    observer: Observer
    records: Records | None = None
    gone: Callable[[], str | None] = lambda: None  # what has become of what it works on, in words, when that ended
    last_log: Path | None = None
    _commands: Any = field(init=False)

    def __post_init__(self) -> None:
        self._commands = _CommandLine(working_dir=str(self.folder), terraform_bin_path=str(self.terraform))

    def run(self, command: str, *arguments: str, planned: int = 0, private: bool = False, **options: Any) -> Result:
        """Run ``terraform COMMAND`` to its end. ``out="x"`` becomes ``-out=x``, ``json=FLAG`` becomes ``-json``.

        ``private`` gives stdout back whole and keeps it out of the logs (it is one document that may hold sensitive
        values); otherwise it is a stream of events. The first SIGINT, SIGTERM or SIGHUP is passed on once, the third
        kills. When what it works on has ended, it is ended, too: it would try for minutes.

        Raises InterruptedByUser after an interrupt when Terraform failed of it, and ToolkitError when it does not
        start. A failing exit code is the caller's to judge.
        """
        argv: list[str] = self._commands.generate_cmd_string(command, *arguments, **options)
        events = Events(self.observer, planned)
        with disk_errors("Terraform's output"), self._output(command, private) as (out, err, log):
            self.last_log = log
            process = self._start(argv, out, err)
            try:
                if self.records is not None:
                    self.records.terraform_started(process.pid, log, command)
                _let_begin(process)
                with _passing_signals(process, self.observer) as signals:
                    stdout, gone = _follow(process, out, None if private else events, self.gone)
            except BaseException:
                # Whatever broke here (a full disk, a bug), Terraform must end in order before anybody goes on; it does
                # not begin where that was before it was written down.
                assert process.stdin is not None
                process.stdin.close()
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    process.wait()
                raise
            finally:
                if self.records is not None and not _lock_may_be_left(process, events):
                    self.records.terraform_ended()
            err.seek(0)
            stderr = err.read().decode(errors="replace")
        if gone and process.returncode not in (0, 2):
            raise ToolkitError(
                f"{gone} while terraform {command} was at work, which was ended",
                hint="run the command again: what was under way is completed, and what was made is taken over",
            )
        result = Result(command, process.returncode, events, stdout, stderr, signals.count)
        if signals.count and process.returncode not in (0, 2):
            raise _interrupted(result)
        return result

    def _start(self, argv: list[str], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        inherited = {k: v for k, v in self.environment.items() if not k.startswith(_NOT_INHERITED)}
        # A checkpoint call would leave the sandbox's proxy; automation mode drops advice about commands to type.
        settings = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        try:
            require_executable(argv[0])
            # A session of its own: the terminal's Ctrl-C must reach Terraform once, from us, not twice.
            return subprocess.Popen(
                once_known(argv),
                cwd=self.folder,
                env={**inherited, **settings},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolkitError(
                f"Terraform ({self.terraform}) does not start: {error.strerror}",
                hint="toolkit doctor --toolchain shows which Terraform is used, and why",
            ) from error

    @contextmanager
    def _output(self, command: str, private: bool) -> Iterator[tuple[IO[bytes], IO[bytes], Path]]:
        if private:
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                yield out, err, Path(os.devnull)
            return
        self.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        _forget_old(self.logs)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        log = self.logs / f"{stamp}-{self.folder.name}-{command.replace(' ', '-')}.jsonl"
        with _private_file(log) as out, _private_file(log.with_suffix(".stderr")) as err:
            yield out, err, log


def _let_begin(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it was killed already: its exit code says so
        process.stdin.write(KNOWN)
        process.stdin.close()


def _lock_may_be_left(process: subprocess.Popen[bytes], events: Events) -> bool:
    """Whether Terraform still runs, was killed, or says that it could not free its lock of the state."""
    code = process.poll()
    return code is None or code < 0 or any("releasing the state lock" in error.summary for error in events.errors)


@dataclass(slots=True)
class _Signals:
    count: int = 0


@contextmanager
def _passing_signals(process: subprocess.Popen[bytes], observer: Observer) -> Iterator[_Signals]:
    """Terraform gets the first interrupt; it then stops in order, frees the state and ends."""
    signals = _Signals()

    def pass_on(number: int, frame: FrameType | None) -> None:
        signals.count += 1
        if process.poll() is not None:
            return
        if signals.count == 1:
            observer.note("interrupted: Terraform finishes what is in flight, saves the state and frees its lock")
            process.send_signal(signal.SIGINT)
        elif signals.count == 2:
            observer.note("still waiting for Terraform; a third interrupt kills it and may leave the state locked")
        else:
            os.killpg(process.pid, signal.SIGKILL)

    if threading.current_thread() is not threading.main_thread():
        yield signals  # Python only lets the main thread handle signals
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup's wish is to go on
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(
    process: subprocess.Popen[bytes], out: IO[bytes], events: Events | None, gone: Callable[[], str | None]
) -> tuple[str, str | None]:
    """Read the growing file until the process ended: whole lines for ``events``, or the answer is all of it.

    Besides, what ``gone`` said: then Terraform gets an interrupt, and is killed when that does not end it soon. What
    would take it minutes is to save its state where nobody answers; the next run takes over what it had made.
    """
    ended = threading.Event()

    def wait() -> None:
        process.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    offset, rest, everything = 0, b"", []
    ending = _Ending(process, gone)
    while True:
        last = ended.wait(_POLL_SECONDS)
        ending.look()
        while chunk := os.pread(out.fileno(), 1 << 20, offset):
            offset += len(chunk)
            if events is None:
                everything.append(chunk)
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                events.add(line.decode(errors="replace"))
        if last:
            break
    if events is not None and rest:
        events.add(rest.decode(errors="replace"))
    return b"".join(everything).decode(errors="replace"), ending.why


@dataclass(slots=True)
class _Ending:
    """Ends Terraform when what it works on has: first in order, a little later by force."""

    process: subprocess.Popen[bytes]
    gone: Callable[[], str | None]
    why: str | None = None
    _next: float = 0.0

    def look(self) -> None:
        now = time.monotonic()
        if now < self._next or self.process.poll() is not None:
            return
        if self.why is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self._next = math.inf
        elif (why := self.gone()) is not None:
            self.why = why
            self.process.send_signal(signal.SIGINT)
            self._next = now + _GRACE_SECONDS
        else:
            self._next = now + _LOOK_SECONDS


def _interrupted(result: Result) -> InterruptedByUser:
    """What is left of an interrupted run: nothing, or a lock whose id and way out are said."""
    if result.killed:
        return InterruptedByUser(
            f"terraform {result.command} was killed: the state may still be locked, and what was in flight may exist",
            hint="run again: a lock that is provably ours is freed, and what the killed run had made is taken over",
        )
    if lock := lock_id(result.events.errors):
        return InterruptedByUser(
            f"terraform {result.command} was interrupted and could not free its lock of the state, {lock}",
            hint=f"run the command again with --force-unlock {lock}",
        )
    return InterruptedByUser(
        f"terraform {result.command} was interrupted and stopped in order; the lock of the state is released"
    )


def _private_file(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _forget_old(logs: Path) -> None:
    for old in sorted(logs.iterdir())[:-_KEPT_LOGS]:
        old.unlink(missing_ok=True)
