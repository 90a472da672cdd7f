"""The words that every part of the sandbox uses: where a client stands, and who it is.

Nothing here knows HTTP, storage or Terraform; the services import this module, never each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toolkit.vantages import VantageName

PrivateNetwork = Literal["none", "vnet", "data-factory", "machine-learning"]


@dataclass(frozen=True, slots=True)
class NetworkPlace:
    """A place in the network that a client can stand in.

    ``public_ip`` is the source address that public endpoints see (documentation ranges of RFC 5737, so that no rule in
    a test can ever name a real machine). ``private_network`` says which private endpoints can be reached from there:
    none, those whose private DNS zone is linked to a virtual network of the subscription, the approved managed private
    endpoints of the subscription's data factories, or those of the outbound rules of its Azure ML workspaces.
    """

    name: VantageName
    public_ip: str
    private_network: PrivateNetwork
    description: str


VANTAGES: tuple[NetworkPlace, ...] = (
    NetworkPlace("internet", "203.0.113.10", "none", "a laptop or a hosted agent with a public address"),
    NetworkPlace("vnet", "198.51.100.20", "vnet", "a machine inside the platform's virtual network"),
    NetworkPlace("adf-managed", "192.0.2.30", "data-factory", "the data factory's managed virtual network"),
    NetworkPlace("adf-public", "192.0.2.31", "none", "the data factory's Azure runtime outside of any network"),
    NetworkPlace(
        "aml-managed", "192.0.2.40", "machine-learning", "the managed network of the Azure ML workspace's clusters"
    ),
)


def vantage(name: str) -> NetworkPlace:
    """The vantage called ``name``; ``KeyError`` names the known ones."""
    for candidate in VANTAGES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"unknown vantage {name!r}: one of {', '.join(v.name for v in VANTAGES)}")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a subscription's settings say of one of its vantages, beside what every vantage is.

    ``addresses``: those that its connections show in turn, instead of the vantage's own. ``region``: the region of
    Azure that its machines stand in, such as a hosted agent's; None for none.
    """

    addresses: tuple[str, ...] = ()
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one connection comes from: a vantage, inside the networks of one subscription."""

    vantage: NetworkPlace
    subscription_id: str
    address: str | None = None
    region: str | None = None

    @property
    def public_ip(self) -> str:
        """What a public endpoint sees."""
        return self.address or self.vantage.public_ip


PrincipalKind = Literal["User", "ServicePrincipal", "Group"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a verified token speaks for. ``object_id`` is what role assignments name."""

    object_id: str
    tenant_id: str
    kind: PrincipalKind
    client_id: str | None = None
    display_name: str = ""
