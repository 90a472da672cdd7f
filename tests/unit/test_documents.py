"""The written pages: links lead somewhere, and each surprise has its day and its source."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "toolkit" / "sandbox" / "README.md"]
    if ".toolkit" not in path.parts
)
SURPRISES = (ROOT / "docs" / "surprises.md").read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_links_every_page_for_people() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT) for path in PAGES if path.parent.name != "adr" and path.name != "README.md"]
    assert [str(page) for page in pages if f"({page})" not in readme] == []


def test_every_surprise_has_a_day_and_a_source() -> None:
    rows = [line.strip("|").split(" | ") for line in SURPRISES.splitlines() if re.match(r"\| \d{4}-", line)]
    assert len(rows) >= 25
    assert [row for row in rows if len(row) != 4] == []
    for day, _, _, source in rows:
        date.fromisoformat(day.strip())
        assert "](" in source or "seen here" in source, source
