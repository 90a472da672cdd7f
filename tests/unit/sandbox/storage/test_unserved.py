"""Files, queues and tables: who is let through the firewall, signed in, and then told that nothing is behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.sandbox import harness
from tests.unit.sandbox.storage.conftest import ACCOUNT
from toolkit.sandbox.internal import keep_endpoint_addresses
from toolkit.sandbox.storage.unserved import KINDS, UnservedStorage
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import World

DENY = {"defaultAction": "Deny", "ipRules": []}
LET_IN = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.10"}]}
Ask = Callable[..., tuple[int, str]]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store(":memory:")
    yield harness.world(tmp_path, store)
    store.close()


@pytest.fixture
def ask(world: World, kind: str) -> Iterator[Ask]:
    """Status and code of GET / at an account with these properties, from a vantage, with these headers."""
    loop = harness.Loop()
    with harness.served(loop, UnservedStorage(world, kind)) as transport:

        def send(
            vantage: str = "internet", authorization: str = "", intent: str = "backup", **properties: Any
        ) -> tuple[int, str]:
            world.store.put(harness.resource("Microsoft.Storage/storageAccounts", ACCOUNT, properties))
            session = cast(Any, transport(vantage)).session
            headers = {"x-ms-version": "2023-11-03", "x-ms-file-request-intent": intent}
            headers |= {"authorization": authorization} if authorization else {}
            answer = session.get(f"https://{ACCOUNT}.{kind}.core.windows.net/", headers=headers)
            if kind == "table":
                return answer.status_code, answer.json()["odata.error"]["code"]
            return answer.status_code, answer.headers["x-ms-error-code"]

        yield send
    loop.close()


def token(world: World, audience: str = "https://storage.azure.com") -> str:
    return f"Bearer {cast(harness.KnownTokens, world.tokens).issue('somebody', audience)}"


def test_the_firewall_decides_first(world: World, ask: Ask) -> None:
    refused = (403, "AuthorizationFailure")
    assert ask(networkAcls=DENY) == refused
    assert ask(networkAcls=DENY, authorization=token(world)) == refused
    assert ask(publicNetworkAccess="Disabled", authorization=token(world)) == refused
    assert ask(networkAcls=LET_IN, authorization=token(world)) == (501, "NotImplemented")


def test_then_who_asks(world: World, ask: Ask, kind: str) -> None:
    assert ask() == (401, "NoAuthenticationInformation")
    assert ask(authorization="Bearer made-up") == (401, "InvalidAuthenticationInfo")
    assert ask(authorization=token(world, "https://vault.azure.net")) == (401, "InvalidAuthenticationInfo")
    own = token(world, f"https://{ACCOUNT}.{kind}.core.windows.net")
    assert ask(authorization=own) == (501, "NotImplemented")
    key = f"SharedKey {ACCOUNT}:c2lnbmF0dXJl"
    assert ask(authorization=key, allowSharedKeyAccess=False) == (403, "KeyBasedAuthenticationNotPermitted")


def test_inside_the_network_its_own_private_endpoint_leads_there(world: World, ask: Ask, kind: str) -> None:
    """One for blobs is none for queues: the name stays a public one, which the firewall refuses."""
    closed: dict[str, Any] = {"publicNetworkAccess": "Disabled"}
    assert ask("vnet", token(world), **closed) == (403, "AuthorizationFailure")
    host, zone = f"{ACCOUNT}.{kind}.core.windows.net", f"privatelink.{kind}.core.windows.net"
    account = f"{harness.GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    connection = {"privateLinkServiceId": account, "privateLinkServiceConnectionState": {"status": "Approved"}}
    endpoint = harness.resource(
        "Microsoft.Network/privateEndpoints", "pe", {"privateLinkServiceConnections": [{"properties": connection}]}
    )
    keep_endpoint_addresses(endpoint, {host: "10.0.0.9"})
    network = harness.resource("Microsoft.Network/virtualNetworks", "vnet", {})
    for one in (endpoint, network, harness.resource("Microsoft.Network/privateDnsZones", zone, {})):
        world.store.put(one)
    for kind_, name, properties in (
        ("virtualNetworkLinks", "platform", {"virtualNetwork": {"id": network.id}}),
        ("A", ACCOUNT, {"aRecords": [{"ipv4Address": "10.0.0.9"}]}),
    ):
        child = harness.resource(f"Microsoft.Network/privateDnsZones/{zone}/{kind_}", name, properties)
        world.store.put(type(child)(child.id, f"Microsoft.Network/privateDnsZones/{kind_}", child.body, {}))
    assert ask("vnet", token(world), **closed) == (501, "NotImplemented")
    assert ask("internet", token(world), **closed) == (403, "AuthorizationFailure")


def test_a_file_share_wants_to_know_what_a_token_is_for(world: World, ask: Ask, kind: str) -> None:
    expected = (400, "MissingRequiredHeader") if kind == "file" else (501, "NotImplemented")
    assert ask(authorization=token(world), intent="") == expected
