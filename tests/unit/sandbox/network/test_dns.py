"""The DNS server with a real resolver's eyes (dnspython), over UDP and TCP."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import pytest

from tests.unit.sandbox.harness import Loop
from tests.unit.sandbox.network.test_routing import ADDRESS, ALIAS, HOST, account, endpoint, origin, private_dns
from toolkit.sandbox.model import VANTAGES
from toolkit.sandbox.network.dns import serve_dns
from toolkit.sandbox.network.routing import PrivateNetwork
from toolkit.sandbox.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(":memory:")
    store.put(account())
    yield store
    store.close()


@pytest.fixture
def port_of(store: Store) -> Iterator[Callable[[str], int]]:
    loop = Loop()
    network = PrivateNetwork(store)
    servers = {name: loop.run(serve_dns(origin(name), network)) for name in (v.name for v in VANTAGES)}
    yield lambda name: servers[name].port
    for server in servers.values():
        loop.loop.call_soon_threadsafe(server.close)
    loop.close()


def ask(port: int, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
    over = dns.query.tcp if tcp else dns.query.udp
    return over(dns.message.make_query(name, kind), "127.0.0.1", timeout=5, port=port)


def test_private_and_public_answers(store: Store, port_of: Callable[[str], int]) -> None:
    private_dns(store)
    store.put(endpoint())
    seen = {}
    for name in ("vnet", "internet"):
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port_of(name)
        answer = resolver.resolve(HOST)
        assert answer.canonical_name.to_text() == f"{ALIAS}."
        seen[name] = answer[0].to_text()
    assert seen["vnet"] == ADDRESS
    assert seen["internet"] != ADDRESS


@pytest.mark.parametrize("tcp", [False, True])
def test_chain_over_both_protocols(store: Store, port_of: Callable[[str], int], tcp: bool) -> None:
    private_dns(store)
    store.put(endpoint())
    response = ask(port_of("vnet"), HOST, tcp=tcp)
    assert [dns.rdatatype.to_text(found.rdtype) for found in response.answer] == ["CNAME", "A"]
    assert response.flags & dns.flags.AA


def test_the_privatelink_name_itself(store: Store, port_of: Callable[[str], int]) -> None:
    assert ask(port_of("vnet"), ALIAS).rcode() == dns.rcode.NXDOMAIN
    private_dns(store)
    store.put(endpoint())
    response = ask(port_of("vnet"), ALIAS)
    assert [found[0].to_text() for found in response.answer] == [ADDRESS]


def test_no_ipv6(port_of: Callable[[str], int]) -> None:
    response = ask(port_of("internet"), HOST, "AAAA")
    assert response.rcode() == dns.rcode.NOERROR
    assert response.answer == []
    assert response.authority[0].rdtype == dns.rdatatype.SOA


def test_linked_zone_without_record(store: Store, port_of: Callable[[str], int]) -> None:
    private_dns(store, record=None)
    store.put(endpoint())
    response = ask(port_of("vnet"), HOST)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert response.answer[0].rdtype == dns.rdatatype.CNAME
    assert response.authority[0].name.to_text() == "privatelink.blob.core.windows.net."
    assert ask(port_of("internet"), HOST).rcode() == dns.rcode.NOERROR


def test_unknown_account_and_foreign_name(port_of: Callable[[str], int]) -> None:
    assert ask(port_of("internet"), "nosuch.blob.core.windows.net").rcode() == dns.rcode.NXDOMAIN
    assert ask(port_of("internet"), "example.com").rcode() == dns.rcode.REFUSED
    assert ask(port_of("internet"), "management.azure.com").answer[0].rdtype == dns.rdatatype.A


def test_garbage_is_ignored_and_the_server_lives(port_of: Callable[[str], int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\x00garbage", ("127.0.0.1", port_of("internet")))
    with socket.create_connection(("127.0.0.1", port_of("internet"))) as connection:
        connection.sendall(b"\x00\x03abc")
        assert connection.recv(10) == b""
    assert ask(port_of("internet"), HOST).rcode() == dns.rcode.NOERROR
