"""What a plan changes in place and Azure refuses, and what is near it and fine."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import RefusedError
from toolkit.terraform.unchangeable import fixed_values, refusals, refuse_unchangeable

VAULT, NETWORK = "Microsoft.KeyVault/vaults@2026-02-01", "Microsoft.Network/virtualNetworks@2024-01-01"
ENDPOINT = "Microsoft.Network/privateEndpoints@2024-01-01"
ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
Item = dict[str, Any]


def item(kind: str, before: Item | None, after: Item | None, *actions: str, address: str = "a") -> Item:
    def values(body: Item | None) -> Item | None:
        return None if body is None else {"type": kind, "id": ID, "body": body}

    change = {"actions": list(actions), "before": values(before), "after": values(after)}
    return {"address": address, "type": "azapi_resource", "change": change}


def vault(days: int | None) -> Item:
    return {"properties": {"softDeleteRetentionInDays": days} if days else {}}


def network(**ranges: str) -> Item:
    subnets = [{"name": name, "properties": {"addressPrefixes": [value]}} for name, value in ranges.items()]
    return {"properties": {"subnets": subnets}}


def user(name: str, *actions: str) -> Item:
    body = {"properties": {"subnet": {"id": f"{ID.upper()}/subnets/{name}"}}}
    before = None if "create" in actions else body
    return item(ENDPOINT, before, body, *actions, address="module.x.azapi_resource.endpoint")


def plan(*items: Item) -> Item:
    return {"resource_changes": list(items)}


def test_a_vault_keeps_its_retention() -> None:
    document = plan(item(VAULT, vault(7), vault(90), "update"))
    with pytest.raises(RefusedError) as caught:
        refuse_unchangeable(document, "local", {"key_vault.retention_days": "envs/local/terraform.tfvars:7"}.get)
    assert caught.value.message.splitlines() == [
        "nothing was changed in local: Azure refuses this change of what stands",
        "  a: a vault keeps deleted secrets for the 7 days that it was made with, not for 90 "
        "(envs/local/terraform.tfvars:7)",
    ]
    assert "set key_vault.retention_days back to 7" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "harmless",
    [
        item(VAULT, vault(7), vault(7), "update"),
        item(VAULT, None, vault(90), "create"),
        item(VAULT, vault(7), vault(90), "delete", "create"),
        item(VAULT, vault(7), None, "delete"),
        item(VAULT, vault(None), vault(90), "update"),
    ],
    ids=["another property", "create", "replace", "delete", "unknown"],
)
def test_other_changes_of_a_vault_are_not_refused(harmless: Item) -> None:
    assert refusals(plan(harmless)) == ()


@pytest.mark.parametrize(
    ("after", "what"), [(network(one="10.42.0.0/24"), "move to 10.42.0.0/24"), (network(two="10.40.1.0/24"), "go")]
)
def test_a_subnet_with_something_in_it_keeps_its_range(after: Item, what: str) -> None:
    change = item(NETWORK, network(one="10.40.0.0/24"), after, "update")
    [found] = refusals(plan(change, user("one", "no-op"), user("one", "update")))
    assert found.what == (
        f"the subnet one (10.40.0.0/24) would {what}, but module.x.azapi_resource.endpoint and 1 more stand in it"
    )
    assert refusals(plan(change)) == ()
    assert refusals(plan(change, user("one", "create"), user("two", "no-op"))) == ()


def test_a_subnet_more_is_not_refused() -> None:
    wider = network(one="10.40.0.0/24", two="10.40.1.0/24")
    assert refusals(plan(item(NETWORK, network(one="10.40.0.0/24"), wider, "update"), user("one", "no-op"))) == ()


# -- what is for life --------------------------------------------------------------------------------------------------

LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01"
POOL = "Microsoft.Batch/batchAccounts/pools@2024-02-01"
OTHER = ID.replace("vnet", "other")
KEPT = {
    ENDPOINT: lambda network: {"subnet": {"id": f"{network}/subnets/a"}},
    LINK: lambda network: {"virtualNetwork": {"id": network}},
    POOL: lambda network: {"networkConfiguration": {"subnetId": f"{network}/subnets/a"}},
}


def body(kind: str, network: str | None) -> Item:
    """Without a network: it is not known yet."""
    return {"properties": KEPT[kind](network) if network else {}}


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_in_a_network_moves_to_no_other(kind: str) -> None:
    moved = item(kind, body(kind, ID), body(kind, OTHER), "update", address="one")
    again = item(kind, body(kind, ID), body(kind, OTHER), "update", address="two")
    (found,) = refusals(plan(moved, again))
    assert found.address == "one"
    assert "1 more of its kind" in found.what
    assert refusals(plan(item(kind, body(kind, ID), body(kind, ID.upper()), "update"))) == ()
    assert refusals(plan(item(kind, body(kind, ID), body(kind, None), "update"))) == ()  # of a network that stays
    assert refusals(plan(item(kind, body(kind, ID), body(kind, OTHER), "delete", "create"))) == ()


FIXED = {
    "MachineLearningServices/workspaces": [
        ("hbiWorkspace", False, True, "machine_learning.high_business_impact"),
        ("storageAccount", "/subscriptions/s/a", "/subscriptions/s/b", "storage"),
        ("keyVault", "/subscriptions/s/a", "/subscriptions/s/b", "name_overrides.key_vault"),
    ],
    "Storage/storageAccounts": [
        ("isHnsEnabled", True, False, "storage"),
        ("encryption.requireInfrastructureEncryption", True, False, "storage"),
    ],
    "DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints": [
        ("privateLinkResourceId", "/subscriptions/s/a", "/subscriptions/s/b", "data_factory"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "path", "before", "after", "source"), [(kind, *row) for kind, rows in FIXED.items() for row in rows]
)
def test_what_is_made_with_a_value_keeps_it(kind: str, path: str, before: object, after: object, source: str) -> None:
    def properties(value: object) -> Item:
        for key in reversed(path.split(".")):
            value = {key: value}
        return {"properties": value}

    azure = f"Microsoft.{kind}@2026-01-01"
    document = plan(item(azure, properties(before), properties(after), "update"))
    (found,) = refusals(document)
    assert source in found.inputs
    assert "Azure cannot change this on an existing" in fixed_values(document)["a", f"body.properties.{path}"]
    assert refusals(plan(item(azure, properties(before), properties(before), "update"))) == ()
    assert refusals(plan(item(azure, properties(before), properties(after), "delete", "create"))) == ()


@pytest.mark.parametrize("kind", KEPT)
def test_a_network_that_is_made_again_is_another_one(kind: str) -> None:
    renamed = item(NETWORK, network(a="10.0.0.0/24"), network(a="10.0.0.0/24"), "delete", "create", address="network")
    found = refusals(plan(renamed, item(kind, body(kind, ID), body(kind, None), "update")))
    assert {one.address for one in found} >= {"a"}
    assert all("network" in one.inputs for one in found)


def test_a_network_goes_with_all_that_is_in_it_only() -> None:
    gone = item(NETWORK, network(a="10.0.0.0/24"), None, "delete", address="network")
    assert refusals(plan(gone, user("a", "delete"))) == ()
    (found,) = refusals(plan(gone, user("a", "no-op"), user("a", "no-op")))
    assert found.what == (
        "the network would be deleted, but module.x.azapi_resource.endpoint (and 1 more) stands in it"
    )


def test_a_refusal_says_where_the_input_is_set() -> None:
    document = plan(item(LINK, body(LINK, ID), body(LINK, OTHER), "update"))
    with pytest.raises(RefusedError) as caught:
        refuse_unchangeable(document, "local", {"network.existing": "envs/local/terraform.tfvars:12"}.get)
    assert caught.value.message.splitlines()[1] == (
        "  a: a zone's link keeps its network (envs/local/terraform.tfvars:12)"
    )
    with pytest.raises(RefusedError) as caught:
        refuse_unchangeable(document, "local", lambda name: None)
    assert caught.value.message.splitlines()[1] == "  a: a zone's link keeps its network"
