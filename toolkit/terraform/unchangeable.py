"""What Azure refuses to change on what stands, although Terraform plans it as an update in place.

Each is found in the plan, so that it is said when it is planned and not in the middle of an apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.errors import RefusedError
from toolkit.terraform.plan import azure_body, azure_type

_ACCOUNTS = "Microsoft.Storage/storageAccounts"
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_BATCH = "Microsoft.Batch/batchAccounts"
_NETWORKS = "Microsoft.Network/virtualNetworks"
# What takes a customer-managed key only when it is made, and what of it does:
# https://learn.microsoft.com/azure/container-registry/tutorial-customer-managed-keys,
# https://learn.microsoft.com/azure/data-factory/enable-customer-managed-key (a factory in which nothing is yet),
# https://learn.microsoft.com/azure/machine-learning/concept-customer-managed-keys,
# https://learn.microsoft.com/azure/batch/batch-customer-managed-key#frequently-asked-questions,
# https://learn.microsoft.com/azure/storage/common/account-encryption-key-create (of accounts: queues and tables)
_KEYS = {
    "Microsoft.ContainerRegistry/registries": "a registry",
    "Microsoft.DataFactory/factories": "a factory",
    _WORKSPACES: "a workspace",
    _BATCH: "a Batch account",
    _ACCOUNTS: "a storage account",
}


@dataclass(frozen=True, slots=True)
class Fixed:
    """A property that a resource has for life."""

    path: tuple[str, ...]
    what: str
    inputs: tuple[str, ...]
    way_out: str


_NETWORK_INPUTS = ("name_overrides.virtual_network", "network.existing", "network")
_NETWORK_WAY_OUT = (
    "put the network back as it was (name_overrides.virtual_network, network.existing): everything in it would have to "
    "be made again in the other one, which an environment of another name (docs/how-to.md), or toolkit destroy and "
    "toolkit apply, does"
)
_ANEW = (
    "put it back as it was; with another value it is made again, and empty: save the data, toolkit destroy and toolkit "
    "apply, or an environment of another name (docs/how-to.md)"
)
# What Terraform's azurerm replaces the resource for, and azapi, which knows no such thing, plans as an update in place:
# https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/private_endpoint (subnet_id),
# …/private_dns_zone_virtual_network_link (virtual_network_id), …/batch_pool (network_configuration, vm_size),
# …/machine_learning_workspace (high_business_impact, storage_account_id, key_vault_id), …/storage_account
# (is_hns_enabled, infrastructure_encryption_enabled), …/data_factory_managed_private_endpoint (target_resource_id).
_FIXED: dict[str, tuple[Fixed, ...]] = {
    "Microsoft.Network/privateEndpoints": (
        Fixed(("subnet", "id"), "a private endpoint keeps its subnet", _NETWORK_INPUTS, _NETWORK_WAY_OUT),
    ),
    _WORKSPACES: (
        Fixed(
            ("hbiWorkspace",),
            "a workspace is made for data of high business impact, or never is",
            ("machine_learning.high_business_impact",),
            _ANEW,
        ),
        Fixed(("storageAccount",), "a workspace keeps its storage account", ("name_overrides", "storage"), _ANEW),
        Fixed(("keyVault",), "a workspace keeps its key vault", ("name_overrides.key_vault", "name_overrides"), _ANEW),
    ),
    _ACCOUNTS: (
        Fixed(("isHnsEnabled",), "a storage account has a hierarchical namespace from the start", ("storage",), _ANEW),
        Fixed(
            ("encryption", "requireInfrastructureEncryption"),
            "a storage account is encrypted twice from the start, or never is",
            ("storage",),
            _ANEW,
        ),
    ),
    "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints": (
        Fixed(("privateLinkResourceId",), "a managed private endpoint keeps its target", ("data_factory",), _ANEW),
    ),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": (
        Fixed(("virtualNetwork", "id"), "a zone's link keeps its network", _NETWORK_INPUTS, _NETWORK_WAY_OUT),
    ),
    f"{_BATCH}/pools": (
        Fixed(("networkConfiguration", "subnetId"), "a pool keeps its subnet", _NETWORK_INPUTS, _NETWORK_WAY_OUT),
    ),
}

_NOUNS = {
    **_KEYS,
    _NETWORKS: "a network",
    "Microsoft.KeyVault/vaults": "a vault",
    "Microsoft.Network/privateEndpoints": "a private endpoint",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "a link",
    f"{_BATCH}/pools": "a pool",
}
# Properties that are refused by the functions below, where they change.
_RETENTION = "body.properties.softDeleteRetentionInDays"

Place = Callable[[str], str | None]  # where a person set an input (``storage.sku``): file and line


@dataclass(frozen=True, slots=True)
class Refusal:
    address: str
    what: str
    way_out: str
    inputs: tuple[str, ...] = ()  # one of which was changed

    def __str__(self) -> str:
        return f"{self.address}: {self.what}"


def refusals(document: dict[str, Any]) -> tuple[Refusal, ...]:
    """What Azure would refuse of a plan's JSON document."""
    found: list[Refusal] = []
    fixed: dict[Fixed, list[str]] = {}
    renewed = any(_goes(item, _NETWORKS) for item in document.get("resource_changes", []))
    for item in document.get("resource_changes", []):
        change = item["change"]
        if item["type"] != "azapi_resource" or change["before"] is None:
            continue
        before, after = change["before"], change["after"]
        if change["actions"] != ["update"]:
            found += _standing(document, item["address"], before) if _goes(item, _NETWORKS) else ()
            continue
        kind = azure_type(after)
        for one in _FIXED.get(kind or "", ()):
            if _moved(one.path, before, after, renewed):
                fixed.setdefault(one, []).append(item["address"])
        if kind == "Microsoft.KeyVault/vaults":
            found += _retention(item["address"], azure_body(before), azure_body(after))
        elif kind == _NETWORKS:
            found += _ranges(document, item["address"], before, after)
        elif kind in _KEYS and "importing" not in change:
            # Of what is adopted, before is all that Azure answers, which names an encryption without a key, too.
            unknown = change.get("after_unknown")
            found += _encryption(item["address"], kind, _encrypted(before), _encrypted(after) or _encrypted(unknown))
    found += [
        Refusal(addresses[0], f"{one.what}{_more(len(addresses) - 1)}", one.way_out, one.inputs)
        for one, addresses in fixed.items()
    ]
    return tuple(found)


def fixed_values(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What is to be said of a planned value that Azure would refuse, by address and path as a plan's summary has it."""
    found: dict[tuple[str, str], str] = {}
    for item in document.get("resource_changes", []):
        change = item["change"]
        if item["type"] != "azapi_resource" or change["actions"] != ["update"]:
            continue
        kind = azure_type(change["after"]) or ""
        noun = _NOUNS.get(kind, "a resource").partition(" ")[2]
        paths = [".".join(("body", "properties", *one.path)) for one in _FIXED.get(kind, ())]
        paths += [_RETENTION] if kind == "Microsoft.KeyVault/vaults" else []
        same = {path for path in paths if _same(path, change)}
        found |= {
            (item["address"], path): f"Azure cannot change this on an existing {noun}"
            for path in paths
            if path not in same
        }
    return found


def _same(path: str, change: dict[str, Any]) -> bool:
    """Whether both sides are one value to Azure, which writes ids with letters of its own case."""
    sides: list[Any] = [change["before"], change["after"]]
    for key in path.split("."):
        sides = [side.get(key) if isinstance(side, dict) else None for side in sides]
    return None not in sides and str(sides[0]).casefold() == str(sides[1]).casefold()


def refuse_unchangeable(document: dict[str, Any], env: str, place: Place) -> None:
    """Raises RefusedError for a plan that changes what cannot be changed."""
    found = refusals(document)
    if found:
        raise RefusedError(
            f"nothing was changed in {env}: {sentence(found)}\n" + "\n".join(described(found, place)),
            hint="; ".join(dict.fromkeys(one.way_out for one in found)),
        )


def sentence(found: tuple[Refusal, ...]) -> str:
    return f"Azure refuses {'this change' if len(found) == 1 else 'these changes'} of what stands"


def described(found: tuple[Refusal, ...], place: Place) -> list[str]:
    """A line for each, with the file and line of the input whose value does it, where that is set at all."""
    return [
        f"  {one}" + next((f" ({where})" for name in one.inputs if (where := place(name)) is not None), "")
        for one in found
    ]


def _more(number: int, what: str = "more of its kind") -> str:
    return f" (and {number} {what})" if number else ""


def _goes(item: dict[str, Any], kind: str) -> bool:
    """Whether a resource of this type is deleted, for good or to be made again."""
    change = item["change"]
    return "delete" in change["actions"] and azure_type(change["before"]) == kind


def _moved(path: tuple[str, ...], before: dict[str, Any], after: dict[str, Any], renewed: bool) -> bool:
    """Whether a property gets another value, as one that is not known yet is where the network is ``renewed``."""

    def value(values: dict[str, Any]) -> Any:
        found: Any = azure_body(values).get("properties")
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    was, will = value(before), value(after)
    if will is None:
        return was is not None and renewed
    return was is not None and str(was).lower() != str(will).lower()


def _standing(document: dict[str, Any], address: str, before: dict[str, Any]) -> Iterator[Refusal]:
    """A network that would go, or give way to another one, while something that stays is in it."""
    users = [
        user
        for name in _subnets(before)
        for user in _users(document, f"{before.get('id', '')}/subnets/{name}", leaving=False)
    ]
    if users:
        yield Refusal(
            address,
            f"the network would be deleted, but {users[0]}{_more(len(users) - 1, 'more')} stands in it",
            _NETWORK_WAY_OUT,
            _NETWORK_INPUTS,
        )


def _retention(address: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview#soft-delete-behavior"""
    was, will = (body.get("properties", {}).get("softDeleteRetentionInDays") for body in (before, after))
    if was is not None and will is not None and was != will:
        yield Refusal(
            address,
            f"a vault keeps deleted secrets for the {was} days that it was made with, not for {will}",
            f"set key_vault.retention_days back to {was}; a vault with another name (name_overrides.key_vault) is made "
            "with others, and empty",
            ("key_vault.retention_days",),
        )


def _ranges(document: dict[str, Any], address: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Refusal]:
    """A subnet keeps its range, and stays, while something has an address in it.

    https://github.com/hashicorp/terraform-provider-azurerm/issues/11211
    """
    network, planned = str(before.get("id", "")), _subnets(after)
    for name, ranges in _subnets(before).items():
        users = _users(document, f"{network}/subnets/{name}")
        if not users or planned.get(name) == ranges:
            continue
        change = f"move to {', '.join(planned[name])}" if name in planned else "go"
        more = f" and {len(users) - 1} more" if len(users) > 1 else ""
        stands = "stand" if more else "stands"
        yield Refusal(
            address,
            f"the subnet {name} ({', '.join(ranges)}) would {change}, but {users[0]}{more} {stands} in it",
            "leave the ranges of subnets as they are: add another subnet (network.subnets), or give a larger "
            "network.address_space with the newbits and netnum that keep them",
            ("network",),
        )


def _subnets(values: dict[str, Any]) -> dict[str, list[str]]:
    subnets = azure_body(values).get("properties", {}).get("subnets") or []
    return {subnet["name"]: subnet["properties"].get("addressPrefixes") or [] for subnet in subnets}


def _users(document: dict[str, Any], subnet: str, *, leaving: bool = True) -> list[str]:
    """The addresses of what names the subnet and is there already, and of what leaves as well."""
    asked = json.dumps(subnet.lower())
    return [
        item["address"]
        for item in document["resource_changes"]
        if item["type"] == "azapi_resource"
        and (leaving or "delete" not in item["change"]["actions"])
        and asked in json.dumps(azure_body(item["change"]["before"])).lower()
    ]


def _encryption(address: str, kind: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Refusal]:
    """A Batch account may give its key up, a storage account take and give up any, but not for queues and tables."""
    if kind == _ACCOUNTS:
        was, will = (
            {name for name in ("queue", "table") if name in (encryption.get("services") or {})}
            for encryption in (before, after)
        )
        if was != will:
            yield Refusal(
                address,
                f"{_KEYS[kind]} decides when it is made whether its queues and tables share its key",
                "set customer_managed_keys.queues_and_tables back: the other data take a key at any time",
                ("customer_managed_keys.queues_and_tables",),
            )
    elif bool(before) != bool(after) and not (before and kind == _BATCH):
        yield Refusal(
            address,
            f"{_KEYS[kind]} takes a customer-managed key when it is made, and "
            + ("this one was made without" if after else "keeps it"),
            'put customer_managed_keys back (storage alone takes a key at any time: services = ["storage"] and '
            "queues_and_tables = false); the others have one in an environment that is made with it, or made again: "
            "save the data, toolkit destroy, toolkit apply",
            ("customer_managed_keys",),
        )


def _encrypted(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict) or not isinstance(values.get("body"), dict | str):
        return {}
    found = azure_body(values).get("properties", {}).get("encryption")
    return found if isinstance(found, dict) else {}
