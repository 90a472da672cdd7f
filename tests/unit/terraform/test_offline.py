"""What stays of a configuration without providers, row by row, and where an expression comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT, copy_project
from toolkit.environment import load_environment
from toolkit.project import Project
from toolkit.terraform.offline import offline, write_offline
from toolkit.terraform.origins import Origins, line_of_variable, set_in
from toolkit.terraform.workspace import ROOTS, RootName

FILES = sorted((ROOT / "terraform").rglob("*.tf"))
CONFIGURATION = """\
terraform {
  required_version = ">= 1.11"
}

resource "azapi_resource" "this" {
  for_each = {
    for name in var.names : name => name
  }

  type = "Microsoft.Network/virtualNetworks@2024-01-01"
  body = { id = azapi_resource.other.id }

  lifecycle {
    ignore_changes = [tags]

    precondition {
      condition     = azapi_resource.other[each.key].id != "" && length(var.names) > 0
      error_message = "No name."
    }
  }
}

resource "azapi_resource" "other" {
  body = {}
}

module "network" {
  source     = "../modules/network"
  providers  = { azapi = azapi.dns }
  depends_on = [azapi_resource.other]

  subnets = var.network.subnets
  id      = data.azapi_resource.group.id
}
"""


def test_conditions_and_calls_stay_and_resources_are_unknown() -> None:
    rows, was = [row.rstrip() for row in offline(CONFIGURATION).splitlines()], CONFIGURATION.splitlines()
    assert len(rows) == len(was)
    changed = {old.strip(): new.strip() for old, new in zip(was, rows, strict=True) if new and old != new}
    assert changed == {
        'resource "azapi_resource" "this" {': 'resource "terraform_data" "azapi_resource_this" {',
        'condition     = azapi_resource.other[each.key].id != "" && length(var.names) > 0': (
            'condition     = local.unknown_until_apply[each.key].id != "" && length(var.names) > 0'
        ),
        "id      = data.azapi_resource.group.id": "id      = local.unknown_until_apply.id",
    }
    gone = [old.strip() for old, new in zip(was, rows, strict=True) if old and not new]
    assert gone == [
        "terraform {",
        'required_version = ">= 1.11"',
        "}",
        'type = "Microsoft.Network/virtualNetworks@2024-01-01"',
        "body = { id = azapi_resource.other.id }",
        "ignore_changes = [tags]",
        'resource "azapi_resource" "other" {',
        "body = {}",
        "}",
        "providers  = { azapi = azapi.dns }",
        "depends_on = [azapi_resource.other]",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "terraform")))
def test_every_file_keeps_its_rows_and_its_conditions(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    kept = offline(text)
    assert len(kept.splitlines()) == len(text.rstrip("\n").splitlines())
    assert "azapi" not in kept.replace("azapi_resource_", "").replace("azapi_update_resource_", "") or "#" in kept
    for word in ("validation {", "precondition {"):
        assert kept.count(word) == text.count(word)


@pytest.mark.parametrize("root", ROOTS)
def test_an_expression_in_a_module_is_led_back_to_the_root_s_variables(root: RootName, tmp_path: Path) -> None:
    folder = write_offline(ROOT / "terraform", root, tmp_path)
    file = tmp_path / "modules" / "storage_account" / "variables.tf"
    row = next(n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if "var.sku" in text)
    named = "module.storage.x" if root == "platform" else "module.state.x"
    found = Origins(folder).of(file, (row, row), named)
    assert found == ["storage.sku" if root == "platform" else "state_account.sku"]


@pytest.mark.parametrize(
    ("path", "line"),
    [("one", 1), ("two", 2), ("two.b", 4), ("two.c.d", 5), ("two.none", 2), ("three.b", 7), ("four", None)],
)
def test_the_line_of_a_key(path: str, line: int | None) -> None:
    text = "one = 1\ntwo = {\n  a = 1\n  b = 2\n  c = { d = 3 }\n}\nthree = { b = 1 }\n"
    assert line_of_variable(text, path) == line


def test_the_file_that_sets_an_input(tmp_path: Path) -> None:
    copy_project(tmp_path)
    place = set_in(load_environment("local", Project(tmp_path)))
    text = (tmp_path / "envs/local/terraform.tfvars").read_text(encoding="utf-8").splitlines()
    found = place("key_vault.retention_days") or ""
    assert found.startswith("envs/local/terraform.tfvars:")
    assert "retention_days" in text[int(found.rpartition(":")[2]) - 1]
    assert (place("workload") or "").startswith("envs/common.tfvars:")
    assert place("name_overrides.virtual_network") is None
    assert place("key_vault.nothing") is None
