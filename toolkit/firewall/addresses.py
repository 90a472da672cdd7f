"""What ``--ip`` may be: public IPv4 addresses, and ranges of them, as every kind of rule takes them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from toolkit.errors import UsageError
from toolkit.firewall.kinds import canonical

AUTO = "auto"  # those that this place is seen with

# https://www.iana.org/assignments/iana-ipv4-special-registry, without what is for documentation: the sandbox's clients
# have such addresses, and nobody on the internet.
_NOT_PUBLIC = tuple(
    IPv4Network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
    )
)


def given_addresses(texts: Iterable[str]) -> frozenset[str]:
    """Single addresses bare, ranges as CIDR; of a range of two its addresses, which is how storage wants them
    (https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations). Raises UsageError.
    """
    found: set[str] = set()
    for text in texts:
        network = _network(text)
        if network.prefixlen > 30:
            found |= {str(address) for address in network}
        elif one := canonical(text):
            found.add(one)
    return frozenset(found)


def _network(text: str) -> IPv4Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"--ip {text} is no IPv4 address or range", hint="203.0.113.7, 203.0.113.0/28, or auto"
        ) from None
    if isinstance(network, IPv6Network):
        raise UsageError(
            f"--ip {text} is IPv6, and rules for addresses take IPv4 only",
            hint="let the agent go out over IPv4 (a NAT gateway), or reach the service by its private endpoint",
        )
    if str(network) != text and "/" in text:
        raise UsageError(f"--ip {text} does not begin its range", hint=f"{network}, if that is meant")
    if block := next((block for block in _NOT_PUBLIC if network.overlaps(block)), None):
        raise UsageError(
            f"--ip {text} is not public: {block} is for networks of their own, and no rule can let it in",
            hint="name the address that the service sees (of the NAT gateway or proxy), or leave --ip out",
        )
    return network
