"""The registry: ids, categories and their documentation."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.smoke.registry import CATEGORIES, CHECKS, EVERY, ON_REQUEST, select

DOCUMENT = find_project().root / "docs" / "checks.md"


def test_ids_are_unique_and_begin_with_their_category() -> None:
    ids = [check.id for check in EVERY]
    assert not [one for one, count in Counter(ids).items() if count > 1]
    assert not [c.id for c in EVERY if not re.fullmatch(rf"{c.category}(-[a-z]+)+", c.id)]


def test_every_category_has_checks_in_one_run() -> None:
    order = list(dict.fromkeys(check.category for check in EVERY))
    assert order == list(CATEGORIES)
    assert [c.category for c in EVERY] == sorted((c.category for c in EVERY), key=CATEGORIES.index)


def test_denials_are_proven_from_inside_and_outside() -> None:
    denials = [check for check in EVERY if check.id.endswith("-denied")]
    assert len(denials) >= 5
    assert {check.vantage for check in denials} == {"internet", "vnet"}
    assert not [check.id for check in denials if check.retry_seconds <= 0]


def test_every_check_is_documented_in_the_registrys_order() -> None:
    headings = re.findall(r"^### ([a-z0-9-]+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [check.id for check in EVERY]


def test_every_check_says_what_it_proves_what_a_failure_means_and_what_to_do() -> None:
    """In its own section, or, for siblings, once at the head of their category."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for chapter in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, *sections = re.split(r"^### ", chapter, flags=re.MULTILINE)
        found |= {section.split("\n")[0]: head + section for section in sections}
    for check in EVERY:
        own = found[check.id].split(check.id, 1)[1]
        assert f"{check.title}." in own, check.id
        for word in ("**A failure means**", "**Fix**"):
            assert word in found[check.id], f"{check.id}: {word}"
        assert ("A warning" in own) == (check.severity == "warning"), check.id
        if check.vantage is not None:
            assert f"rom `{check.vantage}`" in found[check.id], check.id
            assert f"s `{check.identity}`" in found[check.id], check.id


def test_siblings_do_not_repeat_each_other() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    said = Counter(line for line in text.splitlines() if line.startswith(("**A failure", "**Fix")) and len(line) > 40)
    assert [line for line, times in said.items() if times > 1] == []


def test_select_by_category_and_id() -> None:
    assert select() == CHECKS
    assert {check.category for check in EVERY} - {check.category for check in CHECKS} == set(ON_REQUEST)
    assert [check.id for check in select(["runtime"])] == ["runtime-pointer", "runtime-code-version"]
    chosen = select(["dns"], ["posture-storage"])
    assert {check.category for check in chosen} == {"dns", "posture"}
    assert chosen[-1].id == "posture-storage"


@pytest.mark.parametrize(
    ("categories", "ids", "hint"),
    [(["storag"], [], "storage"), ([], ["storage-vnet-wirte"], "storage-vnet-write"), ([], ["vault"], "dns-vault")],
)
def test_what_is_unknown_is_guessed(categories: list[str], ids: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(categories, ids)
    assert f"did you mean {hint}" in (caught.value.hint or "")
