"""The runs of which an environment has evidence: which there are, what one found, and how two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError, nearest
from toolkit.evidence.seal import is_sealed, is_signed
from toolkit.records import Json, read_record

LATEST, PREVIOUS = "latest", "previous"
# A check whose time changed by less than this, or by less than its own half, took as long as before.
_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """One folder. ``report`` is its ``smoke.json``: ``{}`` of a run that was interrupted before it had one."""

    folder: Path
    report: Json

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def plan(self) -> Json:
        return read_record(self.folder / "plan.json")

    @property
    def verdict(self) -> str:
        """For people, in one word or a few."""
        if not self.report:
            return "unfinished"
        if not self.report.get("ran"):
            return "not tested"
        return "green" if self.report.get("green") is True else "red"

    @property
    def checks(self) -> dict[str, Json]:
        return {one["id"]: one for one in self.report.get("checks", [])}

    def document(self) -> Json:
        """One row of ``list --json``."""
        return {
            "run": self.name,
            "folder": str(self.folder),
            "environment": self.report.get("environment"),
            "time": self.report.get("started_at") or self.report.get("time"),
            "verdict": self.verdict,
            "summary": self.report.get("summary"),
            "commit": self.report.get("commit"),
            "applied": bool(self.plan),
            "sealed": is_sealed(self.folder),
            "signed": is_signed(self.folder),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """``what`` was ``before`` and is ``after``; None for what is not there."""

    what: str
    before: Any
    after: Any


def runs(folder: Path) -> list[Run]:
    """Oldest first. A folder that is no run's (no name of a time) is passed over."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[:8].isdigit())
    except OSError:
        return []
    return [Run(path, read_record(path / "smoke.json")) for path in found]


def find(folder: Path, name: str) -> Run:
    """The run that is called ``name``, or begins so; ``latest``, ``previous``; or the folder at that path.

    Raises UsageError, with the nearest name.
    """
    if "/" in name and Path(name).is_dir():
        path = Path(name).resolve()
        return Run(path, read_record(path / "smoke.json"))
    there = runs(folder)
    if not there:
        raise UsageError(f"there is no evidence in {folder}", hint="toolkit apply and toolkit smoke leave it")
    if name in (LATEST, PREVIOUS):
        position = 1 if name == LATEST else 2
        if len(there) < position:
            raise UsageError("there is no previous run: this is the first one", hint=_SHOWS)
        return there[-position]
    matches = [run for run in there if run.name.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"{len(matches)} runs begin with {name!r}", hint=f"the last of them is {matches[-1].name}")
    close = nearest(name, [run.name for run in there])
    raise UsageError(f"there is no run {name!r} in {folder}", hint=f"did you mean {close}?" if close else _SHOWS)


_SHOWS = "toolkit evidence list ENV shows them"


def differences(before: Run, after: Run) -> list[Difference]:
    """Verdict, circumstances, checks that came, went or ended otherwise, then times."""
    old, new = before.report, after.report
    found = [Difference("verdict", before.verdict, after.verdict)]
    found += [Difference(name, old.get(name), new.get(name)) for name in _facts(old, new)]
    names = [*before.checks, *(name for name in after.checks if name not in before.checks)]
    found += [Difference(f"check {name}", _ended(before, name), _ended(after, name)) for name in names]
    found = [one for one in found if one.before != one.after]
    return [*found, *_slower(before, after, names)]


def _facts(old: Json, new: Json) -> Sequence[str]:
    """What the run was: on which commit, as whom. Times and ids of runs differ always, and say nothing."""
    plain = {name for report in (old, new) for name, value in report.items() if isinstance(value, str)}
    return sorted(plain - {"time", "started_at", "run_id", "reason", "verdict"}) + (["versions"] if old and new else [])


def _ended(run: Run, name: str) -> str | None:
    one = run.checks.get(name)
    if one is None:
        return None
    if one["outcome"] == "PASS":
        return "PASS"
    return f"{one['outcome']}: {one['reason']}"


def _slower(before: Run, after: Run, names: Sequence[str]) -> list[Difference]:
    found = []
    for name in names:
        if name in before.checks and name in after.checks:
            old, new = (float(run.checks[name].get("duration_seconds", 0)) for run in (before, after))
            if abs(new - old) >= max(_SECONDS, old / 2):
                found.append(Difference(f"time of {name}", f"{old:.1f} s", f"{new:.1f} s"))
    return found
