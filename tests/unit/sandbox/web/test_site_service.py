"""Who gets past the front ends of a function app, and who signs in to its site of deployments."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.sandbox import harness
from toolkit.sandbox.store import Store
from toolkit.sandbox.web.service import WebService
from toolkit.sandbox.world import World

APP, SCM = "app.azurewebsites.net", "app.scm.azurewebsites.net"
Ask = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store(":memory:")
    yield harness.world(tmp_path, store)
    store.close()


@pytest.fixture
def ask(world: World) -> Iterator[Ask]:
    loop = harness.Loop()
    with harness.served(loop, WebService(world)) as transport:

        def send(url: str, authorization: str = "") -> tuple[int, dict[str, str]]:
            session = cast(Any, transport("internet")).session
            headers = {"Authorization": authorization} if authorization else {}
            answer = session.get(url, headers=headers, allow_redirects=False)
            return answer.status_code, dict(answer.headers)

        yield send
    loop.close()


def put(world: World, **properties: Any) -> str:
    site = harness.resource("Microsoft.Web/sites", "app", properties)
    world.store.put(site)
    return site.id


@pytest.mark.parametrize("host", [APP, SCM])
def test_a_closed_app_refuses_at_both_names_and_says_whom(world: World, ask: Ask, host: str) -> None:
    put(world, publicNetworkAccess="Disabled")
    status, headers = ask(f"https://{host}/")
    assert (status, headers["x-ms-forbidden-ip"]) == (403, "203.0.113.10")


def test_an_open_app_answers_and_leads_away_from_http(world: World, ask: Ask) -> None:
    put(world, publicNetworkAccess="Enabled", httpsOnly=True)
    assert ask(f"https://{APP}/")[0] == 200
    status, headers = ask(f"http://{APP}/")
    assert (status, headers["location"]) == (301, f"https://{APP}/")
    assert ask("https://other.azurewebsites.net/")[0] == 404


def test_passwords_open_the_site_of_deployments_while_its_policy_says_so(world: World, ask: Ask) -> None:
    site = put(world, publicNetworkAccess="Enabled")
    credentials = {"publishingUserName": "$app", "publishingPassword": "right"}
    found = harness.resource("Microsoft.Web/sites/config", "publishingcredentials", credentials)
    found.body["id"] = f"{site}/config/publishingcredentials"
    world.store.put(type(found)(f"{site}/config/publishingcredentials", found.type, found.body, {}))
    right, wrong = ("Basic " + base64.b64encode(f"$app:{word}".encode()).decode() for word in ("right", "wrong"))
    assert [ask(f"https://{SCM}/", one)[0] for one in (right, wrong, "")] == [200, 401, 401]
    policy = harness.resource("Microsoft.Web/sites/basicPublishingCredentialsPolicies", "scm", {"allow": False})
    identifier = f"{site}/basicPublishingCredentialsPolicies/scm"
    world.store.put(type(policy)(identifier, policy.type, policy.body, {}))
    assert ask(f"https://{SCM}/", right)[0] == 401
