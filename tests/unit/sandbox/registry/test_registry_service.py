"""Who gets past a registry's network rules, and who gets a token of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.sandbox import harness
from toolkit.sandbox.internal import keep_password
from toolkit.sandbox.registry.service import RegistryService
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import World

SERVER = "acr.azurecr.io"
PULL = "Microsoft.ContainerRegistry/registries/pull/read"
Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store(":memory:")
    yield harness.world(tmp_path, store)
    store.close()


@pytest.fixture
def ask(world: World) -> Iterator[Ask]:
    loop = harness.Loop()
    with harness.served(loop, RegistryService(world)) as transport:

        def send(method: str, path: str, data: dict[str, str] | None = None, authorization: str = "") -> Any:
            session = cast(Any, transport("internet")).session
            headers = {"Authorization": authorization} if authorization else {}
            answer = session.request(method, f"https://{SERVER}{path}", data=data, headers=headers)
            return answer.status_code, answer.json()

        yield send
    loop.close()


def put(world: World, **properties: Any) -> Resource:
    registry = harness.resource("Microsoft.ContainerRegistry/registries", "acr", {"loginServer": SERVER, **properties})
    keep_password(registry, "right")
    world.store.put(registry)
    return registry


def exchanged(world: World, ask: Ask, audience: str = "https://management.azure.com") -> tuple[int, dict[str, Any]]:
    token = cast(harness.KnownTokens, world.tokens).issue("somebody", audience)
    return ask("POST", "/oauth2/exchange", {"grant_type": "access_token", "service": SERVER, "access_token": token})


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["errors"][0]["code"]


def test_the_network_decides_first(world: World, ask: Ask) -> None:
    put(world, publicNetworkAccess="Disabled")
    assert code(ask("GET", "/v2/")) == (403, "DENIED")
    put(world, publicNetworkAccess="Enabled", networkRuleSet={"defaultAction": "Deny", "ipRules": []})
    assert code(ask("GET", "/v2/")) == (403, "DENIED")
    rules = {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "203.0.113.10"}]}
    put(world, publicNetworkAccess="Enabled", networkRuleSet=rules)
    assert code(ask("GET", "/v2/")) == (401, "UNAUTHORIZED")


def test_a_role_is_what_the_exchange_asks_for(world: World, ask: Ask) -> None:
    registry = put(world)
    assert code(exchanged(world, ask)) == (401, "UNAUTHORIZED")
    access = cast(harness.Grants, world.access)
    access.actions.add(("somebody", registry.id, PULL))
    assert code(exchanged(world, ask, "https://storage.azure.com")) == (401, "UNAUTHORIZED")
    status, refresh = exchanged(world, ask)
    assert status == 200
    form = {"grant_type": "refresh_token", "service": SERVER, "scope": "registry:catalog:*", **refresh}
    _, token = ask("POST", "/oauth2/token", form)
    bearer = f"Bearer {token['access_token']}"
    assert ask("GET", "/v2/_catalog", authorization=bearer) == (200, {"repositories": []})
    assert ask("GET", "/v2/", authorization=bearer) == (200, {})
    assert code(ask("GET", "/v2/", authorization=f"Bearer {refresh['refresh_token']}")) == (401, "UNAUTHORIZED")


def test_nobody_and_the_admin_user_get_a_token_where_the_registry_says_so(world: World, ask: Ask) -> None:
    path = f"/oauth2/token?service={SERVER}&scope=repository:a:pull"
    basic = {word: "Basic " + base64.b64encode(f"acr:{word}".encode()).decode() for word in ("right", "wrong")}
    put(world)
    assert code(ask("GET", path)) == (401, "UNAUTHORIZED")
    assert code(ask("GET", path, authorization=basic["right"])) == (401, "UNAUTHORIZED")
    put(world, anonymousPullEnabled=True, adminUserEnabled=True)
    assert ask("GET", path)[0] == 200
    assert ask("GET", path, authorization=basic["right"])[0] == 200
    assert code(ask("GET", path, authorization=basic["wrong"])) == (401, "UNAUTHORIZED")


def test_images_are_refused_by_name(world: World, ask: Ask) -> None:
    put(world)
    assert code(ask("GET", "/v2/a/manifests/latest")) == (501, "UNSUPPORTED")
