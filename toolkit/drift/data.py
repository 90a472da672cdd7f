"""Changes of an environment's data for what drifted: a value that is meant from now on, or an entry to ignore."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from toolkit.drift.model import DataLine
from toolkit.environment import Environment
from toolkit.environment.editing import record_list
from toolkit.errors import ToolkitError, UsageError
from toolkit.files import disk_errors, write_atomically

_STRINGS = r"\[(?P<values>[^\[\]]*)\]"


def adopt(environment: Environment, line: DataLine) -> Path:
    """Add the line's values to its key, and answer the file. Raises ToolkitError, with the line to write by hand, where
    the file is written in a way that this cannot edit."""
    path = environment.folder / line.file
    root = environment.project.root
    if line.file == "env.toml":
        known = tomllib.loads(path.read_text(encoding="utf-8")).get(line.key, [])
        record_list(path, root, line.key, [*known, *(one for one in line.values if one not in known)])
        return path
    before = path.read_text(encoding="utf-8")
    after = with_values(before, line.key, line.values)
    shown = ", ".join(f'"{one}"' for one in line.values)
    if after is None or not _holds(after, line):
        raise ToolkitError(
            f"{path.relative_to(root)}: {line.key} cannot be written into it",
            hint=f"add {shown} to {line.key} yourself",
        )
    with disk_errors("the environment's data"):
        write_atomically(path, after.encode("utf-8"), path.stat().st_mode & 0o777)
    return path


def with_values(text: str, key: str, values: Sequence[str]) -> str | None:
    """The text of a tfvars file in which ``object.attribute``, a list of strings, has these values, too; None where no
    such object is written as a block of lines."""
    outer, _, inner = key.partition(".")
    block = re.search(rf"^{outer}\s*=\s*\{{\s*(?:#[^\n]*)?$", text, re.MULTILINE)
    if block is None:
        return None
    end = _closing(text, block.end())
    if end is None:
        return None
    body = text[block.end() : end]
    found = re.search(rf"^(?P<head>[ \t]*{inner}[ \t]*=[ \t]*){_STRINGS}", body, re.MULTILINE)
    if found:
        known = re.findall(r'"([^"]*)"', found["values"])
        listed = ", ".join(f'"{one}"' for one in [*known, *(one for one in values if one not in known)])
        body = f"{body[: found.start()]}{found['head']}[{listed}]{body[found.end() :]}"
    else:
        listed = ", ".join(f'"{one}"' for one in values)
        body = f"{body.rstrip()}\n  {inner} = [{listed}]\n"
    return text[: block.end()] + body + text[end:]


def _closing(text: str, start: int) -> int | None:
    """Where the brace closes that was opened before ``start``; strings and comments are passed over."""
    depth = 1
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|#[^\n]*|//[^\n]*|[{}]', text[start:]):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return start + token.start()
    return None


def _holds(text: str, line: DataLine) -> bool:
    import hcl2
    from lark.exceptions import LarkError

    try:
        document = hcl2.loads(text)
    except LarkError:
        return False
    outer, _, inner = line.key.partition(".")
    listed = [str(one).strip('"') for one in (document.get(outer) or {}).get(inner) or []]
    return set(line.values) <= set(listed)


def accept(environment: Environment, what: str, reason: str, until: date, today: date) -> Path:
    """Add an entry to ``[[drift.ignore]]``, and answer the file. Raises UsageError for an entry that says nothing."""
    if len(reason.strip()) < 3:
        raise UsageError("an ignored drift needs a reason", hint="--reason 'what for, and who knows more'")
    if until < today:
        raise UsageError(f"{until} is over", hint="--until YYYY-MM-DD, the last day on which it is ignored")
    path = environment.folder / "env.toml"
    before = path.read_text(encoding="utf-8")
    entry = f"[[drift.ignore]]\nwhat    = {_toml(what)}\nreason  = {_toml(reason.strip())}\nexpires = {until}\n"
    after = f"{before.rstrip()}\n\n{entry}"
    try:
        listed = tomllib.loads(after)["drift"]["ignore"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ToolkitError(
            f"{path.relative_to(environment.project.root)}: an entry cannot be added: {error}",
            hint=f"write it yourself:\n{entry}",
        ) from None
    assert listed[-1]["what"] == what
    with disk_errors("the environment's data"):
        write_atomically(path, after.encode("utf-8"), path.stat().st_mode & 0o777)
    return path


def _toml(text: str) -> str:
    """https://toml.io/en/v1.0.0#string"""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else " " for one in escaped) + '"'
