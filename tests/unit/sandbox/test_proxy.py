"""The proxy, TLS and the handler chain, as clients of all kinds meet them."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.unit.sandbox.front import Front, running_front
from toolkit.sandbox.model import VANTAGES, Origin
from toolkit.sandbox.server import event_loop_factory

CHUNK = b"x" * 65536


class Mirror:
    """A service that shows what reaches it, and streams both ways."""

    name = "mirror"
    hosts = ("mirror.example", "*.mirror.example")

    def __init__(self) -> None:
        self.disconnected = threading.Event()

    async def handle(self, request: Request, origin: Origin) -> Response:
        match request.url.path:
            case "/count":
                total = 0
                async for chunk in request.stream():
                    total += len(chunk)
                return JSONResponse({"bytes": total})
            case "/stream":
                return StreamingResponse(self._chunks(int(request.query_params["chunks"])))
            case "/fail":
                raise LookupError("a text that must not leave the process")
            case "/full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return JSONResponse(
            {
                "vantage": origin.vantage.name,
                "subscription": origin.subscription_id,
                "host": request.headers["host"],
                "path": request.url.path,
                "scheme": request.url.scheme,
            }
        )

    async def _chunks(self, count: int) -> AsyncIterator[bytes]:
        try:
            for _ in range(count):
                yield CHUNK
                await asyncio.sleep(0)  # as a real source would, which is read from a socket
        finally:
            self.disconnected.set()


@pytest.fixture(scope="module")
def mirror() -> Mirror:
    return Mirror()


@pytest.fixture(scope="module", params=["fastest", "asyncio"])
def front(tmp_path_factory: pytest.TempPathFactory, mirror: Mirror, request: pytest.FixtureRequest) -> Iterator[Front]:
    """On uvloop, and on the loop that takes its place where there is no uvloop."""
    loop_factory = event_loop_factory() if request.param == "fastest" else asyncio.new_event_loop
    with running_front(tmp_path_factory.mktemp("front") / "sandbox", [mirror], loop_factory) as front:
        yield front
        assert front.loop_problems == [], "the event loop had to report an unhandled problem"


def tunnel(front: Front, host: str) -> socket.socket:
    """A raw connection on which CONNECT has been answered."""
    raw = socket.create_connection(("127.0.0.1", front.proxy_port()), timeout=10)
    raw.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert raw.recv(4096).startswith(b"HTTP/1.1 200 ")
    return raw


def read_all(raw: socket.socket) -> bytes:
    received = b""
    while data := raw.recv(65536):
        received += data
    return received


def wait_for(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(1000):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("the condition did not come true in 10 s")


# -- where a client stands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vantage", [v.name for v in VANTAGES])
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_the_port_is_the_vantage(front: Front, vantage: str, scheme: str) -> None:
    with front.http(vantage) as client:
        seen = client.get(f"{scheme}://a.b.mirror.example/some%20path?q=1").json()
    assert (seen["vantage"], seen["scheme"], seen["host"], seen["path"]) == (
        vantage,
        scheme,
        "a.b.mirror.example",
        "/some path",
    )


def test_host_names_are_case_insensitive(front: Front) -> None:
    with front.http() as client:
        assert client.get("https://MIRROR.example/").status_code == 200


# -- what is not served ------------------------------------------------------------------------------------------------


def test_a_refused_tunnel_names_the_host_in_the_reason(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.proxy_port()), timeout=10) as raw:
        raw.sendall(b"CONNECT registry.terraform.io:443 HTTP/1.1\r\n\r\n")
        answer = read_all(raw).decode()
    assert answer.startswith("HTTP/1.1 403 The sandbox does not serve registry.terraform.io\r\n")
    assert "  *.mirror.example\n" in answer
    assert "never dials out" in answer


def test_go_and_python_clients_see_the_name(front: Front) -> None:
    with front.http() as client, pytest.raises(httpx.ProxyError, match=r"The sandbox does not serve pypi\.org"):
        client.get("https://pypi.org/")


def test_a_plain_request_to_a_host_that_is_not_served(front: Front) -> None:
    with front.http() as client:
        answer = client.get("http://deb.debian.org/debian")
    assert answer.status_code == 403
    assert answer.text.startswith("The sandbox does not serve deb.debian.org.\n")


def test_the_bare_suffix_of_a_wildcard_is_not_served(front: Front) -> None:
    with front.http() as client:
        assert client.get("http://xmirror.example/").status_code == 403


def test_a_request_to_the_proxy_itself_is_refused(front: Front) -> None:
    answer = httpx.get(front.proxy(), trust_env=False)
    assert answer.status_code == 403
    assert "does not serve 127.0.0.1" in answer.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"CONNECT nonsense HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"CONNECT mirror.example:443 HTTP/1.1\r\n" + b"X-Long: " + b"y" * 40_000, b"HTTP/1.1 431 "),
        (b"\x16\x03\x01 this is TLS, not a proxy request\r\n\r\n", b"HTTP/1.1 400 "),
    ],
)
def test_malformed_requests(front: Front, sent: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", front.proxy_port()), timeout=10) as raw:
        raw.sendall(sent)
        assert read_all(raw).startswith(status)


# -- connections -------------------------------------------------------------------------------------------------------


def test_a_connect_request_may_come_byte_by_byte(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.proxy_port()), timeout=10) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"CONNECT mirror.example:443 HTTP/1.1\r\n\r\n":
            raw.sendall(bytes([byte]))
        assert raw.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_one_tunnel_carries_many_requests(front: Front) -> None:
    with front.trust().wrap_socket(tunnel(front, "mirror.example"), server_hostname="mirror.example") as secure:
        for _ in range(3):
            secure.sendall(b"GET /again HTTP/1.1\r\nHost: mirror.example\r\n\r\n")
            answer = http.client.HTTPResponse(secure)
            answer.begin()
            assert (answer.status, answer.will_close) == (200, False)
            assert json.loads(answer.read())["path"] == "/again"


def test_the_certificate_follows_the_name_that_the_client_asks_for(front: Front) -> None:
    with front.trust().wrap_socket(tunnel(front, "mirror.example"), server_hostname="other.mirror.example") as secure:
        names = secure.getpeercert()["subjectAltName"]  # type: ignore[index]
    assert names == (("DNS", "other.mirror.example"),)


def test_a_name_that_is_not_served_gets_no_certificate(front: Front) -> None:
    raw = tunnel(front, "mirror.example")
    # uvloop and asyncio differ in whether the alert leaves before the connection ends.
    with raw, pytest.raises((ssl.SSLError, ConnectionResetError)):
        front.trust().wrap_socket(raw, server_hostname="example.org")


def test_a_client_that_does_not_trust_the_authority(front: Front) -> None:
    raw = tunnel(front, "mirror.example")
    with raw, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="mirror.example")
    with front.http() as client:
        assert client.get("https://mirror.example/").status_code == 200


@pytest.mark.parametrize("before", [b"", b"CONN", b"CONNECT mirror.example:443 HTTP/1.1\r\n\r\n"])
def test_clients_that_leave_early(front: Front, before: bytes) -> None:
    with socket.create_connection(("127.0.0.1", front.proxy_port()), timeout=10) as raw:
        raw.sendall(before)
    with front.http() as client:
        assert client.get("https://mirror.example/").status_code == 200


def test_large_bodies_stream_both_ways(front: Front) -> None:
    size = 48 * 2**20
    with front.http() as client:
        sent = client.post("https://mirror.example/count", content=(CHUNK for _ in range(size // len(CHUNK))))
        assert sent.json() == {"bytes": size}
        with client.stream("GET", f"https://mirror.example/stream?chunks={size // len(CHUNK)}") as answer:
            assert sum(len(chunk) for chunk in answer.iter_bytes()) == size


def test_a_client_that_leaves_in_the_middle_of_an_answer_ends_it(front: Front, mirror: Mirror) -> None:
    mirror.disconnected.clear()
    with front.http() as client, client.stream("GET", "https://mirror.example/stream?chunks=1000000") as answer:
        next(answer.iter_bytes())
    assert mirror.disconnected.wait(10), "the service went on streaming to nobody"


def test_a_client_that_leaves_in_the_middle_of_its_request(front: Front) -> None:
    with front.trust().wrap_socket(tunnel(front, "mirror.example"), server_hostname="mirror.example") as secure:
        secure.sendall(b"POST /count HTTP/1.1\r\nHost: mirror.example\r\nContent-Length: 1000\r\n\r\nonly this")
    wait_for(lambda: any(line["status"] == 499 and str(line["url"]).endswith("/count") for line in access_lines(front)))


def test_many_clients_at_once(front: Front) -> None:
    def ask(number: int) -> str:
        with front.http() as client:
            return client.get(f"https://n{number}.mirror.example/").json()["host"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [f"n{number}.mirror.example" for number in range(40)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(front: Front) -> None:
    command = [
        "curl",
        "-sS",
        "--cacert",
        str(front.paths.ca_certificate),
        "-x",
        front.proxy(),
        "https://mirror.example/c",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert json.loads(done.stdout)["path"] == "/c"


# -- faults and the access log -----------------------------------------------------------------------------------------


def test_a_bug_in_a_service_is_an_error_that_names_its_type_only(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "toolkit.sandbox"), front.http() as client:
        answer = client.get("https://mirror.example/fail")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "SandboxFault"
    assert "LookupError in the mirror service" in answer.json()["error"]["message"]
    assert "must not leave" not in answer.text
    assert caplog.records[0].exc_info is not None


def test_a_full_disk_is_said_to_be_full(front: Front) -> None:
    with front.http() as client:
        answer = client.get("https://mirror.example/full")
    assert "No space left on device" in answer.json()["error"]["message"]


def access_lines(front: Front) -> list[dict[str, object]]:
    return [json.loads(line) for line in front.paths.request_log.read_text().splitlines()]


def test_the_access_log_has_a_line_per_request_without_secrets(front: Front) -> None:
    with front.http("vnet") as client:
        client.get(
            "https://mirror.example/blob?sv=2024&sig=TOPSECRET%3D&se=x", headers={"Authorization": "Bearer HIDDEN"}
        )
    wait_for(lambda: "/blob?" in front.paths.request_log.read_text())
    text = front.paths.request_log.read_text()
    assert "TOPSECRET" not in text
    assert "HIDDEN" not in text
    line = next(line for line in access_lines(front) if "/blob" in str(line["url"]))
    assert line["url"] == "https://mirror.example/blob?sv=2024&sig=REDACTED&se=x"
    assert (line["vantage"], line["method"], line["status"]) == ("vnet", "GET", 200)
    assert set(line) == {"time", "vantage", "subscription", "identity", "method", "url", "status", "ms"}
    assert line["identity"] == "token", "what is no token of Entra's names nobody"


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_authority_ports_and_identities_survive_a_restart(tmp_path: Path, mirror: Mirror) -> None:
    with running_front(tmp_path / "sandbox", [mirror]) as first:
        before = (
            first.paths.ca_certificate.read_bytes(),
            first.vantages,
            first.sandbox.engineer_client_id,
            first.secret(),
        )
        private = ("ca.key", "entra.key", "github.key", "azure-devops.key", "engineer.secret", "control.token")
        assert [(first.paths.root / name).stat().st_mode & 0o777 for name in private] == [0o600] * len(private)
    with running_front(tmp_path / "sandbox", [mirror]) as second:
        after = (
            second.paths.ca_certificate.read_bytes(),
            second.vantages,
            second.sandbox.engineer_client_id,
            second.secret(),
        )
        assert after == before
        with second.http() as client:
            assert client.get("https://mirror.example/").status_code == 200
