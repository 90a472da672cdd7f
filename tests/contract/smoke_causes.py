"""Ways of breaking a platform whose refusals look alike, and what the second look must make of each; for test_smoke.py.

Each check runs alone: in a whole run its prerequisites fail first, and it is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.contract.smoke_mutations import DNS_API_VERSION, no_link, no_outbound_rule, no_record, zone
from tests.contract.smoke_platform import ROLES_API_VERSION, Platform
from toolkit.azure.api_versions import api_version
from toolkit.checks.causes import Cause


@dataclass(frozen=True)
class Case:
    mutate: Callable[[Platform], AbstractContextManager[None]]
    check: str
    cause: Cause
    reason: str
    hint: str


@contextmanager
def record_elsewhere(platform: Platform) -> Iterator[None]:
    """To another private endpoint's address in the same network."""
    record = f"{zone(platform)}/A/{platform.outputs['storage_account_name']}"
    lake = platform.call("GET", f"{zone(platform)}/A/{platform.outputs['lake_storage_account_name']}", DNS_API_VERSION)
    with platform.changed(record, {"properties.aRecords": lake["properties"]["aRecords"]}, DNS_API_VERSION):
        yield


@contextmanager
def managed_endpoint_deleted(platform: Platform) -> Iterator[None]:
    """In the factory; its connection on the target goes with it."""
    account = platform.outputs["storage_account_id"]
    (endpoint,) = [
        one["id"]
        for one in platform.outputs["data_factory_managed_private_endpoints"].values()
        if (one["target_id"], one["group_id"]) == (account, "blob")
    ]
    with platform.deleted(endpoint, api_version(endpoint)):
        yield
    name = endpoint.rsplit("/", 1)[-1].casefold()
    for one in platform.call("GET", f"{account}/privateEndpointConnections", api_version(account))["value"]:
        if one["properties"]["privateEndpoint"]["id"].casefold().endswith(name):
            state = {"privateLinkServiceConnectionState": {"status": "Approved", "description": "test"}}
            platform.call("PUT", one["id"], api_version(account), {"properties": state})


@contextmanager
def untrusted_probe(platform: Platform) -> Iterator[None]:
    identity = platform.outputs["probe_identities"]["reader"]["id"]
    version = api_version(identity)
    (trust,) = platform.call("GET", f"{identity}/federatedIdentityCredentials", version)["value"]
    with platform.deleted(trust["id"], version):
        yield


@contextmanager
def endpoint_deleted(platform: Platform) -> Iterator[None]:
    """With its zone group, whose records go along, and with the roles on it."""
    endpoint = platform.outputs["private_endpoints"]["storage_blob"]["id"]
    version = api_version(endpoint)
    groups = platform.call("GET", f"{endpoint}/privateDnsZoneGroups", version)["value"]
    listed = f"{endpoint}/providers/Microsoft.Authorization/roleAssignments"
    roles = platform.call("GET", f"{listed}?$filter=atScope()", ROLES_API_VERSION)["value"]
    with platform.deleted(endpoint, version):
        yield
    for role in roles:
        if role["properties"]["scope"].casefold() == endpoint.casefold():
            names = ("roleDefinitionId", "principalId", "principalType", "description")
            body = {name: role["properties"][name] for name in names if name in role["properties"]}
            platform.call("PUT", role["id"], ROLES_API_VERSION, {"properties": body})
    for group in groups:
        configs = [
            {"name": one["name"], "properties": {"privateDnsZoneId": one["properties"]["privateDnsZoneId"]}}
            for one in group["properties"]["privateDnsZoneConfigs"]
        ]
        platform.call("PUT", group["id"], version, {"properties": {"privateDnsZoneConfigs": configs}})


# How a run ends, whole: exactly these make it red.
RED_LINES: dict[str, tuple[Callable[[Platform], AbstractContextManager[None]], list[str]]] = {
    "one lost record": (no_record, ["dns-records-exact"]),
    "a zone without its link": (no_link, ["dns-zones-exact"]),
    "a private endpoint that is gone": (endpoint_deleted, ["network-endpoints"]),
    "a managed endpoint that is gone": (managed_endpoint_deleted, ["adf-endpoints-exact"]),
    "an outbound rule that is gone": (no_outbound_rule, ["workspace-outbound-exact"]),
    "a probe that nobody trusts": (untrusted_probe, ["identity-federation"]),
}


CASES: dict[str, Case] = {
    "a record at another address inside, in DNS": Case(
        record_elsewhere, "dns-storage-private", "private-dns", "not the address of its private endpoint", "zone-group"
    ),
    "a record at another address inside, for a client": Case(
        record_elsewhere, "storage-vnet-write", "private-dns", "not the address of its private endpoint", "zone-group"
    ),
    "a record that is gone": Case(no_record, "dns-storage-private", "private-dns", "does not resolve", "zone-group"),
    "a probe that nobody trusts": Case(
        untrusted_probe,
        "identity-reader-signs-in",
        "sign-in",
        "no federated credential of it matches",
        "github_subject",
    ),
    "a zone without its link": Case(
        no_link, "storage-vnet-write", "private-dns", "resolves to a public address", "link the private DNS zone"
    ),
    "a managed endpoint that is gone": Case(
        managed_endpoint_deleted, "storage-adf-managed-write", "absent", "does not exist", "makes again"
    ),
    "an outbound rule that is gone": Case(
        no_outbound_rule, "storage-aml-managed-write", "absent", "of an outbound rule to", "makes again"
    ),
}
