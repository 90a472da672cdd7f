"""The plan's model, from plans that the real Terraform made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.terraform.plan import PlanSummary, details, markdown, summarise
from toolkit.terraform.recovery.owed_purge import steps_after_destroy
from toolkit.terraform.runner import FLAG, Runner


def document(runner: Runner, tmp_path: Path, **options: Any) -> dict[str, Any]:
    file = tmp_path / "plan"
    runner.run("plan", json=FLAG, input=False, out=str(file), **options)
    shown: dict[str, Any] = json.loads(runner.run("show", str(file), json=FLAG, private=True).stdout)
    return shown


def apply(runner: Runner, tmp_path: Path) -> None:
    assert runner.run("apply", str(tmp_path / "plan"), json=FLAG).returncode == 0


def test_a_first_plan_creates_by_module(runner: Runner, tmp_path: Path) -> None:
    summary = summarise(document(runner, tmp_path))
    assert summary.sentence == "3 to create"
    assert [(module, dict(counts)) for module, counts in summary.by_module()] == [
        ("(root)", {"create": 2}),
        ("module.child", {"create": 1}),
    ]
    assert summary.outputs == ("hidden", "value")
    assert not summary.empty


def test_nothing_to_do_still_counts_the_resources(runner: Runner, tmp_path: Path) -> None:
    document(runner, tmp_path)
    apply(runner, tmp_path)
    summary = summarise(document(runner, tmp_path))
    assert summary.empty
    assert (summary.sentence, summary.resources) == ("no changes", 3)
    assert "No changes: 3 resources match" in markdown(summary, "Plan")


def test_update_and_replace_say_what_becomes_of_each_value(runner: Runner, tmp_path: Path) -> None:
    document(runner, tmp_path)
    apply(runner, tmp_path)
    summary = summarise(document(runner, tmp_path, var=["value=two", "hook=:"]))
    changes = {change.address: change for change in summary.changes}
    assert changes["terraform_data.a"].action == "update"
    assert details(changes["terraform_data.a"]) == ["input one -> two"]
    assert changes["terraform_data.slow"].action == "replace"
    assert details(changes["terraform_data.slow"]) == [
        "triggers_replace - true: forces the replacement",
        "triggers_replace + :: forces the replacement",
    ]
    assert [str(value) for one in summary.output_values for value in one.values] == ["one -> (known after apply)"]
    assert summary.sentence == "1 to update, 1 to replace"
    assert "| update | `terraform_data.a` | terraform_data | `input one -> two` |" in markdown(summary, "Plan")
    [update] = [one for one in summary.as_json()["changes"] if one["address"] == "terraform_data.a"]
    assert [(one["path"], one["before"], one["after"]) for one in update["values"]] == [("input", "one", "two")]


def test_what_is_sensitive_is_in_no_form_of_a_plan(runner: Runner, tmp_path: Path) -> None:
    login = """
    variable "password" {
      sensitive = true
      default   = "hunter2-old"
    }
    resource "terraform_data" "login" {
      input = { login = var.password, user = "me", hosts = [{ name = "a", code = var.password }] }
    }
    """
    (runner.folder / "login.tf").write_text(login, encoding="utf-8")
    document(runner, tmp_path)
    apply(runner, tmp_path)
    summary = summarise(document(runner, tmp_path, var=["password=hunter2-new"]))
    everything = json.dumps(summary.as_json()) + markdown(summary, "Plan") + str([*map(details, summary.changes)])
    assert "hunter2" not in everything
    assert "not shown" not in everything
    [change] = summary.changes
    assert details(change) == [
        "input.hosts[a].code (sensitive) -> (sensitive)",
        "input.login (sensitive) -> (sensitive)",
    ]


def test_destroy(runner: Runner, tmp_path: Path) -> None:
    document(runner, tmp_path)
    apply(runner, tmp_path)
    assert summarise(document(runner, tmp_path, destroy=FLAG)).sentence == "3 to delete"


def test_markdown_is_a_table_by_module_with_every_change_below(runner: Runner, tmp_path: Path) -> None:
    text = markdown(summarise(document(runner, tmp_path), steps=("purge x",)), "Plan for dev")
    assert text.splitlines()[:7] == [
        "### Plan for dev",
        "",
        "**3 to create**, of 3 resources.",
        "",
        "| module | create |",
        "|---|---:|",
        "| `(root)` | 2 |",
    ]
    assert "* purge x" in text
    assert "| create | `module.child.terraform_data.b` | terraform_data |  |" in text


def deleted(kind: str, **values: Any) -> dict[str, Any]:
    return {
        "address": "x",
        "mode": "managed",
        "type": "azapi_resource",
        "change": {"actions": ["delete"], "before": {"type": f"{kind}@2026-01-01", **values}, "after": None},
    }


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"softDeleteRetentionInDays": 7}, "purge the soft-deleted key vault kv-1, so that its name is free again"),
        (
            {"softDeleteRetentionInDays": 7, "enablePurgeProtection": True},
            "which the next apply does",
        ),
    ],
)
def test_a_destroyed_vault_is_purged_unless_it_is_protected(properties: dict[str, Any], words: str) -> None:
    vault = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1"
    item = deleted("Microsoft.KeyVault/vaults", id=vault, location="westeurope", body={"properties": properties})
    [step] = steps_after_destroy({"resource_changes": [item]})
    assert words in step.announcement


def test_a_destroyed_workspace_is_purged_and_other_resources_are_not() -> None:
    workspace = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    items = [
        deleted("Microsoft.MachineLearningServices/workspaces", id=workspace, location="westeurope"),
        deleted("Microsoft.Storage/storageAccounts", id="/subscriptions/s", location="westeurope"),
    ]
    assert [step.name for step in steps_after_destroy({"resource_changes": items})] == ["mlw"]


def test_the_modules_are_in_the_order_of_their_addresses() -> None:
    def change(module: str) -> dict[str, Any]:
        return {
            "address": f"{module}.x",
            "module_address": module,
            "mode": "managed",
            "type": "terraform_data",
            "change": {"actions": ["create"], "before": None, "after": {}},
        }

    summary: PlanSummary = summarise({"resource_changes": [change("module.b"), change("module.a"), change("module.b")]})
    assert [module for module, _ in summary.by_module()] == ["module.a", "module.b"]
