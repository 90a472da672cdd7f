"""Runs as lines for people and documents for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from toolkit.adf.runs import ActivityRun, PipelineRun, Tree

DEBUG = "a debug run executes the studio's draft: it proves nothing about what is published"
_LONGEST = 400


def run_line(run: PipelineRun) -> str:
    return f"{run.status} pipeline {run.pipeline} {duration(run.seconds)} run {run.id}"


def activity_line(depth: int, activity: ActivityRun) -> str:
    return f"{'  ' * depth}{activity.status} {activity.name} ({activity.type}) {duration(activity.seconds)}".rstrip()


def tree_lines(tree: Tree, *, data: bool) -> Iterator[str]:
    """The tree; with ``data``, what each activity was given and gave. Errors are always there."""
    yield run_line(tree.run)
    if tree.run.debug:
        yield f"note: {DEBUG}"
    if tree.run.message:
        yield f"message: {tree.run.message}"
    for name, value in tree.run.parameters.items():
        yield f"parameter {name} = {value}"
    for depth, activity in tree.walk(1):
        yield activity_line(depth, activity)
        inner = "  " * (depth + 1)
        if data:
            for name, value in (("input", activity.input), ("output", activity.output)):
                if value:
                    yield f"{inner}{name}: {_short(value)}"
        if activity.error:
            yield f"{inner}error: {_error(activity.error)}"


def tree_document(tree: Tree) -> dict[str, Any]:
    return {
        **run_document(tree.run),
        "activities": [
            {
                "id": activity.id,
                "name": activity.name,
                "type": activity.type,
                "status": activity.status,
                "started": _time(activity.started),
                "ended": _time(activity.ended),
                "seconds": activity.seconds,
                "input": activity.input,
                "output": activity.output,
                "error": activity.error,
                **({"run": tree_document(below)} if below else {}),
            }
            for activity, below in tree.activities
        ],
    }


def run_document(run: PipelineRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "pipeline": run.pipeline,
        "status": run.status,
        "message": run.message,
        "started": _time(run.started),
        "ended": _time(run.ended),
        "seconds": run.seconds,
        "parameters": run.parameters,
        "invoked_by": run.invoked_by,
        "debug": run.debug,
    }


def run_row(run: PipelineRun) -> list[str]:
    started = run.started.strftime("%Y-%m-%d %H:%M:%S") if run.started else ""
    by = f"{run.invoked_by} (debug)" if run.debug else run.invoked_by
    return [run.pipeline, run.status, started, duration(run.seconds), by, run.id]


def duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _error(error: Any) -> str:
    code = f"{error['errorCode']}: " if error.get("errorCode") else ""
    return f"{code}{error.get('message', '')}".strip()


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text)} characters; --json has them all)"


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
