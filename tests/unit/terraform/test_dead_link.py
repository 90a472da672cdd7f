"""What of a plan leads nowhere: told by the plan's document, and by the words of the module of managed endpoints."""

from __future__ import annotations

import re
from typing import Any

from tests.conftest import ROOT
from toolkit.terraform.plan import made_or_deleted
from toolkit.terraform.recovery import dead_link

MODULE = ROOT / "terraform/modules/data_factory/modules/managed_private_endpoint/main.tf"
GROUP = "/subscriptions/s/resourceGroups/rg"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/acr"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"


def change(address: str, *actions: str, type_: str, name: str) -> dict[str, Any]:
    after = {"type": f"{type_}@2023-07-01", "parent_id": GROUP, "name": name}
    return {"address": address, "type": "azapi_resource", "change": {"actions": list(actions), "after": after}}


def managed(name: str, target: str) -> dict[str, Any]:
    return {
        "address": f'module.factory.module.managed_private_endpoint["{name}"].azapi_resource_action.this',
        "mode": "managed",
        "values": {
            "type": "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints@2018-06-01",
            "resource_id": f"{GROUP}/providers/Microsoft.DataFactory/factories/adf/…/managedPrivateEndpoints/{name}",
            "body": {"properties": {"privateLinkResourceId": target, "groupId": "vault"}},
        },
    }


def test_the_refusals_of_the_module_are_known_by_their_words() -> None:
    sentences = [
        " ".join(re.findall(r'"([^"]*)"', block))
        for block in re.findall(r"error_message = join\(\" \", \[(.*?)\]\)", MODULE.read_text(), re.DOTALL)
    ]
    told = [sentence.replace("${var.name}", "mpe-vault").replace("${var.target_id}", VAULT) for sentence in sentences]
    found = [
        match[1] for sentence in told for pattern in dead_link._MANAGED_REFUSALS if (match := pattern.search(sentence))
    ]
    assert found == ["mpe-vault", "mpe-vault"], told


def test_what_is_made_or_made_again_is_new() -> None:
    document = {
        "resource_changes": [
            change("registry", "create", type_="Microsoft.ContainerRegistry/registries", name="acr"),
            change("vault", "delete", "create", type_="Microsoft.KeyVault/vaults", name="kv"),
            change("network", "update", type_="Microsoft.Network/virtualNetworks", name="vnet"),
            change("identity", "no-op", type_="Microsoft.ManagedIdentity/userAssignedIdentities", name="id"),
        ]
    }
    assert dead_link._new_ids(document) == {REGISTRY.lower(), VAULT.lower()}


def test_a_managed_endpoint_of_a_new_target_is_made_again_with_its_removal() -> None:
    prior = [managed("mpe-vault", VAULT.upper()), managed("mpe-other", REGISTRY)]
    found = dead_link._managed_endpoints(prior, frozenset({VAULT.lower()}))
    module = 'module.factory.module.managed_private_endpoint["mpe-vault"].azapi_resource_action'
    assert sorted(found) == [f"{module}.removal", f"{module}.this"]


def test_what_the_plan_makes_anyway_is_left_alone() -> None:
    document = {
        "resource_changes": [
            change("a", "create", type_="t", name="a"),
            change("b", "delete", "create", type_="t", name="b"),
            change("c", "no-op", type_="t", name="c"),
            change("d", "update", type_="t", name="d"),
        ]
    }
    assert made_or_deleted(document) == {"a", "b"}
