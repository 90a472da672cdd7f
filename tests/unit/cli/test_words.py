"""What commands say besides plans and progress: outputs, next steps, errors and their annotations, narrow tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.golden import check_golden
from tests.unit.cli.test_live import on_a_terminal
from toolkit.cli.ci_log import annotate
from toolkit.cli.main import main
from toolkit.cli.next_steps import next_steps
from toolkit.cli.terminal import Terminal
from toolkit.environment import load_environment
from toolkit.errors import Place, ToolkitError
from toolkit.project import Project

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
GROUP = "/subscriptions/10ca1000-0000-4000-8000-000000000002/resourceGroups/rg-mlp-local"
OUTPUTS: Mapping[str, Any] = {
    "data_factory_name": "adf-mlp-local",
    "key_vault_id": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-mlplocal-with-a-name-that-is-as-long-as-it-can-be",
    "lake_containers": {"raw": f"{GROUP}/raw", "curated": f"{GROUP}/curated"},
    "machine_learning_workspace_name": "mlw-mlp-local",
    "resource_group_name": "rg-mlp-local",
    "storage_account_name": "stmlplocal",
    "locks": {},
}


@pytest.fixture
def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose last apply left outputs."""
    for name in ("terraform", "envs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".toolkit" / "local").mkdir(parents=True)
    (tmp_path / ".toolkit" / "local" / "outputs.json").write_text(json.dumps(OUTPUTS), encoding="utf-8")
    monkeypatch.setenv("TOOLKIT_PROJECT", str(tmp_path))
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("outputs.txt", []),
        ("outputs-all.txt", ["--all"]),
        ("outputs.env", ["--format", "dotenv"]),
        ("outputs-plain.env", ["--format", "dotenv", "--prefix", "", "--no-export"]),
    ],
)
def test_outputs(applied: Project, name: str, arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["outputs", "local", *arguments]) == 0
    out = capfd.readouterr().out
    assert OUTPUTS["key_vault_id"] in out, "an id is on one line"
    check_golden(HERE, name, out)


@pytest.mark.parametrize("proven", [True, False, None])
@pytest.mark.parametrize("name", ["local", "dev"])
def test_an_apply_says_what_comes_next(name: str, proven: bool | None) -> None:
    environment = load_environment(name, Project(ROOT))
    told = next_steps(environment, OUTPUTS, proven=proven)
    words = {True: "green", False: "red", None: "unproven"}[proven]
    check_golden(HERE, f"next-{name}-{words}.txt", "\n".join(told) + "\n")
    without = next_steps(environment, {}, proven=proven)
    assert not any("az " in line for line in without), "what is not there has no command"


def error() -> ToolkitError:
    found = ToolkitError("terraform apply: 2 errors\nmodule.x: It failed\n  Code: Words, 100%", hint="toolkit plan dev")
    found.places = (
        Place("terraform/platform/main.tf", 78, "Unsupported attribute\nNo such."),
        Place("envs/qa/terraform.tfvars", 74, "module.x: It failed; a, b: c]"),
    )
    return found


@pytest.mark.parametrize(("variable", "value"), [("GITHUB_ACTIONS", "true"), ("TF_BUILD", "True"), ("NEITHER", "")])
def test_an_error_stands_at_its_line_on_the_page_of_the_run(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITHUB_ACTIONS", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    Terminal().error(error())
    annotate(error())
    annotate(ToolkitError("without a place", hint="do that"))
    check_golden(HERE, f"error-{variable.lower()}.txt", capsys.readouterr().err)


TABLE = """
from toolkit.cli.terminal import Terminal
Terminal().print_table(
    ["key", "dev", "production"],
    [["storage.lifecycle_rules.expire-versions.prefixes", "not set", "adftrain/, smoke/, and some more of them"],
     ["location", "westeurope", "northeurope"]],
)
"""


@pytest.mark.parametrize("columns", [120, 60])
def test_a_table_that_does_not_fit_is_a_list(columns: int) -> None:
    seen = on_a_terminal(TABLE, NO_COLOR="1", COLUMNS=str(columns))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).replace("\r\n", "\n")
    assert all(len(line) <= columns for line in text.splitlines())
    check_golden(HERE, f"table-{columns}.txt", "\n".join(line.rstrip() for line in text.splitlines()) + "\n")
