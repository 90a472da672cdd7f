"""Which vaults of a plan are looked for among the deleted ones. The recovery itself: tests/e2e/test_life_cycle.py."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.terraform.recovery.deleted_vault import RecoverStep, _created, steps_before_create

GROUP = "/subscriptions/s/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-1"


def planned(actions: list[str], kind: str = "Microsoft.KeyVault/vaults", type_: str = "azapi_resource") -> Any:
    after = {
        "type": f"{kind}@2026-02-01",
        "parent_id": GROUP,
        "name": "kv-1",
        "location": "West Europe",
        "body": {"properties": {"tenantId": "t"}},
    }
    change = {"actions": actions, "before": None, "after": None if actions == ["delete"] else after}
    return {"resource_changes": [{"address": "module.key_vault.x", "type": type_, "change": change}]}


@pytest.mark.parametrize("actions", [["create"], ["delete", "create"], ["create", "delete"]])
def test_a_vault_that_is_created(actions: list[str]) -> None:
    assert _created(planned(actions)) == [RecoverStep("module.key_vault.x", VAULT, "westeurope", "t")]


@pytest.mark.parametrize(
    "document",
    [
        planned(["update"]),
        planned(["no-op"]),
        planned(["delete"]),
        planned(["create"], kind="Microsoft.Storage/storageAccounts"),
        planned(["create"], type_="azapi_update_resource"),
        {},
    ],
)
def test_nothing_to_look_for(document: dict[str, Any]) -> None:
    assert _created(document) == []


def test_what_is_about_to_be_purged_is_not_recovered() -> None:
    """No connection is used: there is nothing to ask."""
    assert steps_before_create(None, planned(["create"]), {VAULT.lower()}) == []  # type: ignore[arg-type]


def test_the_plan_says_so() -> None:
    announcement = RecoverStep("a", VAULT, "westeurope", "t").announcement
    assert announcement.startswith("recover the soft-deleted key vault kv-1 ")
