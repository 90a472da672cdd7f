"""The children: each environment's command in a process of its own, a number of them at a time."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from toolkit.errors import ExitCode
from toolkit.files import disk_errors
from toolkit.fleet.report import Outcome, Reason, Run
from toolkit.processes import handling
from toolkit.project import Project

_LOOK_SECONDS = 0.25
_KEPT = 20
_TAIL = 8192


@dataclass(frozen=True, slots=True)
class Job:
    """One environment's command line; ``after`` are the names of those that must be done first."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class Child:
    """A job and what has become of it. ``exit_code`` is None until it has ended, and for what never began."""

    job: Job
    folder: Path
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    skipped: tuple[Reason, str] | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What it said on stderr."""
        return self.folder / f"{self.job.name}.log"

    @property
    def answer(self) -> Path:
        """Its document (stdout)."""
        return self.folder / f"{self.job.name}.json"

    @property
    def running(self) -> bool:
        return self.process is not None and self.ended is None

    @property
    def done(self) -> bool:
        return self.ended is not None

    @property
    def good(self) -> bool:
        return self.exit_code in (ExitCode.DONE, ExitCode.CHANGES)

    @property
    def document(self) -> dict[str, Any]:
        """What it printed for machines; ``{}`` when it failed before that."""
        try:
            document = json.loads(self.answer.read_bytes())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def last_words(self) -> str:
        """The last line of its log, without the time in front."""
        # Not what a CI system's log is told to do (::group::, ##[section]).
        lines = [line for line in _tail(self.log).splitlines() if line.strip() and not line.startswith(("::", "##["))]
        return _STAMP.sub("", lines[-1]).strip() if lines else ""

    @property
    def error(self) -> str:
        """Why it failed: the error of its log with its hint, or how it ended."""
        text = _whole(self.log)
        found = text.rfind("\nerror: ")
        if found < 0 and not text.startswith("error: "):
            return _ending(self.exit_code, self.last_words)
        return text[found + 1 :].removeprefix("error: ").strip()


class Watcher(Protocol):
    """Who shows it."""

    def started(self, child: Child) -> None: ...

    def looked(self, children: Sequence[Child]) -> None: ...

    def ended(self, child: Child) -> None: ...

    def note(self, text: str) -> None: ...


def new_folder(project: Project, command: str) -> Path:
    """``.toolkit/@many/<when>-<command>``: logs and answers of one run over many environments; the newest are kept.

    No environment can have that name.
    """
    parent = project.state_dir / "@many"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = parent / f"{stamp}-{command}"
    with disk_errors("the logs of the environments"):
        folder.mkdir(parents=True, mode=0o700)
        for old in sorted(parent.iterdir())[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def run_all(
    project: Project, jobs: Sequence[Job], folder: Path, watcher: Watcher, *, parallel: int, fail_fast: bool
) -> tuple[list[Child], bool]:
    """Run the jobs, at most ``parallel`` at a time, each once what it comes ``after`` is done. (children, interrupted).

    One that comes after a failed one is not begun. With ``fail_fast`` nothing is, after a failure; what runs goes on to
    its end, since an apply that is cut off leaves more to do than one that is not. The first SIGINT, SIGTERM or SIGHUP
    ends all in order: each child gets it once, and nothing more is begun; the next ones are passed on as well.
    """
    children = [Child(job, folder) for job in jobs]
    ended: queue.SimpleQueue[Child] = queue.SimpleQueue()
    with _passing_signals(children, watcher) as signals:
        while not all(child.done for child in children):
            _settle(children, fail_fast, bool(signals))
            for child in _startable(children, parallel):
                if signals:
                    break
                _start(child, project, ended)
                watcher.started(child)
            watcher.looked(children)
            if any(child.running for child in children):
                _take(ended, watcher)
    return children, bool(signals)


def _take(ended: queue.SimpleQueue[Child], watcher: Watcher) -> None:
    try:
        child = ended.get(timeout=_LOOK_SECONDS)
    except queue.Empty:
        return
    assert child.process is not None
    child.exit_code, child.ended = child.process.returncode, datetime.now(UTC)
    watcher.ended(child)


def _settle(children: Sequence[Child], fail_fast: bool, interrupted: bool) -> None:
    """What will never begin has ended: its reason is known by now."""
    by_name = {child.job.name: child for child in children}
    failed = next((child for child in children if child.done and child.process is not None and not child.good), None)
    for child in children:
        if child.done or child.process is not None:
            continue
        before = next((n for n in child.job.after if by_name[n].done and not by_name[n].good), None)
        if before is not None:
            child.skipped = ("ancestor error", before)
        elif interrupted:
            child.skipped = ("run error", "interrupted before it began")
        elif fail_fast and failed is not None:
            child.skipped = ("run error", f"not begun: {failed.job.name} failed, and --fail-fast was asked for")
        else:
            continue
        child.started = child.ended = datetime.now(UTC)


def _startable(children: Sequence[Child], parallel: int) -> list[Child]:
    by_name = {child.job.name: child for child in children}
    ready = [
        child
        for child in children
        if child.process is None and not child.done and all(by_name[name].good for name in child.job.after)
    ]
    return ready[: parallel - sum(child.running for child in children)]


def _start(child: Child, project: Project, ended: queue.SimpleQueue[Child]) -> None:
    """In a session of its own: the terminal's Ctrl-C must reach it once, from us, and only what we started.

    It writes into files. With a pipe its life would hang on ours: after a kill -9 of this process it finishes alone, as
    the Terraform of one environment does.
    """
    child.started = datetime.now(UTC)
    environment = {**os.environ, "TOOLKIT_PROJECT": str(project.root)}
    with disk_errors(f"the log of {child.job.name}"), _new(child.answer) as out, _new(child.log) as err:
        process = subprocess.Popen(
            child.job.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    child.process = process

    def wait() -> None:
        process.wait()
        ended.put(child)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _passing_signals(children: Sequence[Child], watcher: Watcher) -> Iterator[list[int]]:
    """Each child gets SIGINT, unless this process was started with it ignored, as a script's background job is: then
    its children ignore it as well, and SIGTERM says the same to them."""
    said: list[int] = []
    word = signal.SIGTERM if signal.getsignal(signal.SIGINT) == signal.SIG_IGN else signal.SIGINT

    def pass_on(number: int) -> None:
        said.append(number)
        running = [child for child in children if child.running]
        if len(said) == 1:
            names = ", ".join(child.job.name for child in running) or "nothing"
            watcher.note(f"interrupted: nothing more is begun; ending in order: {names}")
        for child in running:
            assert child.process is not None
            child.process.send_signal(word)

    with handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), pass_on):
        yield said


def as_run(child: Child, cmd: str, ref: str, args: Sequence[str], cause: str = "") -> Run:
    """The child's line of the report; ``cause`` is why it failed, where its document says so."""
    now = datetime.now(UTC)
    started, ended = child.started or now, child.ended or now
    result: Outcome
    reason: Reason | None = None
    if child.skipped is not None:
        result, (reason, cause) = "early exit", child.skipped
    elif child.good:
        result, cause = "succeeded", ""
    else:
        result, reason, cause = "failed", "run error", cause or child.error
    return Run(child.job.name, started, ended, result, reason, cause, ref, cmd, tuple(args))


def exit_code(children: Sequence[Child], interrupted: bool) -> ExitCode:
    """Of all together: interrupted, failed (in the one way in which all that failed did), changes, or done."""
    codes = {child.exit_code for child in children if child.process is not None}
    bad = codes - {ExitCode.DONE, ExitCode.CHANGES}
    if interrupted or ExitCode.INTERRUPTED in bad:
        return ExitCode.INTERRUPTED
    if bad or any(child.skipped for child in children):
        known = bad & {ExitCode.USAGE, ExitCode.REFUSED}
        return ExitCode(known.pop() or 1) if len(bad) == 1 and known else ExitCode.FAILED
    return ExitCode.CHANGES if ExitCode.CHANGES in codes else ExitCode.DONE


_STAMP = re.compile(r"^\[ *\d+(?:\.\d+)?s\] ")


def _new(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _whole(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _ending(code: int | None, words: str) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}" + (f", after: {words}" if words else "")
    return words or f"exit code {code}"
