"""JSON, as everything here keeps it: documents that are written whole, and logs with one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.files import write_atomically

Json = dict[str, Any]


def as_text(value: object, *, sort_keys: bool = False) -> str:
    """The way in which a document is written, for people to read and for ``diff``."""
    return json.dumps(value, indent=2, sort_keys=sort_keys) + "\n"


def write_record(path: Path, value: object, mode: int = 0o600, *, sort_keys: bool = False) -> None:
    """Write a document in one step. Raises OSError when the disk refuses (:func:`toolkit.files.disk_errors`)."""
    write_atomically(path, as_text(value, sort_keys=sort_keys), mode)


def read_record(path: Path) -> Json:
    """The object in a file; ``{}`` when there is no such file or it holds no JSON object."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def read_lines(path: Path) -> Iterator[Json]:
    """The objects of a log, one a line; nothing when there is no such file.

    Anything else is passed over: the last line of a killed process may be cut off.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield record
    except OSError:
        return
