"""Which runs of this machine are alive: what a killed one left behind is nobody's, and the next run removes it at once.

A run notes its process before it writes anything, and forgets the note when it has cleaned up. What a run on another
machine left can be told by age only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from toolkit.processes import ProcessId, start_time
from toolkit.records import read_record, write_record


@dataclass(frozen=True, slots=True)
class Marks:
    folder: Path

    def set(self, run_id: str) -> None:
        """Raises OSError when the disk refuses."""
        self.folder.mkdir(parents=True, exist_ok=True)
        process = {"host": socket.gethostname(), "pid": os.getpid(), "started": start_time(os.getpid())}
        write_record(self.folder / f"{run_id}.json", process)

    def dead(self) -> frozenset[str]:
        """Runs of this machine whose process is gone."""
        return frozenset(path.stem for path in self.folder.glob("*.json") if _gone(path))

    def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            (self.folder / f"{run_id}.json").unlink(missing_ok=True)


def _gone(path: Path) -> bool:
    mark = read_record(path)
    if mark.get("host") != socket.gethostname() or not isinstance(mark.get("pid"), int):
        return False
    return not ProcessId(mark["pid"], str(mark.get("started"))).alive()
