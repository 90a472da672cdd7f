"""The control API: who may ask, and what it says to requests that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.unit.sandbox.front import SUBSCRIPTION, TENANT, Front, running_front
from toolkit.errors import ToolkitError
from toolkit.sandbox.entra.directory import EntraDirectory
from toolkit.sandbox.model import VANTAGES, Standing
from toolkit.sandbox.vm_sizes import QUOTA_NAMES


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front") / "sandbox") as front:
        yield front


def ask(front: Front, method: str, path: str, *, token: str | None = None, body: Any = None) -> httpx.Response:
    token = front.paths.control_token.read_text() if token is None else token
    return httpx.request(
        method,
        f"http://127.0.0.1:{front.sandbox.control_port}{path}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        json=body,
        trust_env=False,
    )


@pytest.mark.parametrize("token", ["", "guess", "é"])
def test_only_the_token_opens_it(front: Front, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
    url = f"http://127.0.0.1:{front.sandbox.control_port}/stop"
    answer = httpx.post(url, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert "control.token" in answer.json()["error"]["hint"]
    assert front.sandbox.status()["control_port"] == front.sandbox.control_port


def test_a_proxy_port_is_no_way_in(front: Front) -> None:
    headers = {"Authorization": f"Bearer {front.paths.control_token.read_text()}"}
    with front.http() as client:
        answer = client.get(f"http://127.0.0.1:{front.sandbox.control_port}/status", headers=headers)
    assert answer.status_code == 403
    assert "does not serve 127.0.0.1" in answer.text


def test_the_control_port_is_no_proxy(front: Front) -> None:
    with (
        httpx.Client(proxy=f"http://127.0.0.1:{front.sandbox.control_port}", trust_env=False) as client,
        pytest.raises(httpx.HTTPError),
    ):
        client.get("https://management.azure.com/")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/nothing", None, 404, "no control request GET /nothing"),
        ("GET", "/stop", None, 404, "no control request GET /stop"),
        ("POST", "/subscriptions", [], 400, "the body is not a JSON object"),
        ("POST", "/subscriptions", {}, 400, "subscription_id is missing"),
        ("POST", "/subscriptions", {"subscription_id": "x"}, 400, "subscription_id is not a GUID"),
        (
            "POST",
            "/subscriptions",
            {
                "subscription_id": SUBSCRIPTION,
                "tenant_id": TENANT,
                "display_name": "x",
                "core_quotas": {"standardDSv5": 1},
            },
            400,
            f"core_quotas is an object with cores by {', '.join(QUOTA_NAMES)}",
        ),
        *(
            (
                "POST",
                "/subscriptions",
                {"subscription_id": SUBSCRIPTION, "tenant_id": TENANT, "display_name": "x", "standings": wrong},
                400,
                "standings is an object with addresses (IPv4) and region (of Azure) by adf-managed, adf-public, "
                "aml-managed, internet, vnet",
            )
            for wrong in (
                [],
                {"moon": {}},
                {"vnet": {"addresses": ["here"]}},
                {"vnet": {"addresses": ["2001:db8::1"]}},
                {"vnet": {"region": "moon"}},
                {"vnet": {"colour": "red"}},
                {"vnet": None},
            )
        ),
        ("POST", "/federation", {"subject": 1}, 400, "subject is missing"),
        ("POST", "/profile", {"name": "fast", "scale": 1}, 400, "name is 'fast', not one of instant, realistic, worst"),
        ("POST", "/profile", {"name": "realistic", "scale": 11}, 400, "scale is a number from 0 to 10"),
        ("POST", "/clock", {"advance": -1}, 400, "advance is a number of seconds from 0 to 34560000"),
        *(
            (
                "POST",
                "/faults",
                {"faults": wrong},
                400,
                "faults is a list of objects as faults.py has them; kind is one of throttled, unavailable, expired, "
                "disallowed, broken, committed",
            )
            for wrong in (
                None,
                [{"kind": "strange", "url": "."}],
                [{"kind": "broken", "url": "("}],
                [{"kind": "broken", "url": ".", "times": "2"}],
                [{"kind": "broken"}],
            )
        ),
        ("POST", "/clock", {}, 400, "advance is a number of seconds from 0 to 34560000"),
    ],
)
def test_wrong_requests(front: Front, method: str, path: str, body: Any, status: int, message: str) -> None:
    answer = ask(front, method, path, body=body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


def test_a_subscription_stays_in_its_tenant(front: Front) -> None:
    with pytest.raises(ToolkitError, match=f"knows the subscription {SUBSCRIPTION} in the tenant {TENANT}"):
        front.sandbox.subscription("99999999-0000-4000-8000-000000000000", SUBSCRIPTION)


def test_registering_a_subscription_again_changes_nothing(front: Front) -> None:
    again = front.sandbox.subscription(TENANT, SUBSCRIPTION)
    assert again == front.vantages
    owners = front.store.under(f"/subscriptions/{SUBSCRIPTION}", "Microsoft.Authorization/roleAssignments")
    assert [owner.properties["principalId"] for owner in owners] == [front.sandbox.engineer_object_id]


def test_granted_quotas_stay_until_others_are_granted(front: Front) -> None:
    directory = EntraDirectory(front.store)
    front.sandbox.subscription(TENANT, SUBSCRIPTION, core_quotas={"standardDSv5Family": 8})
    front.sandbox.subscription(TENANT, SUBSCRIPTION)
    assert directory.core_quotas(SUBSCRIPTION) == {"standardDSv5Family": 8}
    front.sandbox.subscription(TENANT, SUBSCRIPTION, core_quotas={})
    assert directory.core_quotas(SUBSCRIPTION) == {}


def test_where_machines_stand_stays_until_it_is_said_otherwise(front: Front) -> None:
    directory = EntraDirectory(front.store)
    said = {"vnet": {"addresses": ["198.51.100.21"], "region": "westeurope"}}
    front.sandbox.subscription(TENANT, SUBSCRIPTION, standings=said)
    front.sandbox.subscription(TENANT, SUBSCRIPTION)
    assert directory.standing(SUBSCRIPTION, "vnet") == Standing(("198.51.100.21",), "westeurope")
    assert directory.standing(SUBSCRIPTION, "internet") == Standing()
    front.sandbox.subscription(TENANT, SUBSCRIPTION, standings={})
    assert directory.standing(SUBSCRIPTION, "vnet") == Standing()


def test_every_subscription_has_ports_of_its_own(front: Front) -> None:
    other = front.sandbox.subscription(TENANT, "0e0f0000-0000-4000-8000-000000000003")
    ports = [place.proxy_port for places in (front.vantages, other) for place in places.values()]
    assert len(set(ports)) == len(ports) == 2 * len(VANTAGES)
