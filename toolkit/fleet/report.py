"""The report of a run over many environments, in the columns and values of Terragrunt's run report, schema v4.

So what reads those reads ours. Names, values and which of them are required are the facts of
https://docs.terragrunt.com/schemas/run/report/v4/schema.json; ``run_report.schema.json`` says them in our words.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from toolkit.errors import UsageError
from toolkit.files import disk_errors, write_atomically

Outcome = Literal["succeeded", "failed", "early exit", "excluded"]
Reason = Literal["retry succeeded", "error ignored", "run error", "exclude block", "ancestor error"]
COLUMNS = ("Name", "Started", "Ended", "Result", "Reason", "Cause", "Ref", "Cmd", "Args")
SCHEMA = Path(__file__).with_name("run_report.schema.json")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# How Terragrunt joins the arguments in CSV.
_BETWEEN = "|"


@dataclass(frozen=True, slots=True)
class Run:
    """One environment in a run. ``ref`` is the commit, ``cause`` what failed or who must come first."""

    name: str
    started: datetime
    ended: datetime
    result: Outcome
    reason: Reason | None = None
    cause: str = ""
    ref: str = ""
    cmd: str = ""
    args: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return (self.ended - self.started).total_seconds()

    @property
    def lost(self) -> bool:
        """Whether what was asked for did not happen."""
        return self.result in ("failed", "early exit")

    def as_json(self) -> dict[str, Any]:
        """As the schema has it: what is empty is left out."""
        document: dict[str, Any] = {"Name": self.name, "Started": _time(self.started), "Ended": _time(self.ended)}
        document["Result"] = self.result
        optional = {"Reason": self.reason, "Cause": self.cause, "Ref": self.ref, "Cmd": self.cmd}
        return {
            **document,
            **{key: value for key, value in optional.items() if value},
            **({"Args": list(self.args)} if self.args else {}),
        }


def as_json(runs: Iterable[Run]) -> str:
    return json.dumps([run.as_json() for run in runs], indent=2) + "\n"


def as_csv(runs: Iterable[Run]) -> str:
    """Every column in each row, times in seconds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        times = (_time(run.started, "seconds"), _time(run.ended, "seconds"))
        args = _BETWEEN.join(run.args)
        writer.writerow((run.name, *times, run.result, run.reason or "", run.cause, run.ref, run.cmd, args))
    return out.getvalue()


def as_junit(runs: Sequence[Run]) -> str:
    """One test case for each environment, in a suite for each command."""
    from xml.etree import ElementTree as Tree  # writes only

    runs = [replace(run, name=_xml(run.name), cmd=_xml(run.cmd), cause=_xml(run.cause)) for run in runs]
    suites = Tree.Element("testsuites")
    for cmd in dict.fromkeys(run.cmd for run in runs):
        cases = [run for run in runs if run.cmd == cmd]
        suite = Tree.SubElement(
            suites,
            "testsuite",
            name=f"toolkit {cmd}".strip(),
            tests=str(len(cases)),
            failures=str(sum(run.result == "failed" for run in cases)),
            skipped=str(sum(run.result in ("early exit", "excluded") for run in cases)),
            time=f"{sum(run.seconds for run in cases):.3f}",
        )
        for run in cases:
            case = Tree.SubElement(suite, "testcase", name=run.name, classname=cmd, time=f"{run.seconds:.3f}")
            words = f"{run.reason or run.result}: {run.cause}".rstrip(": ")
            if run.result == "failed":
                Tree.SubElement(case, "failure", message=words.splitlines()[0]).text = words
            elif run.result != "succeeded":
                Tree.SubElement(case, "skipped", message=words.splitlines()[0])
    Tree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(suites, encoding="unicode") + "\n"


def as_markdown(runs: Sequence[Run]) -> str:
    """A table, for a job's summary."""
    lines = [f"### {summary(runs)}", "", "| environment | command | result | seconds | why |", "|---|---|---|---:|---|"]
    for run in runs:
        why = " ".join(f"{run.reason or ''}{': ' if run.reason and run.cause else ''}{run.cause}".split())
        cells = (run.name, run.cmd, run.result, f"{run.seconds:.1f}", why)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def summary(runs: Sequence[Run]) -> str:
    """``3 environments: 2 succeeded, 1 failed``."""
    counts = {outcome: sum(run.result == outcome for run in runs) for outcome in get_args(Outcome)}
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return f"{len(runs)} environment{'' if len(runs) == 1 else 's'}: {said or 'nothing to do'}"


FORMATS = {".csv": as_csv, ".json": as_json, ".xml": as_junit, ".md": as_markdown}


def check_format(path: Path) -> None:
    """Raises UsageError for a file whose ending names no form of the report."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"--report {path}: no form of the report ends in {path.suffix or 'nothing'!r}",
            hint=f"known: {', '.join(FORMATS)} (.xml is JUnit, .json and .csv are Terragrunt's run report)",
        )


def write(path: Path, runs: Sequence[Run]) -> None:
    """In the form that the file's ending names. Raises ToolkitError when the disk refuses."""
    text = FORMATS[path.suffix.lower()](runs)
    with disk_errors(f"the report {path}"):
        write_atomically(path, text, 0o644)


def read(path: Path) -> list[Run]:
    """A report in JSON or CSV. Raises UsageError, with the entry and the key, for what the schema does not allow."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{path}: cannot be read: {reason}") from None
    if path.suffix.lower() == ".csv":
        entries = _rows(path, text)
    else:
        try:
            entries = json.loads(text)
        except ValueError as error:
            raise UsageError(
                f"{path}: not valid JSON: {error}", hint="a job that was cut off may leave half a file: leave it out"
            ) from None
    if not isinstance(entries, list):
        raise _wrong(path, "a list of runs is expected")
    return [_run(path, number, entry) for number, entry in enumerate(entries, start=1)]


def merge(reports: Iterable[Sequence[Run]]) -> tuple[list[Run], list[str]]:
    """All runs, by name; of one environment and command that has several, the last. And what was left out for that."""
    newest: dict[tuple[str, str], Run] = {}
    left_out = []
    for run in (run for report in reports for run in report):
        key = (run.name, run.cmd)
        other = newest.get(key)
        if other is None:
            newest[key] = run
            continue
        older, newest[key] = sorted((other, run), key=lambda one: one.ended)
        left_out.append(f"{run.cmd} {run.name}".strip() + f" of {_time(older.ended)} ({older.result}): it ran again")
    return sorted(newest.values(), key=lambda one: (one.name, one.cmd)), left_out


def missing(runs: Sequence[Run], expected: Iterable[str]) -> list[Run]:
    """A failed run for each environment that should have reported and did not: its job died, or never began."""
    now = datetime.now(UTC)
    cmd = runs[0].cmd if runs and len({run.cmd for run in runs}) == 1 else ""
    there = {run.name for run in runs}
    return [
        Run(name, now, now, "failed", "run error", "no report: its job died, or never began", cmd=cmd)
        for name in dict.fromkeys(expected)
        if name not in there
    ]


def _rows(path: Path, text: str) -> list[Any]:
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise _wrong(path, f"the first line is not {','.join(COLUMNS)}")
    entries: list[Any] = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS):
            raise _wrong(path, f"line {number} has {len(row)} fields, not {len(COLUMNS)}")
        entry: dict[str, Any] = {key: value for key, value in zip(COLUMNS, row, strict=True) if value}
        if "Args" in entry:
            entry["Args"] = entry["Args"].split(_BETWEEN)
        entries.append(entry)
    return entries


def _run(path: Path, number: int, entry: object) -> Run:
    where = f"entry {number}"
    if not isinstance(entry, dict):
        raise _wrong(path, f"{where} is no object")
    if unknown := sorted(entry.keys() - set(COLUMNS)):
        raise _wrong(path, f"{where}: {unknown[0]} is not a known key")
    if absent := [key for key in COLUMNS[:4] if key not in entry]:
        raise _wrong(path, f"{where}: {absent[0]} is missing")
    args = entry.get("Args", [])
    if not (isinstance(args, list) and all(isinstance(one, str) for one in args)):
        raise _wrong(path, f"{where}: Args is no list of texts")
    for key in COLUMNS[:-1]:
        if not isinstance(entry.get(key, ""), str):
            raise _wrong(path, f"{where}: {key} is no text")
    for key, allowed in (("Result", get_args(Outcome)), ("Reason", get_args(Reason))):
        if key in entry and entry[key] not in allowed:
            raise _wrong(path, f"{where}: {key} {entry[key]!r} is not one of {', '.join(allowed)}")
    run = Run(entry["Name"], datetime.now(UTC), datetime.now(UTC), entry["Result"], entry.get("Reason"))
    return replace(
        run,
        started=_moment(path, where, "Started", entry),
        ended=_moment(path, where, "Ended", entry),
        cause=entry.get("Cause", ""),
        ref=entry.get("Ref", ""),
        cmd=entry.get("Cmd", ""),
        args=tuple(args),
    )


def _moment(path: Path, where: str, key: str, entry: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(entry[key])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or len(entry[key]) < len("2026-01-01T00:00:00Z"):
        raise _wrong(path, f"{where}: {key} {entry[key]!r} is no time with an offset, such as 2026-11-27T14:00:00Z")
    return moment


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} is no run report: {what}", hint=f"toolkit/fleet/{SCHEMA.name} says what one holds")


def _time(moment: datetime, precision: str = "milliseconds") -> str:
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _xml(text: str) -> str:
    """Without the letters that XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets), such as colours."""
    return _NOT_XML.sub("", text)
