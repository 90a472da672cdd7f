"""Which addresses sources say of a machine: real requests, through the sandbox's proxy, on the sources' own names."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.unit.sandbox.front import SUBSCRIPTION, TENANT, Front, running_front
from toolkit.azure import egress
from toolkit.azure.egress import SOURCES, NoEgressAddressError, egress_addresses, public_address
from toolkit.sandbox.model import VANTAGES, Origin
from toolkit.sandbox.network.egress import EgressService


class Sources(EgressService):
    """Each may answer something else than the truth: a status or a text, by host."""

    def __init__(self) -> None:
        self.lies: dict[str, int | str] = {}
        self.seen: list[str] = []

    async def handle(self, request: Request, origin: Origin) -> Response:
        host = request.url.hostname or ""
        self.seen.append(host)
        lie = self.lies.get(host)
        if isinstance(lie, int):
            return PlainTextResponse("busy", status_code=lie)
        return PlainTextResponse(lie) if lie is not None else await super().handle(request, origin)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, Sources]]:
    sources = Sources()
    with running_front(tmp_path_factory.mktemp("egress"), [sources]) as front:
        yield front, sources


@pytest.fixture
def front(running: tuple[Front, Sources]) -> Iterator[Front]:
    front, sources = running
    sources.lies, sources.seen = {}, []
    yield front
    front.sandbox.subscription(TENANT, SUBSCRIPTION, standings={})


@pytest.fixture
def sources(running: tuple[Front, Sources], front: Front) -> Sources:
    return running[1]


def test_the_sandbox_serves_every_source_and_no_other() -> None:
    assert tuple(source.url for source in SOURCES) == tuple(f"https://{host}/" for host in EgressService.hosts)


@pytest.mark.parametrize("place", VANTAGES, ids=lambda place: place.name)
def test_each_vantage_has_its_address(front: Front, sources: Sources, place: object) -> None:
    name, address = place.name, place.public_ip  # type: ignore[attr-defined]
    assert egress_addresses(front.options(name)) == {IPv4Address(address)}
    assert sorted(sources.seen) == sorted([*EgressService.hosts] * 2)  # each over two connections


def test_addresses_that_take_turns_are_all_found(front: Front) -> None:
    turns = ("203.0.113.10", "203.0.113.11", "203.0.113.12")
    front.sandbox.subscription(TENANT, SUBSCRIPTION, standings={"internet": {"addresses": turns}})
    assert egress_addresses(front.options()) == {IPv4Address(one) for one in turns}
    assert egress_addresses(front.options("vnet")) == {IPv4Address("198.51.100.20")}


def test_one_source_that_answers_is_enough(front: Front, sources: Sources) -> None:
    sources.lies = {"api.ipify.org": 503, "checkip.amazonaws.com": "<html>sign in to the hotel's network</html>"}
    assert egress_addresses(front.options()) == {IPv4Address("203.0.113.10")}


def test_where_none_answers_each_says_why(front: Front, sources: Sources) -> None:
    sources.lies = {"api.ipify.org": 503, "checkip.amazonaws.com": "2001:db8::7", "ipv4.icanhazip.com": "10.1.2.3"}
    with pytest.raises(NoEgressAddressError) as caught:
        egress_addresses(front.options())
    assert caught.value.message.splitlines() == [
        "no public address of this machine was found",
        "  https://api.ipify.org/: answered 503",
        "  https://checkip.amazonaws.com/: saw the IPv6 address 2001:db8::7, and a rule for addresses takes IPv4 only",
        "  https://ipv4.icanhazip.com/: saw 10.1.2.3, which is no public address",
    ]


def test_nobody_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "SOURCES", SOURCES[:1])
    with (
        running_front(tmp_path) as front,
        pytest.raises(NoEgressAddressError, match=r"api\.ipify\.org/: did not answer"),
    ):
        egress_addresses(front.options())


@pytest.mark.parametrize("text", ["20.1.2.3", "20.1.2.3\n", " 198.51.100.20 ", "203.0.113.255"])
def test_public_addresses(text: str) -> None:
    assert public_address(text) == IPv4Address(text.strip())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "answered no address"),
        ("<html>", "answered no address"),
        ("20.1.2", "answered no address"),
        ("20.1.2.3/32", "answered no address"),
        ("20.1.2.3, 20.1.2.4", "answered no address"),
        ("20.1.2.03", "answered no address"),
        ("2001:db8::1", "IPv6"),
        ("::ffff:20.1.2.3", "IPv6"),
        *((special, "no public address") for special in (
            "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.168.1.1", "224.0.0.1",
            "240.0.0.1", "255.255.255.255",
        )),
    ],
)  # fmt: skip
def test_what_is_no_public_address(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        public_address(text)
