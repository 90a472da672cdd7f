"""Where no lease can work that is said at once, with the reason and another way; nothing is changed before."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential

from tests.conftest import SandboxForTests
from tests.contract.leases import HERE, TTL, Place, a_lessee, a_place, here, left_as_it_was, me
from toolkit.azure.arm import ARM, arm_client
from toolkit.azure.egress import NoEgressAddressError, egress_addresses
from toolkit.azure.pipeline import RestClient
from toolkit.errors import RefusedError
from toolkit.firewall.leases import Leases
from toolkit.sandbox.client import Sandbox, find_running, sandbox_paths

pytestmark = pytest.mark.contract

LOCKS = "2020-05-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VAULT_CONTRIBUTOR = "f25e0fa2-a7c8-4377-a976-54943a77a395"
AGENT = "adf-public"  # a vantage that nobody else stands at


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


@pytest.fixture
def azure(sandbox: SandboxForTests) -> Iterator[Sandbox]:
    running = find_running(sandbox_paths(sandbox.connection.environment.project.root))
    assert running is not None
    yield running
    running.order_faults()
    running.subscription(sandbox.tenant_id, sandbox.subscription_id, standings={})


class Looking:
    """A client that remembers what it changed."""

    def __init__(self, inner: RestClient) -> None:
        self._inner = inner
        self.changes: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send_request(self, request: Any) -> Any:
        if request.method != "GET":
            self.changes.append(f"{request.method} {request.url}")
        return self._inner.send_request(request)


def lessee(place: Place, client: Any, *ids: str) -> Leases:
    targets = [target for target in place.targets if not ids or target.id in ids]
    return a_lessee(client, targets, place.leases().probe, place.folder)


def refusal(place: Place, client: RestClient, *ids: str) -> RefusedError:
    """That of opening, before which nothing was changed."""
    looking = Looking(client)
    with pytest.raises(RefusedError) as refused:
        lessee(place, looking, *ids).open(me(), here, TTL)
    assert looking.changes == []
    return refused.value


@contextmanager
def locked(place: Place, scope: str, level: str) -> Iterator[None]:
    lock = f"{scope}/providers/Microsoft.Authorization/locks/careful"
    place.platform.send("PUT", lock, LOCKS, {"properties": {"level": level}})
    try:
        yield
    finally:
        place.platform.send("DELETE", lock, LOCKS)


@pytest.mark.parametrize("where", ["account", "group"])
def test_a_lock_that_stops_every_change(place: Place, where: str) -> None:
    scope = place.account if where == "account" else place.platform.group
    with locked(place, scope, "ReadOnly"):
        told = refusal(place, place.arm)
    assert f"storage account {place.platform.account}: the ReadOnly lock careful on {scope}" in told.message
    assert "a self-hosted agent in the network" in (told.hint or "")


def test_a_lock_against_deletion_leaves_a_record_of_no_lease(place: Place) -> None:
    with locked(place, place.platform.group, "CanNotDelete"):
        lease = lessee(place, place.arm).open(me(), here, TTL)
        assert lessee(place, place.arm).close(lease).open_for == {}
        assert lessee(place, place.arm).journal.read() == []
        assert lessee(place, place.arm).sweep() == []
    record = f"{place.platform.group}/providers/Microsoft.Resources/deployments/toolkit-lease-{lease.id}"
    place.platform.send("DELETE", record, "2024-03-01")


@contextmanager
def somebody(place: Place, *roles: tuple[str, str]) -> Iterator[RestClient]:
    """Whose roles are these, each with its scope."""
    identity = (
        f"{place.platform.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{uuid.uuid4().hex[:8]}"
    )
    register = f"/subscriptions/{place.sandbox.subscription_id}/providers/Microsoft.ManagedIdentity/register"
    place.platform.send("POST", register, "2021-04-01")
    made = place.platform.put(identity, "2023-01-31", {"location": "westeurope"})["properties"]
    definitions = f"/subscriptions/{place.sandbox.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
    for role, scope in roles:
        properties = {
            "roleDefinitionId": f"{definitions}/{role}",
            "principalId": made["principalId"],
            "principalType": "ServicePrincipal",
        }
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        place.platform.put(path, "2022-04-01", {"properties": properties})
    credential = ManagedIdentityCredential(client_id=made["clientId"], **place.sandbox.options("vnet"))
    with arm_client(place.sandbox.connection, credential) as client:
        yield client


def test_a_role_that_is_missing(place: Place) -> None:
    with somebody(place, (READER, place.platform.group)) as reader:
        told = refusal(place, reader)
    assert f"lacks Microsoft.Storage/storageAccounts/write on {place.account}" in told.message
    assert f"assign Storage Account Contributor on {place.account}" in (told.hint or "")


def test_a_role_for_the_record_that_is_missing(place: Place) -> None:
    with somebody(place, (READER, place.platform.group), (VAULT_CONTRIBUTOR, place.vault)) as keeper:
        told = refusal(place, keeper, place.vault)
    wanted = ", ".join(f"Microsoft.Resources/deployments/{verb}" for verb in ("write", "delete"))
    assert f"lacks {wanted} on {place.platform.group.lower()}" in told.message


def test_the_role_that_is_named_is_enough(place: Place) -> None:
    with somebody(place, (READER, place.platform.group), (VAULT_CONTRIBUTOR, place.platform.group)) as keeper:
        leases = lessee(place, keeper, place.vault)
        assert leases.close(leases.open(me(), here, TTL)).open_for == {}


def test_a_policy_is_found_by_trying_and_nothing_is_left(place: Place, azure: Sandbox) -> None:
    azure.order_faults({"kind": "disallowed", "url": "(?i)/vaults/", "method": "PATCH", "times": 100})
    with pytest.raises(RefusedError) as refused:
        lessee(place, place.arm).open(me(), here, TTL)
    assert "RequestDisallowedByPolicy" in refused.value.message
    assert "no rules for addresses here" in refused.value.message
    assert "a self-hosted agent in the network" in (refused.value.hint or "")


def test_an_agent_in_the_account_s_own_region(place: Place, azure: Sandbox) -> None:
    stands = {"addresses": [HERE], "region": "westeurope"}
    subscription = place.sandbox.tenant_id, place.sandbox.subscription_id
    azure.subscription(*subscription, standings={AGENT: stands})
    told = refusal(place, place.arm, place.account)
    assert f"{HERE}: that is a machine of Azure in westeurope, the account's own region" in told.message
    assert "an agent of another region" in (told.hint or "")
    azure.subscription(*subscription, standings={AGENT: {**stands, "region": "northeurope"}})
    leases = lessee(place, place.arm, place.account)
    assert leases.close(leases.open(me(), here, TTL)).open_for == {}


def test_an_agent_that_is_seen_with_a_private_address(place: Place, azure: Sandbox) -> None:
    subscription = place.sandbox.tenant_id, place.sandbox.subscription_id
    azure.subscription(*subscription, standings={AGENT: {"addresses": ["10.1.2.3"]}})
    with pytest.raises(NoEgressAddressError, match=r"saw 10\.1\.2\.3, which is no public address") as refused:
        egress_addresses(place.sandbox.options(AGENT))
    assert "self-hosted agent" in (refused.value.hint or "")


def test_service_tags_name_the_regions_of_machines(place: Place, azure: Sandbox) -> None:
    stands = {"addresses": [HERE], "region": "westeurope"}
    azure.subscription(place.sandbox.tenant_id, place.sandbox.subscription_id, standings={AGENT: stands})
    path = (
        f"/subscriptions/{place.sandbox.subscription_id}/providers/Microsoft.Network/locations/northeurope/serviceTags"
    )
    found = place.arm.get(f"{ARM}{path}", {"api-version": "2024-01-01"})["values"]
    assert [(tag["name"], tag["properties"]["addressPrefixes"]) for tag in found] == [
        ("AzureCloud.westeurope", [f"{HERE}/32"])
    ]
