"""The network, names, ways in: what a person breaks there, and the check that must see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.mutations.breaking import (
    Break,
    Broken,
    Mutation,
    adds,
    appends,
    cuts,
    edited_at,
    put_at,
    removes,
    sets,
    sets_at,
)
from toolkit.records import Json

VNET = "Microsoft.Network/virtualNetworks"
NSG = "Microsoft.Network/networkSecurityGroups"
ENDPOINT = "Microsoft.Network/privateEndpoints"
GROUP = f"{ENDPOINT}/privateDnsZoneGroups"
ZONE = "Microsoft.Network/privateDnsZones"
LINK = f"{ZONE}/virtualNetworkLinks"
STORAGE = "Microsoft.Storage/storageAccounts"
VAULT = "Microsoft.KeyVault/vaults"
REGISTRY = "Microsoft.ContainerRegistry/registries"
FACTORY = "Microsoft.DataFactory/factories"
WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
BATCH = "Microsoft.Batch/batchAccounts"
SITE = "Microsoft.Web/sites"
NETWORK, DNS = "2024-01-01", "2024-06-01"

RULE = {
    "name": "let-me-in",
    "properties": {
        **{"access": "Allow", "direction": "Inbound", "priority": 200, "protocol": "*"},
        **{"sourceAddressPrefix": "*", "sourcePortRange": "*"},
        **{"destinationAddressPrefix": "*", "destinationPortRange": "*"},
    },
}


def record(zone: str, kind: str, name: str, properties: Json) -> Break:
    return adds(f"{kind}/{name}", DNS, {"properties": properties}, below=ZONE, part=zone)


def records_of(zone: str, edit: Json | None) -> Break:
    """The first record of a zone is written over, or deleted."""

    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        found = broken.platform.call("GET", f"{broken.one(ZONE, zone).id}/A", DNS)["value"][0]
        if edit is None:
            with broken.platform.deleted(found["id"], DNS):
                yield
            return

        def change(document: Json) -> None:
            put_at(document, "properties.aRecords", edit["aRecords"])

        with edited_at(broken, found["id"], DNS, change):
            yield

    return break_


def own_address_of_another(broken: Broken) -> AbstractContextManager[None]:
    """The pointers' account's name leads to the lake's endpoint: inside, and wrong."""
    zone = broken.one(ZONE, "privatelink.blob.core.windows.net")
    found = broken.platform.call("GET", f"{zone.id}/A", DNS)["value"]
    lake, pointers = (next(one for one in found if one["name"].startswith(part)) for part in ("dls", "stcp"))

    def change(document: Json) -> None:
        put_at(document, "properties.aRecords", lake["properties"]["aRecords"])

    return edited_at(broken, pointers["id"], DNS, change)


def stranger_endpoint(target: str, group: str) -> Break:
    """From another resource group, as a colleague with rights on both sides makes it: approved at once."""

    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        group_id = f"{broken.subscription}/resourceGroups/rg-of-a-stranger"
        location = str(broken.platform.outputs["location"])
        subnet = {"name": "s", "properties": {"addressPrefix": "10.99.0.0/24"}}
        space = {"addressSpace": {"addressPrefixes": ["10.99.0.0/16"]}, "subnets": [subnet]}
        link = {"name": "l", "properties": {"privateLinkServiceId": broken.one(target).id, "groupIds": [group]}}
        network = f"{group_id}/providers/{VNET}/theirs"
        endpoint = f"{group_id}/providers/{ENDPOINT}/theirs"
        call = broken.platform.call
        call("PUT", group_id, "2024-03-01", {"location": location})
        try:
            call("PUT", network, NETWORK, {"location": location, "properties": space})
            body = {"subnet": {"id": f"{network}/subnets/s"}, "privateLinkServiceConnections": [link]}
            call("PUT", endpoint, NETWORK, {"location": location, "properties": body})
            yield
        finally:
            call("DELETE", endpoint, NETWORK)
            call("DELETE", network, NETWORK)
            call("DELETE", group_id, "2024-03-01")

    return break_


@contextmanager
def linked_to_a_stranger(broken: Broken) -> Iterator[None]:
    group_id = f"{broken.subscription}/resourceGroups/rg-of-a-stranger"
    network, call = f"{group_id}/providers/{VNET}/theirs", broken.platform.call
    link = f"{broken.one(ZONE, 'privatelink.blob.core.windows.net').id}/virtualNetworkLinks/theirs"
    call("PUT", group_id, "2024-03-01", {"location": "westeurope"})
    try:
        space = {"addressSpace": {"addressPrefixes": ["10.99.0.0/16"]}}
        call("PUT", network, NETWORK, {"location": "westeurope", "properties": space})
        body = {"registrationEnabled": False, "virtualNetwork": {"id": network}}
        call("PUT", link, DNS, {"location": "global", "properties": body})
        yield
    finally:
        call("DELETE", link, DNS)
        call("DELETE", network, NETWORK)
        call("DELETE", group_id, "2024-03-01")


def peering(broken: Broken) -> AbstractContextManager[None]:
    theirs = f"{broken.subscription}/resourceGroups/rg-of-a-stranger/providers/{VNET}/theirs"
    item = {"name": "theirs", "properties": {"remoteVirtualNetwork": {"id": theirs}, "allowForwardedTraffic": True}}
    return appends(VNET, "", "properties.virtualNetworkPeerings", item)(broken)


RED_DNS = (
    "dns-*",
    "storage-*",
    "keyvault-*",
    "registry-*",
    "adf-*",
    "workspace-*",
    "batch-*",
    "function-*",
    "network-connections",
)
DOORS = (
    "posture-*",
    "storage-*",
    "keyvault-*",
    "network-exceptions",
    "*-exact",
    "registry-*",
    "state-*",
    "function-*",
    "batch-*",
    "adf-*",
    "workspace-*",
)

TABLE: tuple[Mutation, ...] = (
    # -- the virtual network
    Mutation("a peering with a stranger's network", "network", "breach", peering, "network-virtual-network", "differs"),
    Mutation(
        "somebody else's name servers",
        "network",
        "outage",
        sets(VNET, "", dhcpOptions={"dnsServers": ["203.0.113.66"]}),
        "network-virtual-network",
        also=RED_DNS,
    ),
    Mutation(
        "a subnet more",
        "network",
        "breach",
        appends(VNET, "", "properties.subnets", {"name": "mine", "properties": {"addressPrefixes": ["10.40.15.0/24"]}}),
        "network-virtual-network",
    ),
    Mutation(
        "more addresses",
        "network",
        "breach",
        appends(VNET, "", "properties.addressSpace.addressPrefixes", "10.99.0.0/16"),
        "network-virtual-network",
    ),
    Mutation(
        "a subnet without its security group",
        "network",
        "breach",
        sets_at(VNET, "", {"properties.subnets.0.properties.networkSecurityGroup": None}),
        "network-virtual-network",
    ),
    Mutation(
        "default outbound access",
        "network",
        "breach",
        sets_at(VNET, "", {"properties.subnets.0.properties.defaultOutboundAccess": True}),
        "network-virtual-network",
    ),
    Mutation(
        "a service endpoint",
        "network",
        "breach",
        sets_at(VNET, "", {"properties.subnets.0.properties.serviceEndpoints": [{"service": "Microsoft.Storage"}]}),
        "network-virtual-network",
    ),
    Mutation(
        "endpoint policies off",
        "network",
        "breach",
        sets_at(VNET, "", {"properties.subnets.2.properties.privateEndpointNetworkPolicies": "Disabled"}),
        "network-virtual-network",
    ),
    Mutation(
        "everything may come in",
        "network",
        "breach",
        appends(NSG, "private-endpoints", "properties.securityRules", RULE),
        "network-security-groups",
    ),
    Mutation(
        "a rule less", "network", "outage", cuts(NSG, "batch", "properties.securityRules"), "network-security-groups"
    ),
    Mutation(
        "a deny that allows",
        "network",
        "breach",
        sets_at(NSG, "functions", {"properties.securityRules.1.properties.access": "Allow"}),
        "network-security-groups",
    ),
    Mutation(
        "a wider source",
        "network",
        "breach",
        sets_at(NSG, "batch", {"properties.securityRules.0.properties.sourceAddressPrefix": "*"}),
        "network-security-groups",
    ),
    Mutation(
        "a public address",
        "network",
        "breach",
        adds(
            "providers/Microsoft.Network/publicIPAddresses/mine",
            NETWORK,
            {
                "location": "westeurope",
                "sku": {"name": "Standard"},
                "properties": {"publicIPAllocationMethod": "Static"},
            },
        ),
        "governance-nothing-else",
        "extra",
    ),
    Mutation(
        "a route table",
        "network",
        "breach",
        adds(
            "providers/Microsoft.Network/routeTables/mine",
            NETWORK,
            {
                "location": "westeurope",
                "properties": {
                    "routes": [{"name": "out", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}}]
                },
            },
        ),
        "governance-nothing-else",
        "extra",
    ),
    Mutation(
        "a network of somebody's in the group",
        "network",
        "breach",
        adds(
            f"providers/{VNET}/mine",
            NETWORK,
            {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.98.0.0/16"]}}},
        ),
        "governance-nothing-else",
        "extra",
    ),
    # -- endpoints and connections
    Mutation(
        "a stranger's endpoint to the lake",
        "endpoints",
        "breach",
        stranger_endpoint(STORAGE, "blob"),
        "network-connections",
        "extra",
    ),
    Mutation(
        "a stranger's endpoint to the vault",
        "endpoints",
        "breach",
        stranger_endpoint(VAULT, "vault"),
        "network-connections",
        "extra",
    ),
    Mutation(
        "a stranger's endpoint to the registry",
        "endpoints",
        "breach",
        stranger_endpoint(REGISTRY, "registry"),
        "network-connections",
        "extra",
    ),
    Mutation(
        "a stranger's endpoint to the workspace",
        "endpoints",
        "breach",
        stranger_endpoint(WORKSPACE, "amlworkspace"),
        "network-connections",
        "extra",
    ),
    Mutation(
        "a stranger's endpoint to the factory",
        "endpoints",
        "breach",
        stranger_endpoint(FACTORY, "dataFactory"),
        "network-connections",
        "extra",
    ),
    Mutation(
        "a stranger's endpoint to Batch",
        "endpoints",
        "breach",
        stranger_endpoint(BATCH, "batchAccount"),
        "network-connections",
        "extra",
    ),
    Mutation(
        "a stranger's endpoint to the functions",
        "endpoints",
        "breach",
        stranger_endpoint(SITE, "sites"),
        "network-connections",
        "extra",
    ),
    # -- names
    Mutation(
        "a record leads outside the network",
        "dns",
        "outage",
        records_of("privatelink.blob.core.windows.net", {"aRecords": [{"ipv4Address": "203.0.113.77"}]}),
        "dns-records-exact",
        also=RED_DNS,
    ),
    Mutation(
        "a record leads to another endpoint", "dns", "outage", own_address_of_another, "dns-records-exact", also=RED_DNS
    ),
    Mutation(
        "a record with a second address",
        "dns",
        "outage",
        records_of(
            "privatelink.vaultcore.azure.net",
            {"aRecords": [{"ipv4Address": "10.40.0.5"}, {"ipv4Address": "10.40.0.250"}]},
        ),
        "dns-records-exact",
        also=RED_DNS,
    ),
    *(
        Mutation(
            f"no record in {zone}", "dns", "outage", records_of(zone, None), "dns-records-exact", "absent", also=RED_DNS
        )
        for zone in (
            "privatelink.blob.core.windows.net",
            "privatelink.file.core.windows.net",
            "privatelink.azurecr.io",
            "privatelink.dfs.core.windows.net",
            "privatelink.queue.core.windows.net",
            "privatelink.table.core.windows.net",
            "privatelink.batch.azure.com",
            "privatelink.azurewebsites.net",
            "privatelink.adf.azure.com",
            "privatelink.notebooks.azure.net",
            "privatelink.api.azureml.ms",
            "privatelink.datafactory.azure.net",
        )
    ),
    Mutation(
        "a record for a stranger's account",
        "dns",
        "breach",
        record(
            "privatelink.blob.core.windows.net",
            "A",
            "theirs",
            {"ttl": 10, "aRecords": [{"ipv4Address": "10.40.0.200"}]},
        ),
        "dns-records-exact",
        "extra",
    ),
    Mutation(
        "a wildcard record",
        "dns",
        "breach",
        record("privatelink.azurewebsites.net", "A", "*", {"ttl": 10, "aRecords": [{"ipv4Address": "10.40.0.200"}]}),
        "dns-records-exact",
        "extra",
        also=RED_DNS,
    ),
    Mutation(
        "a text record",
        "dns",
        "breach",
        record("privatelink.vaultcore.azure.net", "TXT", "note", {"ttl": 10, "txtRecords": [{"value": ["hello"]}]}),
        "dns-records-exact",
        "extra",
    ),
    Mutation(
        "a zone linked to a stranger's network", "dns", "breach", linked_to_a_stranger, "dns-zones-exact", "extra"
    ),
    Mutation(
        "a zone without its link",
        "dns",
        "outage",
        removes(LINK, "privatelink.file.core.windows.net/virtualnetworklinks/platform"),
        "dns-zones-exact",
        "absent",
        also=RED_DNS,
    ),
    Mutation(
        "machines register themselves in a zone",
        "dns",
        "breach",
        sets(LINK, "privatelink.blob.core.windows.net/virtualnetworklinks/platform", registrationEnabled=True),
        "dns-zones-exact",
    ),
    Mutation(
        "an endpoint without its zone group",
        "dns",
        "outage",
        removes(GROUP, "st-table/privatednszonegroups/default"),
        "dns-zone-groups",
        "absent",
        also=RED_DNS,
    ),
    # -- who is let in
    *(
        Mutation(
            f"an address is let in to {what}",
            "exceptions",
            "breach",
            appends(type_, part, "properties.networkAcls.ipRules", {"value": "93.184.216.34", **more}),
            "network-exceptions",
            also=DOORS,
        )
        for what, type_, part, more in (
            ("the storage account", STORAGE, "/stmlplocal", {"action": "Allow"}),
            ("the lake", STORAGE, "/dls", {"action": "Allow"}),
            ("the pointers", STORAGE, "/stcp", {"action": "Allow"}),
            ("the functions' account", STORAGE, "/stfn", {"action": "Allow"}),
            ("the vault", VAULT, "", {}),
        )
    ),
    *(
        Mutation(
            f"default action Allow on {what}",
            "exceptions",
            "breach",
            sets(type_, part, networkAcls__defaultAction="Allow"),
            "network-exceptions",
            also=DOORS,
        )
        for what, type_, part in (
            ("the storage account", STORAGE, "/stmlplocal"),
            ("the lake", STORAGE, "/dls"),
            ("the pointers", STORAGE, "/stcp"),
            ("the functions' account", STORAGE, "/stfn"),
            ("the vault", VAULT, ""),
        )
    ),
    Mutation(
        "resources of a tenant are let in",
        "exceptions",
        "breach",
        sets(
            STORAGE,
            "/dls",
            networkAcls__resourceAccessRules=[
                {
                    "tenantId": STORAGE and "10ca1000-0000-4000-8000-000000000001",
                    "resourceId": "/subscriptions/x/resourceGroups/y/providers/Microsoft.Synapse/workspaces/z",
                }
            ],
        ),
        "network-exceptions",
        also=DOORS,
    ),
    Mutation(
        "trusted services are let in to the pointers",
        "exceptions",
        "breach",
        sets(STORAGE, "/stcp", networkAcls__bypass="Logging, Metrics, AzureServices"),
        "network-exceptions",
        also=DOORS,
    ),
    Mutation(
        "trusted services are shut out of the storage account",
        "exceptions",
        "outage",
        sets(STORAGE, "/stmlplocal", networkAcls__bypass="None"),
        "network-exceptions",
        also=DOORS,
    ),
    Mutation(
        "trusted services are shut out of the vault",
        "exceptions",
        "outage",
        sets(VAULT, "", networkAcls__bypass="None"),
        "network-exceptions",
        also=DOORS,
    ),
    *(
        Mutation(
            f"public access to {what}",
            "exceptions",
            "breach",
            sets(type_, part, publicNetworkAccess="Enabled"),
            "network-exceptions",
            also=DOORS,
        )
        for what, type_, part in (
            ("the vault", VAULT, ""),
            ("the factory", FACTORY, ""),
            ("the workspace", WORKSPACE, ""),
            ("the function app", SITE, ""),
            ("Batch", BATCH, ""),
        )
    ),
    Mutation(
        "public access to the registry",
        "exceptions",
        "breach",
        sets(REGISTRY, "", publicNetworkAccess="Enabled", policies__exportPolicy={"status": "enabled"}),
        "network-exceptions",
        also=DOORS,
    ),
    Mutation(
        "the registry lets everybody in",
        "exceptions",
        "breach",
        sets(
            REGISTRY,
            "",
            publicNetworkAccess="Enabled",
            policies__exportPolicy={"status": "enabled"},
            networkRuleSet={"defaultAction": "Allow", "ipRules": []},
        ),
        "network-exceptions",
        also=DOORS,
    ),
)
