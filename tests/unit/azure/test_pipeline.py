"""The plain client: queries, pages, and what it refuses to do."""

from __future__ import annotations

import time

import pytest
from azure.core.exceptions import AzureError, HttpResponseError

from tests.unit.azure.web import Answer, serve
from toolkit.azure.pipeline import RestClient
from toolkit.environment import Vantage

HERE = Vantage("here", {})


def test_a_query_is_added_to_the_one_that_the_address_has() -> None:
    with serve(Answer(200, {"value": "jwt"})) as web, RestClient(web.url, HERE) as client:
        assert client.get(f"{web.url}/token?api-version=2.0", {"audience": "api://AzureADTokenExchange"}) == {
            "value": "jwt"
        }
    assert web.requests[0][1] == "/token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange"


def test_pages_are_followed() -> None:
    with serve(Answer(200, {}), Answer(200, {"value": [{"n": 2}]})) as web:
        web.answers[0].body = {"value": [{"n": 1}], "nextLink": f"{web.url}/more"}
        with RestClient(web.url, HERE) as client:
            assert [item["n"] for item in client.list("/things", {"api-version": "1"})] == [1, 2]
    assert [path for _, path, _ in web.requests] == ["/things?api-version=1", "/more"]


def test_a_page_on_another_host_is_refused() -> None:
    elsewhere = Answer(200, {"value": [], "nextLink": "https://elsewhere.invalid/more"})
    with serve(elsewhere) as web, RestClient(web.url, HERE) as client, pytest.raises(ValueError, match="another host"):
        list(client.list("/things"))


@pytest.mark.parametrize("body", ["<html>", "[1]"])
def test_an_answer_that_is_no_json_object_is_an_error(body: str) -> None:
    with serve(Answer(200, body)) as web, RestClient(web.url, HERE) as client, pytest.raises(HttpResponseError):
        client.get("/")


def test_throttling_is_waited_for_and_a_denial_is_not() -> None:
    with serve(Answer(429, "", {"Retry-After": "0"}), Answer(200, {"ok": True})) as web:
        with RestClient(web.url, HERE) as client:
            assert client.get("/") == {"ok": True}
        assert len(web.requests) == 2
    with serve(Answer(403, {"error": {"code": "AuthorizationFailed", "message": "No."}})) as web:
        with RestClient(web.url, HERE) as client, pytest.raises(HttpResponseError):
            client.get("/")
        assert len(web.requests) == 1


def test_a_refused_connection_fails_fast() -> None:
    started = time.monotonic()
    with RestClient("http://127.0.0.1:1", HERE) as client, pytest.raises(AzureError):
        client.get("/")
    assert time.monotonic() - started < 2
