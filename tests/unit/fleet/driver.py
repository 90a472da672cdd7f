"""A run over many environments in a process of its own, for tests that interrupt it: ROOT PARALLEL NAME…"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from toolkit.fleet.running import Child, Job, as_run, exit_code, new_folder, run_all
from toolkit.project import Project


class Watched:
    """What was begun and ended, in order, and the most that ran at once."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.most = 0
        self.notes: list[str] = []

    def started(self, child: Child) -> None:
        self.order.append(f"+{child.job.name}")

    def looked(self, children: Sequence[Child]) -> None:
        self.most = max(self.most, sum(child.running for child in children))

    def ended(self, child: Child) -> None:
        self.order.append(f"-{child.job.name}")

    def note(self, text: str) -> None:
        self.notes.append(text)


def worker(path: Path) -> None:
    """Says that it began, waits, and writes down which signal ended it."""

    def end(number: int, frame: FrameType | None) -> None:
        path.with_suffix(".ended").write_text(str(number))
        sys.exit(130)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
    path.with_suffix(".began").touch()
    while True:
        signal.pause()


def main(root: Path, parallel: int, names: Sequence[str]) -> int:
    me = (sys.executable, "-m", "tests.unit.fleet.driver", "worker")
    jobs = [Job(name, (*me, str(root / name))) for name in names]
    folder = new_folder(Project(root), "apply")
    children, interrupted = run_all(Project(root), jobs, folder, Watched(), parallel=parallel, fail_fast=False)
    print(json.dumps([[c.job.name, c.exit_code, as_run(c, "apply", "", ()).cause] for c in children]))
    return exit_code(children, interrupted)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(Path(sys.argv[2]))
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
