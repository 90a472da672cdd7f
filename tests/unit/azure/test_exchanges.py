"""What was sent and what came back, as evidence keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from azure.core.exceptions import HttpResponseError

from toolkit.azure.clients import Actor
from toolkit.azure.exchanges import Exchanges, _stated
from toolkit.azure.pipeline import RestClient
from toolkit.environment import Vantage


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code = self.path.split("?")[0].strip("/")
        refused = code != "fine"
        body = b'{"error": {"code": "%s", "message": "no"}}' % code.encode() if refused else b"{}"
        self.send_response(403 if refused else 200)
        if code.startswith("header"):
            self.send_header("x-ms-error-code", code)
        self.send_header("Content-Type", "text/plain" if code == "words" else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_plain_client_tells_each_answer(url: str) -> None:
    told = Exchanges()
    with RestClient(url, Vantage("vnet", {}, observe=told.hook)) as client:
        for path in ("/fine?sig=secret&comp=list", "/fine?sig=other&comp=list", "/InBody", "/header-says", "/words"):
            client.send(path)
    assert told.listed() == (
        {"method": "GET", "url": f"{url}/fine?sig=***&comp=list", "status": 200, "code": None, "times": 2},
        {"method": "GET", "url": f"{url}/InBody", "status": 403, "code": "InBody", "times": 1},
        {"method": "GET", "url": f"{url}/header-says", "status": 403, "code": "header-says", "times": 1},
        {"method": "GET", "url": f"{url}/words", "status": 403, "code": None, "times": 1},
    )


def test_the_storage_client_tells_each_answer(url: str) -> None:
    told = Exchanges()
    actor = Actor("anonymous", Vantage("vnet", {}, observe=told.hook), None, "")
    with actor.blobs(f"{url}/header-says") as service, pytest.raises(HttpResponseError):
        next(iter(service.list_containers()))
    (one,) = told.listed()
    assert (one["method"], one["status"]) == ("GET", 403)
    assert one["url"].startswith(f"{url}/header-says")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "Forbidden", "innererror": {"code": "ForbiddenByRbac"}}}, "ForbiddenByRbac"),
        ({"odata.error": {"code": "AuthorizationFailure"}}, "AuthorizationFailure"),
        ({"errors": [{"code": "DENIED", "message": "no"}]}, "DENIED"),
        ({"error_code": "PERMISSION_DENIED"}, "PERMISSION_DENIED"),
        ({"code": "PermissionDenied", "message": {"lang": "en-us"}}, "PermissionDenied"),
        ({"error": "invalid_grant"}, None),
        ({"errors": []}, None),
        ([], None),
        ("no", None),
    ],
)
def test_each_service_says_its_code_in_its_own_place(body: object, code: str | None) -> None:
    assert _stated(body) == code


def test_who_is_not_told_changes_nothing(url: str) -> None:
    with RestClient(url, Vantage("vnet", {})) as client:
        assert client.send("/fine").status_code == 200
    assert Vantage("vnet", {}, observe=print) == Vantage("vnet", {})


def test_a_long_wait_stays_short() -> None:
    told = Exchanges()
    for number in range(500):
        told.add("GET", f"https://h/{number}", 200, None)
        told.add("GET", f"https://h/{number}", 200, None)
    assert len(told.listed()) == 50
    assert {one["times"] for one in told.listed()} == {2}
    assert told.listed()[-1]["url"] == "https://h/499"
