"""What a refusal inside the network turns out to be, once DNS and the private endpoint are looked at."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.azure.codes import DNS_SECONDS, FIREWALL_SECONDS, DenialKind
from toolkit.azure.denial import Denial
from toolkit.azure.second_look import Way, addresses_for, look_again, state_of

HOST = "st.blob.core.windows.net"
FIREWALL = Denial("storage-firewall", 403, "AuthorizationFailure", "r", "the rules refuse", "open it", FIREWALL_SECONDS)
APPROVED = Way("pe-st-blob", "Approved", ("10.0.1.4",))


@pytest.mark.parametrize(
    ("addresses", "way", "kind", "word", "hint", "seconds"),
    [
        (["10.0.1.4"], APPROVED, "storage-firewall", "the rules refuse", "open it", FIREWALL_SECONDS),
        (["10.0.1.9"], APPROVED, "private-dns", "10.0.1.9, which is not the address", "dns-zone-group", DNS_SECONDS),
        (["10.0.1.4"], Way("pe", "Pending"), "endpoint-not-approved", "is Pending", "approve it on its target", 0),
        (["10.0.1.4"], Way("pe", "Rejected"), "endpoint-not-approved", "is Rejected", "delete the private", 0),
        (["10.0.1.4"], Way("pe", "Disconnected"), "endpoint-not-approved", "Disconnected", "delete the private", 0),
        ([], Way("pe", None), "endpoint-missing", "pe, which leads to st.blob", "toolkit apply", 0),
        (None, Way("pe", "Rejected", managed=True), "endpoint-not-approved", "is Rejected", "makes again", 0),
        (None, Way("pe", None, managed=True), "endpoint-missing", "does not exist", "makes again", 0),
        (
            None,
            Way("pe", "Approved", managed=True),
            "storage-firewall",
            "the rules refuse",
            "open it",
            FIREWALL_SECONDS,
        ),
    ],
)
def test_the_cause(
    addresses: list[str] | None, way: Way, kind: DenialKind, word: str, hint: str, seconds: float
) -> None:
    seen = look_again(FIREWALL, HOST, addresses, [way])
    assert (seen.kind, seen.retry_seconds) == (kind, seconds)
    assert word in seen.cause
    assert hint in seen.hint
    assert (seen.status, seen.code, seen.request_id) == (403, "AuthorizationFailure", "r")


def test_what_no_network_is_to_blame_for_stays_as_it_is() -> None:
    role = Denial("storage-role", 403, "AuthorizationPermissionMismatch", "r", "no role", "assign it", 600)
    assert look_again(role, HOST, ["10.0.1.9"], [Way("pe", "Rejected")]) == role
    assert look_again(FIREWALL, HOST, ["10.0.1.9"], []) == FIREWALL


def test_what_the_control_plane_says_of_an_endpoint() -> None:
    def connection(status: str) -> dict[str, Any]:
        return {"properties": {"privateLinkServiceConnectionState": {"status": status}}}

    both = {"privateLinkServiceConnections": [connection("Approved")]}
    assert state_of({"properties": both}) == "Approved"
    both["manualPrivateLinkServiceConnections"] = [connection("Pending")]
    assert state_of({"properties": both}) == "Pending"
    assert state_of({"properties": {}}) == "Disconnected"

    def configuration(address: str, *names: str) -> dict[str, Any]:
        return {"properties": {"privateIPAddress": address, "privateLinkConnectionProperties": {"fqdns": list(names)}}}

    nic = {
        "properties": {"ipConfigurations": [configuration("10.0.1.4", HOST.upper()), configuration("10.0.1.5", "x")]}
    }
    assert addresses_for(HOST, nic) == ["10.0.1.4"]
