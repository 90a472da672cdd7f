"""A DNS server on loopback that answers as one origin sees Azure's names.

It answers with authority for the names that the sandbox knows and refuses (REFUSED) all others; it never asks anyone.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from toolkit.sandbox.model import Origin
from toolkit.sandbox.network.routing import PrivateNetwork
from toolkit.sandbox.private_link_zones import ZONES, PrivateLinkZone, zone_of

# Names without a private link zone of their own that clients of the platform look up.
_FIXED: Final = frozenset(("login.microsoftonline.com", "management.azure.com"))
_TTL: Final = 10  # what Azure gives the records of private endpoints' zone groups
_IDLE_SECONDS: Final = 10.0
_PORT_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class DnsServer:
    """A running server; the same ``port`` for UDP and TCP."""

    port: int
    _udp: asyncio.DatagramTransport
    _tcp: asyncio.Server
    _connections: set[asyncio.Task[None]]

    def close(self) -> None:
        self._udp.close()
        self._tcp.close()
        for connection in self._connections:
            connection.cancel()


async def serve_dns(origin: Origin, network: PrivateNetwork, host: str = "127.0.0.1", port: int = 0) -> DnsServer:
    """Start answering for ``origin``; port 0 picks one free for both protocols. Raises ``OSError`` when taken."""
    loop = asyncio.get_running_loop()

    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(_over_tcp(reader, writer, origin, network))
        connections.add(connection)
        connection.add_done_callback(connections.discard)

    for attempt in range(_PORT_ATTEMPTS):
        tcp = await asyncio.start_server(accept, host, port)
        chosen = int(tcp.sockets[0].getsockname()[1])
        try:
            udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(origin, network), local_addr=(host, chosen))
        except OSError:
            tcp.close()
            if port != 0 or attempt == _PORT_ATTEMPTS - 1:
                raise
            continue
        return DnsServer(chosen, udp, tcp, connections)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _over_tcp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, origin: Origin, network: PrivateNetwork
) -> None:
    with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, TimeoutError, ConnectionError):
        while True:
            size = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), _IDLE_SECONDS))
            query = await asyncio.wait_for(reader.readexactly(size), _IDLE_SECONDS)
            wire = answer(query, origin, network, udp=False)
            if wire is None:
                return
            writer.write(len(wire).to_bytes(2) + wire)
            await writer.drain()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, origin: Origin, network: PrivateNetwork) -> None:
        self._origin = origin
        self._network = network

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # no subclass of it, in asyncio and uvloop alike

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        wire = answer(data, self._origin, self._network, udp=True)
        if wire is not None:
            self._transport.sendto(wire, addr)


def answer(wire: bytes, origin: Origin, network: PrivateNetwork, *, udp: bool) -> bytes | None:
    """The reply to a query on the wire; None for what is not even a DNS message."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if query.flags & dns.flags.QR:
        return None
    response = dns.message.make_response(query)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
    else:
        _fill(response, query.question[0], origin, network)
    limit = max(query.payload, 512) if udp else 65535
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.answer, response.authority = [], []
        response.flags |= dns.flags.TC
        return response.to_wire()


def _fill(response: dns.message.Message, question: dns.rrset.RRset, origin: Origin, network: PrivateNetwork) -> None:
    name = question.name.to_text(omit_final_dot=True).lower()
    asked = _public_name(name)
    if question.rdclass != dns.rdataclass.IN or (asked not in _FIXED and zone_of(asked) is None):
        response.set_rcode(dns.rcode.REFUSED)
        return
    response.flags |= dns.flags.AA
    found = network.resolve(origin, asked)
    owner = name
    if found.alias is not None and name != found.alias:
        response.answer.append(_record(name, "CNAME", f"{found.alias}."))
        owner = found.alias
    if found.address is None or (asked != name and found.alias is None):
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        response.answer.append(_record(owner, "A", found.address))
        return
    if question.rdtype != dns.rdatatype.CNAME or not response.answer:
        response.authority.append(_start_of_authority(owner))


def _public_name(name: str) -> str:
    """The public name behind a privatelink name; any other name as it is."""
    entry = _private_zone_of(name)
    return f"{name.removesuffix(entry.zone)}{entry.suffix}" if entry else name


def _private_zone_of(name: str) -> PrivateLinkZone | None:
    return next((entry for entry in ZONES if f".{name}".endswith(f".{entry.zone}")), None)


def _start_of_authority(owner: str) -> dns.rrset.RRset:
    entry = _private_zone_of(owner)
    zone = entry.zone if entry else owner.partition(".")[2]
    # The values of a new Azure private zone: https://learn.microsoft.com/azure/dns/private-dns-privatednszone
    text = "azureprivatedns.net. azureprivatedns-host.microsoft.com. 1 3600 300 2419200 10"
    return _record(zone, "SOA", text)


def _record(owner: str, kind: str, text: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(dns.name.from_text(owner), _TTL, "IN", kind, text)
