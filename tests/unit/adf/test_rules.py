"""Every rule finds its bad example and leaves its good one alone; every fix mends what was found, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.adf.examples import ELSEWHERE, EXAMPLES, Example
from tests.unit.adf.parts import Json
from tests.unit.pipelines.factories import git_folder, template, write
from toolkit.adf.lint.engine import lint, mend
from toolkit.adf.lint.model import Finding
from toolkit.adf.lint.registry import RULES, select
from toolkit.pipelines.model import Factory
from toolkit.pipelines.reading import read_factory

BY_ID = {rule.id: rule for rule in RULES}


def made(folder: Path, resources: Json, files: Mapping[str, str] | None) -> Factory:
    git_folder(folder, resources)
    (folder / "pipeline").mkdir(exist_ok=True)
    for name, text in (files or {}).items():
        write(folder / name, text)
    return read_factory(folder)


def found(rule: str, factory: Factory, example: Example, folder: Path, *, bad: bool) -> list[Finding]:
    published = None
    if example.published:
        file = write(folder / "published.json", template(example.published[0 if bad else 1]))
        published = read_factory(file)
    return lint(factory, select([rule]), published)


def test_every_rule_has_an_example() -> None:
    assert sorted((*EXAMPLES, *ELSEWHERE)) == sorted(BY_ID)
    assert len(BY_ID) == len(RULES) >= 45


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_bad_example_is_found_where_it_is(rule: str, tmp_path: Path) -> None:
    example = EXAMPLES[rule]
    factory = made(tmp_path / "adf", example.bad, example.files)
    findings = found(rule, factory, example, tmp_path, bad=True)
    assert example.where in [one.path for one in findings]
    for one in findings:
        assert one.rule is BY_ID[rule]
        assert Path(one.file).is_file()
        text = Path(one.file).read_text(encoding="utf-8")
        assert 1 <= one.line <= text.count("\n") + 1
        assert one.what
        assert "\n" not in one.what


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_good_example_is_left_alone(rule: str, tmp_path: Path) -> None:
    example = EXAMPLES[rule]
    factory = made(tmp_path / "adf", example.good, example.good_files)
    assert [one.what for one in found(rule, factory, example, tmp_path, bad=False)] == []


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if rule.fixable])
def test_a_fix_mends_what_was_found_and_leaves_the_other_lines(rule: str, tmp_path: Path) -> None:
    example = EXAMPLES[rule]
    factory = made(tmp_path, example.bad, example.files)
    findings = lint(factory, select([rule]))
    before = {one.file: Path(one.file).read_text(encoding="utf-8") for one in findings}
    others = {one.rule.id for one in lint(factory, RULES) if one.rule.severity == "error"}
    assert mend(findings) == [one for one in findings if one.edits] != []
    again = read_factory(tmp_path)
    assert again.faults == factory.faults
    assert [one.what for one in lint(again, select([rule]))] == []
    assert {one.rule.id for one in lint(again, RULES) if one.rule.severity == "error"} <= others
    for file, text in before.items():
        after = Path(file).read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if line in after.splitlines()]
        assert len(kept) >= len(text.splitlines()) - 12
        assert json.loads(after) != json.loads(text)


@pytest.mark.parametrize(
    "rule", [rule for rule, one in EXAMPLES.items() if not one.files and not rule.startswith("limit")]
)
def test_all_fixes_at_once_come_to_an_end_and_leave_a_factory(rule: str, tmp_path: Path) -> None:
    factory = made(tmp_path, EXAMPLES[rule].bad, None)
    names = [one.label for one in factory.all]
    for _ in range(3):
        if not mend(lint(factory, RULES)):
            break
        factory = read_factory(tmp_path)
    assert [(one.rule.id, one.what) for one in lint(factory, RULES) if one.edits] == []
    assert factory.faults == []
    assert [one.label for one in factory.all] == names


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if not rule.fixable])
def test_what_needs_judgement_is_not_mended(rule: str, tmp_path: Path) -> None:
    if rule in ELSEWHERE:
        return
    example = EXAMPLES[rule]
    factory = made(tmp_path / "adf", example.bad, example.files)
    assert mend(found(rule, factory, example, tmp_path, bad=True)) == []


def test_each_rule_says_what_it_is_about() -> None:
    for rule in RULES:
        assert rule.what.endswith("."), rule.id
        assert rule.consequence.endswith("."), rule.id
        assert rule.fix.endswith("."), rule.id
        assert rule.source.startswith("https://") or rule.source == "docs/adf-lint.md", rule.id


def test_all_of_the_public_scripts_checks_are_here() -> None:
    """Test-AdfArmTemplate of Azure-Player/azure.datafactory.tools has 21."""
    numbers = sorted(int(rule.known_as.split()[1]) for rule in RULES if rule.known_as.startswith("Test-AdfArmTemplate"))
    assert numbers == list(range(1, 22))
