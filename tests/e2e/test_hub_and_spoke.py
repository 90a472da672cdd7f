"""A platform in a network that stands already, with its records in a hub's zones in another subscription."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.smoke_platform import Platform
from tests.e2e.conftest import Toolkit, skipped
from toolkit.environment import connect, load_environment
from toolkit.project import Project
from toolkit.sandbox import client

pytestmark = pytest.mark.e2e

HUB = "10ca1000-0000-4000-8000-0000000000b0"
PROVIDERS, GROUPS, NETWORKS, ZONES = "2021-04-01", "2024-03-01", "2024-01-01", "2024-06-01"
NAMES = (
    "privatelink.blob.core.windows.net",
    "privatelink.dfs.core.windows.net",
    "privatelink.file.core.windows.net",
    "privatelink.queue.core.windows.net",
    "privatelink.table.core.windows.net",
    "privatelink.vaultcore.azure.net",
    "privatelink.azurecr.io",
    "privatelink.api.azureml.ms",
    "privatelink.notebooks.azure.net",
    "privatelink.datafactory.azure.net",
    "privatelink.adf.azure.com",
    "privatelink.batch.azure.com",
    "privatelink.azurewebsites.net",
    "privatelink.monitor.azure.com",  # of no use to the platform
)
DATA = """
network = {{
  existing = {{
    virtual_network_id = "{network}"
    subnet_ids = {{
      private_endpoints = "{network}/subnets/snet-endpoints"
      batch             = "{network}/subnets/snet-batch"
      functions         = "{network}/subnets/snet-functions"
    }}
  }}
}}

private_dns = {{
  records  = "existing"
  zone_ids = [{zones}]
}}
"""


def subnet(name: str, number: int, delegation: str | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"addressPrefixes": [f"10.90.{number}.0/24"]}
    if delegation:
        properties["delegations"] = [{"name": "delegation", "properties": {"serviceName": delegation}}]
    return {"name": name, "properties": properties}


@pytest.fixture(scope="module")
def hub(toolkit: Toolkit) -> Iterator[Platform]:
    """What other people own: the spoke's network in the platform's subscription, the zones in the hub's."""
    project = Project(toolkit.project)
    connection = connect(load_environment("local", project))
    environment = connection.environment
    sandbox = client.ensure_running(project.root)
    sandbox.subscription(environment.tenant_id, HUB, "hub")
    owner = Platform(project.root, connection, {})
    network_group = f"/subscriptions/{environment.subscription_id}/resourceGroups/rg-network"
    zone_group = f"/subscriptions/{HUB}/resourceGroups/rg-dns"
    for subscription in (environment.subscription_id, HUB):
        owner.call("POST", f"/subscriptions/{subscription}/providers/Microsoft.Network/register", PROVIDERS)
    for group in (network_group, zone_group):
        owner.call("PUT", group, GROUPS, {"location": "westeurope"})
    network = f"{network_group}/providers/Microsoft.Network/virtualNetworks/vnet-spoke"
    subnets = [
        subnet("snet-endpoints", 0),
        subnet("snet-batch", 1),
        subnet("snet-functions", 2, "Microsoft.App/environments"),
    ]
    properties = {"addressSpace": {"addressPrefixes": ["10.90.0.0/16"]}, "subnets": subnets}
    owner.call("PUT", network, NETWORKS, {"location": "westeurope", "properties": properties})
    zones = [f"{zone_group}/providers/Microsoft.Network/privateDnsZones/{name}" for name in NAMES]
    for zone in zones:
        owner.call("PUT", zone, ZONES, {"location": "global", "properties": {}})
    variables = toolkit.project / "envs/local/terraform.tfvars"
    text, count = re.subn(r"^network = \{\n.*?^\}\n", "", variables.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert count == 1
    data = DATA.format(network=network, zones=", ".join(f'"{zone}"' for zone in zones))
    variables.write_text(text + data, encoding="utf-8")
    try:
        yield owner
    finally:
        owner.close()


def test_subnets_that_cannot_hold_it_are_found_before_anything_is_made(toolkit: Toolkit, hub: Platform) -> None:
    variables = toolkit.project / "envs/local/terraform.tfvars"
    before = text = variables.read_text(encoding="utf-8")
    network = hub.call("GET", re.findall(r'virtual_network_id = "([^"]+)"', text)[0], NETWORKS)
    tiny = {"name": "snet-tiny", "properties": {"addressPrefixes": ["10.90.9.0/29"]}}
    hub.call("PUT", f"{network['id']}/subnets/snet-tiny", NETWORKS, tiny)
    for old, new in (
        ("snet-endpoints", "snet-tiny"),
        ("snet-batch", "snet-nowhere"),
        ("snet-functions", "snet-endpoints"),
    ):
        text = text.replace(f'subnets/{old}"', f'subnets/{new}"')
    variables.write_text(text, encoding="utf-8")
    try:
        result = toolkit("apply", "local", "--no-smoke")
    finally:
        variables.write_text(before, encoding="utf-8")
        hub.call("DELETE", f"{network['id']}/subnets/snet-tiny", NETWORKS)
    assert result.code == 1
    told = " ".join(result.err.split())
    assert re.search(r"snet-tiny\): it has 3 free addresses \(10\.90\.9\.0/29\), and the plan takes \d+", told), told
    assert "snet-nowhere): it is not there" in told
    assert "snet-endpoints): it is not delegated to Microsoft.App/environments" in told
    assert not (toolkit.project / ".toolkit" / "local" / "outputs.json").exists()


def test_the_platform_works_in_it(toolkit: Toolkit, hub: Platform) -> None:
    report = toolkit.ok("apply", "local", "--json").json
    assert (report["smoke"]["summary"]["failed"], skipped(report)) == (
        0,
        ["network-perimeter", "keyvault-keys-valid", "posture-locks", "posture-customer-managed-keys"],
    )
    assert toolkit("plan", "local").code == 0


def test_the_zones_have_links_and_records_and_those_of_no_use_have_none(toolkit: Toolkit, hub: Platform) -> None:
    outputs = toolkit.ok("outputs", "local", "--format", "json").json
    zones = outputs["private_dns_zones"]
    assert set(zones) == set(NAMES[:-1])
    for name, zone in zones.items():
        assert zone.startswith(f"/subscriptions/{HUB}/")
        (link,) = hub.call("GET", f"{zone}/virtualNetworkLinks", ZONES)["value"]
        assert link["properties"]["virtualNetwork"]["id"] == outputs["virtual_network_id"], name
        assert hub.call("GET", f"{zone}/A", ZONES)["value"] != [], name
    unused = next(iter(zones.values())).rpartition("/")[0] + f"/{NAMES[-1]}"
    assert hub.call("GET", f"{unused}/virtualNetworkLinks", ZONES)["value"] == []


def test_destroy_leaves_the_hub_as_it_was(toolkit: Toolkit, hub: Platform) -> None:
    outputs = toolkit.ok("outputs", "local", "--format", "json").json
    toolkit.ok("destroy", "local")
    for zone in outputs["private_dns_zones"].values():
        assert hub.call("GET", f"{zone}/virtualNetworkLinks", ZONES)["value"] == []
        assert hub.call("GET", f"{zone}/A", ZONES)["value"] == []
    assert len(hub.call("GET", outputs["virtual_network_id"], NETWORKS)["properties"]["subnets"]) == 3
