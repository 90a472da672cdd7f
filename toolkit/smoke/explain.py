"""A check in words: its record, its controls, and what its section of docs/checks.md says of failures and the fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.checks.model import Check
from toolkit.smoke.controls import CONTROLS


@dataclass(frozen=True, slots=True)
class Explanation:
    """``proves`` is what holds when it passes; ``failure`` and ``fix`` are empty where no documentation is at hand."""

    check: Check[Any]
    proves: str
    failure: str
    fix: str

    @property
    def acts(self) -> str:
        where = self.check.vantage or "where the runner stands"
        return f"as {self.check.identity}, from {where}"

    @property
    def controls(self) -> list[str]:
        return [f"{CONTROLS[one].framework} {one}: {CONTROLS[one].title}" for one in self.check.controls]


def explain(check: Check[Any], document: Path) -> Explanation:
    """``document`` is docs/checks.md of the checkout: an installed toolkit may be without."""
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    head, own = sections(text).get(check.id, ("", ""))
    proves = _plain(re.split(r"^\*\*", own, maxsplit=1, flags=re.MULTILINE)[0]) or f"{check.title}."
    return Explanation(
        check,
        proves,
        _said("A failure means", own) or _said("A failure means", head),
        _said("Fix", own) or _said("Fix", head),
    )


def sections(text: str) -> dict[str, tuple[str, str]]:
    """What the document says at the head of a check's chapter, and in its own section, by the check's id."""
    found = {}
    for chapter in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, *own = re.split(r"^### ", chapter, flags=re.MULTILINE)
        for section in own:
            name, _, body = section.partition("\n")
            found[name.strip()] = (head, body)
    return found


def _said(word: str, text: str) -> str:
    """The paragraph that begins with the word in bold; a word further on in a paragraph ends it, as the next one."""
    found = re.search(rf"\*\*{word}\*\*,?\s*(.*?)(?=\n\n|\*\*Fix\*\*|\Z)", text, re.DOTALL)
    return _plain(found[1]) if found else ""


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).split())
