"""Markdown that fits a comment: cut at a line's end, with what was open closed, and a word of where the rest is."""

from __future__ import annotations

import re

from toolkit.errors import UsageError

# What GitHub takes: "Body is too long (maximum is 65536 characters)", which its REST API answers with 422. Azure DevOps
# takes more, so that one limit serves both.
LIMIT = 65_536
_KEY = re.compile(r"[a-z0-9][a-z0-9@._-]{0,62}")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")


def marker(key: str) -> str:
    """The first line of the comment about ``key``: nobody sees it, and the next run finds it."""
    if not _KEY.fullmatch(key):
        raise UsageError(
            f"{key!r} cannot be a comment's key", hint="lower-case letters, digits and @ . _ -, such as plan-dev"
        )
    return f"<!-- toolkit: {key} -->"


def fitted(key: str, text: str, more: str, limit: int = LIMIT) -> str:
    """The whole comment, of at most ``limit`` UTF-16 units, which is how GitHub counts at most.

    ``more`` is an address or a sentence for people: where all of it is.
    """
    head = marker(key) + "\n"
    if _units(head + text) <= limit:
        return head + text
    lines = text.split("\n")
    size, fence, details = _units(head), "", 0
    fitting = head + _end(fence, details, len(lines), more)
    for number, line in enumerate(lines, 1):
        size += _units(line) + 1
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and line.strip() == fence:
            fence = ""
        elif not fence:
            details += line.count("<details") - line.count("</details>")
        end = _end(fence, details, len(lines) - number, more)
        if size + _units(end) > limit:
            break
        fitting = head + "\n".join(lines[:number]) + end
    return fitting


def _end(fence: str, details: int, left_out: int, more: str) -> str:
    closing = (f"\n{fence}" if fence else "") + "\n\n</details>" * max(details, 0)
    return f"{closing}\n\n**{left_out} lines are left out here.** {more}\n"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
