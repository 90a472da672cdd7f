"""What terraform/ promises about itself and Terraform does not check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docs.generate.readmes import Module
from tests.conftest import ROOT
from toolkit.azure.api_versions import API_VERSIONS
from toolkit.environment.types import parse_file
from toolkit.terraform.recovery import deleted_vault, owed_purge

TERRAFORM = ROOT / "terraform"
LONGEST_ROW = 140
LONGEST_WORD = 110
FLAGS = re.DOTALL | re.MULTILINE
FILES = sorted(
    path
    for pattern in ("*.tf", "*.hcl", "*.tfvars")
    for path in TERRAFORM.rglob(pattern)
    if ".terraform" not in path.relative_to(TERRAFORM).parts and path.name != ".terraform.lock.hcl"
)


def test_locks_go_before_whatever_is_below_them() -> None:
    """A module that governance forgets would be destroyed under a lock, and Azure refuses that."""
    modules = {labels[0]: body for labels, body in Module(TERRAFORM / "platform").blocks("module")}
    named = {reference.strip("${}") for reference in modules["governance"]["depends_on"]}
    assert named == {f"module.{name}" for name in modules if name != "governance"}


def test_no_row_is_too_long_to_read() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}: {len(row)}"
        for path in FILES
        for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        # One address cannot be broken.
        if len(row) > LONGEST_ROW and max(len(word) for word in row.split()) < LONGEST_WORD
    ]
    assert len(FILES) > 100
    assert long == []


def test_diagnostic_settings_are_made_in_one_place() -> None:
    made = [path for path in FILES if "Microsoft.Insights/diagnosticSettings@" in path.read_text(encoding="utf-8")]
    assert [path.parent.name for path in made] == ["diagnostic_setting"]


def test_every_attribute_of_an_input_is_described() -> None:
    """Objects of several attributes: a bullet names each of them."""
    seen, undescribed = 0, []
    for path in FILES:
        if not path.name.startswith("variables"):
            continue
        for name, body in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', path.read_text(encoding="utf-8"), FLAGS):
            declared = re.search(r"^  type += (?:map\()?object\(\{(\n.*?^  \}|[^\n]*\})\)", body, FLAGS)
            if declared is None:
                continue
            nested = declared[1].startswith("\n")
            attributes = re.findall(r"^ {4}(\w+) += " if nested else r" (\w+) = ", declared[1], FLAGS)
            described = "\n".join(re.findall(r"^ +\* (.*?):", body, FLAGS))
            if len(attributes) > 1:
                seen += 1
                undescribed += [
                    f"{path.relative_to(ROOT)}: {name}.{attribute}"
                    for attribute in attributes
                    if f"`{attribute}`" not in described
                ]
    assert seen > 40
    assert undescribed == []


def test_no_version_of_key_vault_that_retires() -> None:
    """Control-plane versions before 2026-02-01 retire on 2027-02-27:
    https://learn.microsoft.com/azure/key-vault/general/access-control-default"""
    versions = {
        f"{path.relative_to(ROOT)}: {version}"
        for path in FILES
        for version in re.findall(r"Microsoft\.KeyVault/[\w/]+@(\d{4}-\d\d-\d\d)", path.read_text(encoding="utf-8"))
    }
    versions |= {f"owed_purge: {owed_purge._VAULT_API}", f"deleted_vault: {deleted_vault._API}"}
    versions |= {
        f"smoke: {version}" for kind, version in API_VERSIONS.items() if kind.startswith("microsoft.keyvault/")
    }
    assert len(versions) >= 4
    assert {version for version in versions if version.split()[-1] < "2026-02-01"} == set()


def _conditions(folder: Path) -> Iterator[tuple[str, int]]:
    """What `expect_failures` names, and how many conditions it has: variables with validations, resources with pre- or
    postconditions."""
    for file in sorted(folder.glob("*.tf")):
        document = parse_file(file)
        for named in document.get("variable", []):
            ((name, block),) = named.items()
            yield f"var.{name}", len(block.get("validation") or [])
        for named in document.get("resource", []):
            ((kind, inner),) = named.items()
            ((name, block),) = inner.items()
            cycles = block.get("lifecycle") or []
            for cycle in cycles if isinstance(cycles, list) else [cycles]:
                yield f"{kind}.{name}", sum(len(cycle.get(key) or []) for key in ("precondition", "postcondition"))


def test_each_condition_has_a_run_that_breaks_it() -> None:
    seen, without = 0, []
    for folder in sorted({path.parent for path in FILES if path.name == "terraform.tf"}):
        runs = "\n".join(path.read_text(encoding="utf-8") for path in sorted((folder / "tests").glob("*.tftest.hcl")))
        expected = re.findall(r"expect_failures\s*=\s*\[(.*?)\]\s*\n", runs, re.DOTALL)
        for name, conditions in _conditions(folder):
            broken = sum(len(re.findall(rf"\b{re.escape(name)}\b", text)) for text in expected)
            seen += conditions
            if broken < conditions:
                without.append(f"{folder.relative_to(ROOT)} {name}: {conditions} conditions, {broken} runs")
    assert seen > 150
    assert without == []
