"""Which plans change encryption that is chosen when a resource is made, and what is said about them."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import RefusedError
from toolkit.terraform.unchangeable import refusals, refuse_unchangeable

STORAGE = "Microsoft.Storage/storageAccounts"
BATCH = "Microsoft.Batch/batchAccounts"
REGISTRY = "Microsoft.ContainerRegistry/registries"
FACTORY = "Microsoft.DataFactory/factories"
WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
KEY = {"status": "enabled", "keyVaultProperties": {"keyIdentifier": "https://kv.vault.azure.net/keys/k/1"}}
NEXT = {"status": "enabled", "keyVaultProperties": {"keyIdentifier": "https://kv.vault.azure.net/keys/k/2"}}


def item(kind: str, before: Any, after: Any, actions: tuple[str, ...] = ("update",), unknown: bool = False) -> Any:
    def values(encryption: Any) -> Any:
        body = {"properties": {"x": 1, **({"encryption": encryption} if encryption else {})}}
        return {"type": f"{kind}@2024-01-01", "body": body}

    change: dict[str, Any] = {"actions": list(actions), "before": values(before), "after": values(after)}
    if unknown:
        change["after"] = values(None)
        change["after_unknown"] = {"body": {"properties": {"encryption": {"status": True}}}}
    return {"address": "module.x.azapi_resource.this", "type": "azapi_resource", "mode": "managed", "change": change}


def found(*items: Any) -> list[str]:
    return [one.what for one in refusals({"resource_changes": items})]


@pytest.mark.parametrize("kind", [REGISTRY, FACTORY, WORKSPACE, BATCH])
def test_what_stands_takes_no_key(kind: str) -> None:
    (told,) = found(item(kind, None, KEY))
    assert told.endswith("takes a customer-managed key when it is made, and this one was made without")
    assert found(item(kind, None, KEY, unknown=True)) == [told]


@pytest.mark.parametrize("kind", [REGISTRY, FACTORY, WORKSPACE])
def test_what_has_a_key_keeps_one(kind: str) -> None:
    (told,) = found(item(kind, KEY, None))
    assert told.endswith("when it is made, and keeps it")


@pytest.mark.parametrize("kind", [REGISTRY, FACTORY, WORKSPACE, BATCH, STORAGE])
def test_a_new_version_of_a_key_and_a_new_resource_are_no_change_of_that_kind(kind: str) -> None:
    assert found(item(kind, KEY, NEXT)) == []
    for actions in (("create",), ("delete", "create"), ("no-op",), ("delete",)):
        assert found(item(kind, None, KEY, actions)) == []


def test_storage_takes_a_key_and_gives_it_up_and_batch_gives_it_up() -> None:
    assert found(item(STORAGE, {"keySource": "Microsoft.Storage"}, {"keySource": "Microsoft.Keyvault"})) == []
    assert found(item(STORAGE, {"keySource": "Microsoft.Keyvault"}, {"keySource": "Microsoft.Storage"})) == []
    assert found(item(BATCH, KEY, None)) == []
    assert found(item("Microsoft.KeyVault/vaults", None, KEY)) == []


def test_queues_and_tables_stay_as_they_were_made() -> None:
    two = {"services": {"blob": {}, "file": {}}}
    four = {"services": {**two["services"], "queue": {}, "table": {}}}
    (what,) = found(item(STORAGE, two, four))
    assert "queues and tables" in what
    assert found(item(STORAGE, four, two)) == [what]


def test_the_refusal_names_each_resource_and_the_ways_out() -> None:
    document = {"resource_changes": [item(REGISTRY, None, KEY), item(STORAGE, {"services": {"queue": {}}}, {})]}
    with pytest.raises(RefusedError) as caught:
        refuse_unchangeable(document, "prod", lambda name: None)
    assert caught.value.exit_code == 4
    assert (
        "module.x.azapi_resource.this: a registry takes a customer-managed key when it is made" in caught.value.message
    )
    for word in ("queues_and_tables", 'services = ["storage"]', "toolkit destroy"):
        assert word in (caught.value.hint or "")
