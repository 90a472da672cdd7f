"""Private links that stand and lead nowhere, since somebody deleted by hand what they hung on: they are made again.

Terraform reads a private endpoint, finds it as it was made, and changes nothing. But its connection went with the
target that was deleted, and does not come back with a new target of the same name, nor with a key vault that is
recovered; a connection in the state Disconnected is good for nothing but being deleted
(https://learn.microsoft.com/azure/private-link/manage-private-endpoint). A managed endpoint of a data factory is in the
same place. A zone group does not look at the records that it once wrote
(https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import arm_client
from toolkit.records import Json
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.plan import azure_type, made_or_deleted, prior_resources
from toolkit.terraform.recovery.looking import Looker, MayNotLookError
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.session import Session

_ENDPOINTS = "Microsoft.Network/privateEndpoints"
_ZONE_GROUPS = f"{_ENDPOINTS}/privateDnsZoneGroups"
_ZONES = "Microsoft.Network/privateDnsZones"
_MANAGED_ENDPOINTS = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints"
_READS_AT_ONCE = 8
_WHAT = "whether private endpoints still work"

# What the module managed_private_endpoint says, at plan already where the target stands.
_MANAGED_REFUSALS = (
    re.compile(r"has no live connection from the managed private endpoint (\S+):", re.DOTALL),
    re.compile(r"Somebody rejected the managed private endpoint (\S+) on its target", re.DOTALL),
)


class DeadLink(Past):
    def to_replace(self, session: Session, document: Json) -> Mapping[str, str]:
        prior = [item for item in prior_resources(document) if item["address"] not in made_or_deleted(document)]
        if not any(_type(item) in (_ENDPOINTS, _ZONE_GROUPS, _MANAGED_ENDPOINTS) for item in prior):
            return {}
        new = _new_ids(document)
        with arm_client(session.connection) as client:
            looker = Looker(client, session.environment.name)
            found = {**_endpoints(looker, prior, new), **_zone_groups(looker, session, prior)}
        return {**found, **_managed_endpoints(prior, new)}

    def to_replace_after(self, session: Session, errors: Sequence[Diagnostic]) -> Mapping[str, str]:
        said = [" ".join(f"{error.summary} {error.detail}".split()) for error in errors]
        names = {match[1] for text in said for pattern in _MANAGED_REFUSALS if (match := pattern.search(text))}
        if not names:
            return {}
        stand = session.run("platform", "state list", private=True).stdout.splitlines()
        return {
            address.strip(): f"{name} has no usable connection on its target any more: it is made again"
            for name in sorted(names)
            for address in stand
            if f'managed_private_endpoint["{name}"].azapi_resource_action.' in address and "approval" not in address
        }


def _endpoints(looker: Looker, prior: Sequence[Json], new: frozenset[str]) -> dict[str, str]:
    ours = {item["values"]["id"].lower(): item for item in prior if _type(item) == _ENDPOINTS}
    groups = sorted({id_.split("/providers/")[0] for id_ in ours})
    path = f"/providers/{_ENDPOINTS}"
    listed = [
        endpoint
        for group in groups
        for endpoint in looker.all(f"{group}{path}?api-version={api_version(path)}", _WHAT, f"{_ENDPOINTS}/read")
    ]
    found: dict[str, str] = {}
    for endpoint in listed:
        item = ours.get(endpoint["id"].lower())
        for connection in endpoint["properties"].get("privateLinkServiceConnections") or []:
            properties = connection["properties"]
            target = str(properties.get("privateLinkServiceId", ""))
            status = (properties.get("privateLinkServiceConnectionState") or {}).get("status")
            if item is not None and (status in ("Disconnected", "Rejected") or target.lower() in new):
                how = "was made anew" if target.lower() in new else f"says {status}"
                found[item["address"]] = f"{endpoint['name']} leads nowhere, its target {_name(target)} {how}"
    return found


def _zone_groups(looker: Looker, session: Session, prior: Sequence[Json]) -> dict[str, str]:
    groups = [item for item in prior if _type(item) == _ZONE_GROUPS]
    ours = {item["values"]["id"].lower() for item in prior if _type(item) == _ZONES}
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        bodies = list(pool.map(lambda item: _group(looker, item["values"]["id"]), groups))
        written = [list(_record_sets(body)) for body in bodies]
        zones = sorted({zone for sets in written for zone, _ in sets})
        records = dict(zip(zones, pool.map(lambda zone: _addresses(looker, zone, ours), zones), strict=True))
    hidden = [zone for zone, there in records.items() if there is None]
    if hidden:
        session.observer.note(
            f"whether the records of private endpoints still stand in {', '.join(hidden)} is left to the smoke checks: "
            f"this identity may not read zones of others ({_ZONES}/A/read)"
        )
    found: dict[str, str] = {}
    for item, sets in zip(groups, written, strict=True):
        for zone, record in sets:
            there = records[zone]
            if there is None or set(record["ipAddresses"]) <= there.get(record["recordSetName"].lower(), set()):
                continue
            found[item["address"]] = (
                f"the record {record['recordSetName']} of {_name(zone)} is gone: it is written again"
            )
    return found


def _group(looker: Looker, id_: str) -> Json | None:
    return looker.one(f"{id_}?api-version={api_version(id_)}", _WHAT, f"{_ZONE_GROUPS}/read")


def _record_sets(group: Json | None) -> Iterator[tuple[str, Json]]:
    for config in ((group or {}).get("properties") or {}).get("privateDnsZoneConfigs") or []:
        for record in config["properties"].get("recordSets") or []:
            yield config["properties"]["privateDnsZoneId"], record


def _addresses(looker: Looker, zone: str, ours: Collection[str]) -> dict[str, set[str]] | None:
    """The zone's A records; none for a zone that is gone, and None for a zone of others that may not be read."""
    try:
        found = looker.all(f"{zone}/A?api-version={api_version(zone)}", _WHAT, f"{_ZONES}/A/read")
    except MayNotLookError:
        if zone.lower() in ours:
            raise
        return None
    return {
        record["name"].lower(): {str(address["ipv4Address"]) for address in record["properties"].get("aRecords") or []}
        for record in found
    }


def _managed_endpoints(prior: Sequence[Json], new: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in prior:
        module = item["address"].rpartition(".azapi_resource_action.")[0]
        if _type(item) != _MANAGED_ENDPOINTS or not item["address"].endswith(".azapi_resource_action.this"):
            continue
        target = str(item["values"]["body"]["properties"]["privateLinkResourceId"])
        if target.lower() in new:
            why = f"{_name(item['values']['resource_id'])} leads nowhere, its target {_name(target)} is made anew"
            found |= {f"{module}.azapi_resource_action.{which}": why for which in ("this", "removal")}
    return found


def _new_ids(document: Json) -> frozenset[str]:
    """Ids, in lower case, of what will stand where something of the same name stood (or stands) with links on it."""
    ids = set()
    for item in document.get("resource_changes", []):
        after, before = item["change"].get("after") or {}, item["change"].get("before") or {}
        if item["type"] == "azapi_resource" and "create" in item["change"]["actions"]:
            parent, type_ = after.get("parent_id") or before.get("parent_id"), azure_type(after)
            if parent and type_ and type_.count("/") == 1:
                ids.add(f"{parent}/providers/{type_}/{after.get('name')}".lower())
    return frozenset(ids)


def _type(item: Json) -> str:
    return azure_type(item["values"]) or ""


def _name(id_: str) -> str:
    return id_.rsplit("/", 1)[-1]
