"""The public addresses that this machine goes out with, as others see them: what a firewall's rule has to name.

No machine knows them by itself: a router, a proxy or a NAT gateway puts them on its connections, sometimes another one
on each. So several sources are asked, each over connections of its own, and the answer is a set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

from toolkit.errors import ToolkitError

_CONNECTIONS = 2  # to each source: who goes out through several addresses shows another one on another connection
_FRUITLESS = 2
_SECONDS = 5
_LONGEST = 64  # of an answer that is an address

# Addresses for documentation (RFC 5737): the sandbox's clients have them, and nobody on the internet.
DOCUMENTATION = tuple(IPv4Network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who answers a GET with the caller's address, as plain text."""

    url: str
    kept_by: str


# Names that have no IPv6 address themselves, so that a machine with both goes there over IPv4.
SOURCES: tuple[Source, ...] = (
    Source("https://api.ipify.org/", "ipify"),  # https://www.ipify.org (api64.ipify.org is the one with both)
    Source("https://checkip.amazonaws.com/", "Amazon Web Services"),  # docs.aws.amazon.com, "VPC security group rules"
    Source(
        "https://ipv4.icanhazip.com/", "Cloudflare"
    ),  # https://blog.apnic.net/2021/06/17/how-a-small-free-ip-tool-survived
)


class NoEgressAddressError(ToolkitError):
    """No source said an address that a rule could name."""


def egress_addresses(client_options: Mapping[str, Any]) -> frozenset[IPv4Address]:
    """Every public IPv4 address that a source has seen. ``client_options`` are those of the place to ask from.

    A source that does not answer, or answers something else, counts for nothing as long as another one does. Who is
    seen with several addresses may have more: then all are asked again, until that brings nothing new twice. Raises
    NoEgressAddressError, which says what each of them answered.
    """
    asked = [source for source in SOURCES for _ in range(_CONNECTIONS)]

    def ask() -> list[IPv4Address | str]:
        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(lambda source: _said(source, client_options), asked))

    said = ask()
    found = _addresses(said)
    fruitless = 0 if len(found) > 1 else _FRUITLESS
    while fruitless < _FRUITLESS:
        more = _addresses(ask()) - found
        found, fruitless = found | more, 0 if more else fruitless + 1
    if found:
        return found
    raise NoEgressAddressError(
        "no public address of this machine was found\n"
        + "\n".join(dict.fromkeys(f"  {source.url}: {one}" for source, one in zip(asked, said, strict=True))),
        hint="allow one of them in the proxy, or find the address that Azure sees (of your router or NAT gateway); a "
        "machine with a private one only is let in through the network: a self-hosted agent there, a private endpoint",
    )


def _addresses(said: Iterable[IPv4Address | str]) -> frozenset[IPv4Address]:
    return frozenset(one for one in said if isinstance(one, IPv4Address))


def public_address(text: str) -> IPv4Address:
    """The address that an answer says. Raises ValueError with what is wrong with it."""
    shown = text.strip()[:_LONGEST]
    try:
        address: IPv4Address | IPv6Address = ip_address(shown)
    except ValueError:
        raise ValueError(f"answered no address: {shown!r}") from None
    if isinstance(address, IPv6Address):
        raise ValueError(f"saw the IPv6 address {address}, and a rule for addresses takes IPv4 only")
    documentation = any(address in block for block in DOCUMENTATION)
    if address.is_multicast or not (address.is_global or documentation):
        raise ValueError(f"saw {address}, which is no public address")
    return address


def _said(source: Source, client_options: Mapping[str, Any]) -> IPv4Address | str:
    """The address, or what went wrong, in words. A connection of its own, which is closed after it."""
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.pipeline.policies import ProxyPolicy, UserAgentPolicy
    from azure.core.rest import HttpRequest

    from toolkit.azure.pipeline import USER_AGENT

    policies: list[Any] = [UserAgentPolicy(USER_AGENT), ProxyPolicy(proxies=client_options.get("proxies"))]
    client: PipelineClient[Any, Any] = PipelineClient(
        source.url,
        policies=policies,
        connection_verify=client_options.get("connection_verify", True),
        connection_timeout=_SECONDS,
        read_timeout=_SECONDS,
    )
    try:
        with client:
            response = client.send_request(HttpRequest("GET", source.url))
            if response.status_code != 200:
                return f"answered {response.status_code}"
            return public_address(response.text())
    except AzureError as error:
        return f"did not answer ({type(error).__name__})"
    except ValueError as error:
        return str(error)
