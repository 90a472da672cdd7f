"""Faults on order, as a client on a real connection meets them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.unit.sandbox.front import Front, running_front
from toolkit.sandbox.model import Origin

HOST = "management.azure.com"


class Counting:
    """A service that says how many requests it carried out."""

    name = "counting"
    hosts: tuple[str, ...] = (HOST,)

    def __init__(self) -> None:
        self.done = 0

    async def handle(self, request: Request, origin: Origin) -> Response:
        await request.body()
        if request.url.path == "/refused":
            return PlainTextResponse("no", 409)
        self.done += 1
        return PlainTextResponse("done")


service = Counting()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front") / "sandbox", [service]) as front:
        yield front


@pytest.fixture(autouse=True)
def _none_left(front: Front) -> Iterator[None]:
    service.done = 0
    yield
    front.sandbox.order_faults()
    assert front.loop_problems == []


def ask(front: Front, path: str = "/", method: str = "PATCH") -> httpx.Response:
    with front.http() as client:
        return client.request(method, f"https://{HOST}{path}", content=b"x")


@pytest.mark.parametrize(
    ("kind", "status", "header"),
    [
        ("throttled", 429, ("Retry-After", "7")),
        ("unavailable", 503, ("x-ms-error-code", "ServerTimeout")),
        ("disallowed", 403, ("x-ms-error-code", "RequestDisallowedByPolicy")),
        ("expired", 401, ("x-ms-error-code", "ExpiredAuthenticationToken")),
    ],
)
def test_an_answer_instead(front: Front, kind: str, status: int, header: tuple[str, str]) -> None:
    front.sandbox.order_faults({"kind": kind, "url": "/", "retry_after": 7})
    answer = ask(front)
    assert (answer.status_code, answer.headers[header[0]], service.done) == (status, header[1], 0)
    assert ask(front).text == "done"
    assert front.sandbox.faults_happened() == [1]


@pytest.mark.parametrize(("kind", "done"), [("broken", 0), ("committed", 1)])
def test_a_connection_that_breaks(front: Front, kind: str, done: int) -> None:
    front.sandbox.order_faults({"kind": kind, "url": "/"})
    with pytest.raises(httpx.TransportError):
        ask(front)
    assert service.done == done
    assert ask(front).text == "done"


def test_what_the_service_refused_was_not_committed(front: Front) -> None:
    front.sandbox.order_faults({"kind": "committed", "url": "/"})
    assert ask(front, "/refused").status_code == 409


def test_which_requests_it_happens_to(front: Front) -> None:
    front.sandbox.order_faults({"kind": "unavailable", "url": "/here$", "method": "PUT", "skip": 1, "times": 2})
    statuses = [ask(front, path, method).status_code for path, method in [("/here", "GET"), ("/there", "PUT")]]
    statuses += [ask(front, "/here", "PUT").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 503, 503, 200]
    assert front.sandbox.faults_happened() == [2]


def test_new_orders_replace_the_old(front: Front) -> None:
    front.sandbox.order_faults({"kind": "unavailable", "url": "/", "times": 100})
    front.sandbox.order_faults()
    assert ask(front).text == "done"
