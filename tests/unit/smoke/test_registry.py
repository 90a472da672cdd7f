"""The registry: ids, categories and their documentation."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from toolkit.checks.causes import CAUSES, Cause
from toolkit.checks.model import Check
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.smoke.context import Context
from toolkit.smoke.controls import CONTROLS
from toolkit.smoke.explain import explain
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
    denials = [check for check in EVERY if check.expectation == "denial"]
    assert len(denials) >= 5
    assert {check.vantage for check in denials} >= {"internet", "vnet"}
    assert not [check.id for check in denials if check.vantage is not None and check.retry_seconds <= 0]
    assert not [check.id for check in EVERY if check.id.endswith("-denied") and check not in denials]


def test_prerequisites_are_checks_and_form_no_circle() -> None:
    by_id = {check.id: check for check in EVERY}
    assert [(c.id, one) for c in EVERY for one in c.depends if one not in by_id] == []

    def path(name: str, above: tuple[str, ...] = ()) -> None:
        assert name not in above, f"a circle: {' -> '.join((*above, name))}"
        for one in by_id[name].depends:
            path(one, (*above, name))

    for check in EVERY:
        path(check.id)


def test_what_a_fatal_check_depends_on_is_fatal_and_runs_with_it() -> None:
    """Else its skip would leave the run green, and a check on request would be waited for in vain."""
    by_id = {check.id: check for check in EVERY}
    weak = [
        (c.id, one)
        for c in EVERY
        for one in c.depends
        if (c.severity, by_id[one].severity) == ("fatal", "warning")
        or (by_id[one].category in ON_REQUEST and c.category not in ON_REQUEST)
    ]
    assert weak == []


def test_every_check_is_evidence_for_known_controls() -> None:
    assert [check.id for check in EVERY if not check.controls] == []
    assert [(c.id, one) for c in EVERY for one in c.controls if one not in CONTROLS] == []
    assert {CONTROLS[one].framework for check in EVERY for one in check.controls} == {"MCSB", "NIST 800-53"}


def test_every_cause_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = dict(
        re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text.split("## Causes", 1)[1].split("## ", 1)[0], re.MULTILINE)
    )
    assert rows == CAUSES
    assert set(get_args(Cause)) == set(CAUSES)


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


def test_what_a_word_is_about_is_chosen_and_left_out() -> None:
    def chosen(*only: str, skip: tuple[str, ...] = ()) -> set[str]:
        return {check.id for check in select(only=only, skip=skip)}

    assert chosen("storage-internet-*", "dns") == {
        check.id for check in CHECKS if check.id.startswith("storage-internet-") or check.category == "dns"
    }
    assert chosen("warning") == {check.id for check in CHECKS if check.severity == "warning"}
    assert chosen("denial", skip=("keyvault",)) == {
        check.id for check in CHECKS if check.expectation == "denial" and check.category != "keyvault"
    }
    assert {check.id for check in select(skip=("fatal",))} == chosen("warning")
    assert chosen("*") == {check.id for check in CHECKS}  # what starts jobs is only run when it is named
    assert chosen("runtime-*") == chosen("runtime") == {"runtime-pointer", "runtime-code-version"}


@pytest.mark.parametrize(
    ("only", "skip", "hint"),
    [(["storag"], [], "storage"), ([], ["warnin"], "warning"), (["dns-storage-privat"], [], "dns-storage-private")],
)
def test_a_word_that_is_about_nothing_is_refused(only: list[str], skip: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(only=only, skip=skip)
    assert f"did you mean {hint}?" in (caught.value.hint or "")


def test_a_choice_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no check is left"):
        select(only=["dns"], skip=["fatal"])


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
def test_every_check_can_be_explained(check: Check[Context]) -> None:
    said = explain(check, DOCUMENT)
    assert said.proves.startswith(check.title)
    assert "**" not in said.proves + said.failure + said.fix
    assert min(len(said.failure), len(said.fix)) > 10, check.id


def test_a_check_is_explained_without_the_documentation(tmp_path: Path) -> None:
    said = explain(CHECKS[0], tmp_path / "checks.md")
    assert (said.proves, said.failure, said.fix) == (f"{CHECKS[0].title}.", "", "")
