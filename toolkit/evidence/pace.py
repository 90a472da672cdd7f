"""How long the last applies took, for who waits for the next one."""

from __future__ import annotations

from pathlib import Path

from toolkit.evidence.runs import runs
from toolkit.records import read_record
from toolkit.terraform.flight import Pace, pace_of

PACE = "pace"
_LOOKED_AT = 20


def last_pace(folder: Path, planned: int) -> Pace | None:
    """Of the runs in ``folder``, the one that changed about as much; the newest of those that are equally near."""
    recent = reversed(runs(folder)[-_LOOKED_AT:])
    found = [pace for run in recent if (pace := pace_of(read_record(run.folder / f"{PACE}.json"))) is not None]
    return min(found, key=lambda pace: abs(len(pace.done) - planned), default=None)
