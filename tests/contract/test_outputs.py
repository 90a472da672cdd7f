"""What ``toolkit outputs`` prints, read back by those for whom it is printed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from toolkit.terraform.outputs import FORMATS
from toolkit.toolchain.terraform import ensure_terraform

pytestmark = pytest.mark.contract

OUTPUTS: dict[str, Any] = {
    "key_vault_name": 'kv-it\'s-"quoted"-${not.a.template}',
    "lake_containers": {"raw": "/subscriptions/s/raw", "curated": "/subscriptions/s/curated"},
    "addresses": ["10.0.0.4", "10.0.0.5"],
}


def test_tfvars_are_variables_of_another_configuration(tmp_path: Path) -> None:
    """As the command's help says: ``--format tfvars > platform.auto.tfvars.json``."""
    (tmp_path / "main.tf").write_text(
        "\n".join(f'variable "{name}" {{}}\noutput "{name}" {{ value = var.{name} }}' for name in OUTPUTS)
    )
    (tmp_path / "platform.auto.tfvars.json").write_text(FORMATS["tfvars"](OUTPUTS))
    terraform = str(ensure_terraform(progress=lambda text: None).path)
    for command in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
        subprocess.run([terraform, *command], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    shown = subprocess.run(
        [terraform, "output", "-json"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    assert {name: item["value"] for name, item in json.loads(shown.stdout).items()} == OUTPUTS


def test_github_reads_every_name_and_value() -> None:
    """The runner splits each line of the file at the first "="."""
    read = dict(line.split("=", 1) for line in FORMATS["github"](OUTPUTS).splitlines())
    assert read["key_vault_name"] == OUTPUTS["key_vault_name"]
    assert json.loads(read["lake_containers"]) == OUTPUTS["lake_containers"]


@pytest.mark.parametrize("root", ["platform", "bootstrap"])
def test_names_stay(root: str) -> None:
    """Later pipelines read them: a new output is added to the list; one that is renamed breaks somebody's pipeline."""
    declared: set[str] = set()
    for path in (ROOT / "terraform" / root).glob("*.tf"):
        declared.update(re.findall(r'^output "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE))
    promised = set((Path(__file__).parent / f"outputs.{root}.txt").read_text(encoding="utf-8").split())
    assert promised - declared == set(), "these outputs were promised"
    assert declared - promised == set(), f"add these to tests/contract/outputs.{root}.txt"


def test_every_format_has_every_output() -> None:
    for name, as_text in FORMATS.items():
        text = as_text(OUTPUTS).lower()
        assert all(output in text for output in OUTPUTS), name
