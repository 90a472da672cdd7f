"""Key Vault's data plane through Microsoft's HTTP pipeline: secrets, roles, network rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox import harness
from tests.unit.sandbox.keyvault.conftest import HOST, OFFICER, SECRETS, VAULT, Vault, refusal

# -- secrets -----------------------------------------------------------------------------------------------------------


def test_set_and_get(vault: Vault) -> None:
    given = {"value": "s3cret", "contentType": "text/plain", "tags": {"a": "b"}, "attributes": {"exp": 4102444800}}
    made = vault.call("PUT", "secrets/Db-Password", given)
    assert made.status_code == 200
    got = vault.call("GET", "secrets/db-password").json()
    assert got == made.json()
    assert got["value"] == "s3cret"
    assert got["contentType"] == "text/plain"
    assert got["tags"] == {"a": "b"}
    assert got["id"].startswith(f"{HOST}/secrets/Db-Password/")
    attributes = got["attributes"]
    assert attributes["exp"] == 4102444800
    assert (attributes["recoveryLevel"], attributes["recoverableDays"]) == ("CustomizedRecoverable+Purgeable", 7)


def test_versions(vault: Vault) -> None:
    first = vault.call("PUT", "secrets/s", {"value": "1"}).json()
    second = vault.call("PUT", "secrets/s", {"value": "2"}).json()
    assert vault.call("GET", "secrets/s").json()["value"] == "2"
    old = first["id"].rsplit("/", 1)[1]
    assert vault.call("GET", f"secrets/s/{old}").json()["value"] == "1"
    listed = vault.call("GET", "secrets/s/versions").json()["value"]
    assert [item["id"] for item in listed] == [first["id"], second["id"]]
    assert all("value" not in item for item in listed)
    assert refusal(vault.call("GET", "secrets/s/00000000000000000000000000000000")) == (404, "SecretNotFound", None)


def test_update_and_disable(vault: Vault) -> None:
    made = vault.call("PUT", "secrets/s", {"value": "1"}).json()
    version = made["id"].rsplit("/", 1)[1]
    changed = vault.call("PATCH", f"secrets/s/{version}", {"attributes": {"enabled": False}, "tags": {"x": "y"}}).json()
    assert changed["attributes"]["enabled"] is False
    assert "value" not in changed
    assert refusal(vault.call("GET", "secrets/s")) == (403, "Forbidden", "SecretDisabled")


def test_listing_is_paged_and_without_values(vault: Vault) -> None:
    for number in range(30):
        vault.call("PUT", f"secrets/s{number:02d}", {"value": "v"})
    first = vault.call("GET", "secrets?maxresults=20").json()
    second = vault.call("GET", first["nextLink"]).json()
    names = [item["id"] for item in (*first["value"], *second["value"])]
    assert names == [f"{HOST}/secrets/s{number:02d}" for number in range(30)]
    assert second["nextLink"] is None
    assert all("value" not in item for item in first["value"])


def test_soft_delete_recover_and_purge(vault: Vault) -> None:
    vault.call("PUT", "secrets/s", {"value": "1"})
    deleted = vault.call("DELETE", "secrets/s").json()
    assert deleted["recoveryId"] == f"{HOST}/deletedsecrets/s"
    assert deleted["scheduledPurgeDate"] - deleted["deletedDate"] == 7 * 24 * 3600
    assert refusal(vault.call("GET", "secrets/s")) == (404, "SecretNotFound", None)
    assert vault.call("GET", "secrets").json()["value"] == []
    assert [item["recoveryId"] for item in vault.call("GET", "deletedsecrets").json()["value"]] == [
        deleted["recoveryId"]
    ]
    conflict = refusal(vault.call("PUT", "secrets/s", {"value": "2"}))
    assert conflict == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert vault.call("POST", "deletedsecrets/s/recover").status_code == 200
    assert vault.call("GET", "secrets/s").json()["value"] == "1"
    vault.call("DELETE", "secrets/s")
    assert vault.call("DELETE", "deletedsecrets/s").status_code == 204
    assert refusal(vault.call("GET", "deletedsecrets/s")) == (404, "SecretNotFound", None)
    assert vault.call("PUT", "secrets/s", {"value": "2"}).status_code == 200


def test_purge_protection(vault: Vault) -> None:
    vault.configure(enablePurgeProtection=True)
    vault.call("PUT", "secrets/s", {"value": "1"})
    vault.call("DELETE", "secrets/s")
    assert vault.call("DELETE", "deletedsecrets/s").status_code == 403
    assert vault.call("GET", "deletedsecrets/s").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [("secrets/bad_name", {"value": "1"}), ("secrets/s", {}), ("secrets/s", [1])]
)
def test_bad_input(vault: Vault, path: str, body: Any) -> None:
    assert refusal(vault.call("PUT", path, body)) == (400, "BadParameter", None)


@pytest.mark.parametrize("path", ["keys/k/v/wrapkey", "certificates/c", "secrets/s/backup", "nonsense"])
def test_what_is_not_served_is_refused_by_name(vault: Vault, path: str) -> None:
    response = vault.call("GET", path)
    assert response.status_code == 501
    assert "The sandbox does not serve" in response.json()["error"]["message"]


# -- who asks, from where, and what they may do ------------------------------------------------------------------------


def test_the_challenge_comes_before_the_firewall(vault: Vault) -> None:
    vault.configure(publicNetworkAccess="Disabled")
    response = vault.call("GET", "secrets/s", token=None)
    assert refusal(response) == (401, "Unauthorized", None)
    assert response.headers["www-authenticate"] == (
        f'Bearer authorization="https://login.microsoftonline.com/{harness.TENANT}", resource="https://vault.azure.net"'
    )


def test_token_for_another_audience(vault: Vault) -> None:
    token = vault.token("officer", *OFFICER, audience="https://management.azure.com")
    assert refusal(vault.call("GET", "secrets", token=token)) == (401, "Unauthorized", None)


def test_public_network_access_disabled(vault: Vault) -> None:
    vault.configure(publicNetworkAccess="Disabled")
    response = vault.call("GET", "secrets")
    assert refusal(response) == (403, "Forbidden", "ForbiddenByConnection")
    message = response.json()["error"]["message"]
    assert message.startswith("Public network access is disabled and request is not from a trusted service")
    assert message.endswith("Vault: kvtest;location=westeurope")


def test_firewall_names_the_address(vault: Vault) -> None:
    acls = {"defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [{"value": "203.0.113.10/32"}]}
    vault.configure(networkAcls=acls)
    assert vault.call("GET", "secrets").status_code == 200
    response = vault.call("GET", "secrets", vantage="vnet")
    assert refusal(response) == (403, "Forbidden", "ForbiddenByFirewall")
    assert "Client address: 198.51.100.20\r\n" in response.json()["error"]["message"]


def test_reader_role(vault: Vault) -> None:
    vault.call("PUT", "secrets/s", {"value": "1"})
    token = vault.token("user", f"{SECRETS}/getSecret/action")
    assert vault.call("GET", "secrets/s", token=token).json()["value"] == "1"
    response = vault.call("PUT", "secrets/s", {"value": "2"}, token=token)
    assert refusal(response) == (403, "Forbidden", "ForbiddenByRbac")
    lines = response.json()["error"]["message"].split("\r\n")
    assert lines[3] == f"Action: '{SECRETS}/setSecret/action'"
    assert lines[4] == f"Resource: '{vault.configure()}/secrets/s'".lower().replace("resource:", "Resource:")
    assert vault.call("GET", "secrets/s").json()["value"] == "1"


def test_role_on_one_secret(vault: Vault) -> None:
    vault.call("PUT", "secrets/one", {"value": "1"})
    vault.call("PUT", "secrets/two", {"value": "2"})
    token = vault.token("scoped")
    vault.grant("scoped", "secrets/one", f"{SECRETS}/getSecret/action")
    assert vault.call("GET", "secrets/one", token=token).status_code == 200
    assert vault.call("GET", "secrets/two", token=token).status_code == 403


def test_a_refused_caller_learns_nothing_about_what_exists(vault: Vault) -> None:
    token = vault.token("nobody")
    assert refusal(vault.call("GET", "secrets/missing", token=token))[2] == "ForbiddenByRbac"


def test_access_policies_are_refused_by_name(vault: Vault) -> None:
    vault.configure(enableRbacAuthorization=False)
    assert "access policies" in vault.call("GET", "secrets").json()["error"]["message"]


def test_unknown_vault_is_named(vault: Vault) -> None:
    response = vault.call("GET", "secrets", host="https://nosuch.vault.azure.net")
    assert response.status_code == 404
    assert "no key vault named nosuch" in response.json()["error"]["message"]


def test_the_private_endpoint_opens_a_closed_vault(vault: Vault) -> None:
    vault_id = vault.configure(publicNetworkAccess="Disabled")
    store = vault.world.store
    zone = harness.resource("Microsoft.Network/privateDnsZones", "privatelink.vaultcore.azure.net", {})
    network = harness.resource("Microsoft.Network/virtualNetworks", "vnet", {})
    connection = {"privateLinkServiceId": vault_id, "privateLinkServiceConnectionState": {"status": "Approved"}}
    endpoint = harness.resource(
        "Microsoft.Network/privateEndpoints",
        "pe",
        {"privateLinkServiceConnections": [{"properties": connection}]},
        {"ip_addresses": {f"{VAULT}.vault.azure.net": "10.0.0.4"}},
    )
    link = harness.resource(
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks", "l", {"virtualNetwork": {"id": network.id}}
    )
    record = harness.resource("Microsoft.Network/privateDnsZones/A", VAULT, {"aRecords": [{"ipv4Address": "10.0.0.4"}]})
    link.id = f"{zone.id}/virtualNetworkLinks/l"
    record.id = f"{zone.id}/A/{VAULT}"
    for made in (zone, network, endpoint, link, record):
        store.put(made)
    assert vault.call("GET", "secrets", vantage="vnet").status_code == 200
    assert refusal(vault.call("GET", "secrets"))[2] == "ForbiddenByConnection"
