"""Changes of env.toml that a command makes for its user: one value, and every other byte as it was."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.files import write_atomically

_STRING = r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''
_COMMENT = r"#[^\n]*"
# An array of strings, with whatever TOML allows between them: https://toml.io/en/v1.0.0#array
_ARRAY = rf"\[(?:\s|,|{_STRING}|{_COMMENT})*\]"
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def record_list(path: Path, root: Path, key: str, values: Sequence[str]) -> None:
    """Set a top-level list of strings. Raises ToolkitError when the file is written in a way that this cannot edit."""
    shown = path.relative_to(root)
    before = path.read_bytes().decode("utf-8")
    after = with_list(before, key, values)
    try:
        done = tomllib.loads(after) == {**tomllib.loads(before), key: list(values)}
    except tomllib.TOMLDecodeError:
        done = False
    if not done:
        raise ToolkitError(f"{shown}: {key} cannot be written into it", hint=f"write it yourself: {_line(key, values)}")
    write_atomically(path, after.encode("utf-8"), path.stat().st_mode & 0o777)


def with_list(text: str, key: str, values: Sequence[str]) -> str:
    """The text of a TOML file in which a top-level key has this list: in its place, or after the last top-level key."""
    newline = "\r\n" if "\r\n" in text else "\n"
    table = _TABLE.search(text)
    head, rest = (text[: table.start()], text[table.start() :]) if table else (text, "")
    name = re.escape(key)
    found = re.search(rf"""^([ \t]*(?:{name}|"{name}"|'{name}')[ \t]*=[ \t]*){_ARRAY}""", head, re.MULTILINE)
    if found:
        return head[: found.start()] + found[1] + _array(values) + head[found.end() :] + rest
    kept = head.rstrip()
    blank = head[len(kept) :]
    line = _line(key, values)
    return f"{kept}{newline if kept else ''}{line}{blank or newline}{rest}"


def with_string(text: str, key: str, value: str) -> str:
    """The text of a TOML file in which a top-level key that is there has this string.

    Raises ToolkitError for a key that is not written on one line of its own.
    """
    table = _TABLE.search(text)
    head, rest = (text[: table.start()], text[table.start() :]) if table else (text, "")
    pattern = rf"^([ \t]*{re.escape(key)}[ \t]*=[ \t]*)(?:{_STRING})"
    after, count = re.subn(pattern, lambda found: f'{found[1]}"{value}"', head, flags=re.MULTILINE)
    if count != 1:
        raise ToolkitError(f"{key} of env.toml cannot be replaced", hint=f'it stands in a line {key} = "…"')
    return after + rest


def _line(key: str, values: Sequence[str]) -> str:
    return f"{key} = {_array(values)}"


def _array(values: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
