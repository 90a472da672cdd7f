"""A second look at a refusal that cannot say its own cause: at what DNS answers, and how the private endpoint stands.

A service that is closed to the public says the same to a stranger, to a client whose name leads past the private
endpoint, and to one whose endpoint's connection was rejected: AuthorizationFailure, ForbiddenByConnection. Who could
have come through a private endpoint has to look at that before the firewall is blamed.
https://learn.microsoft.com/azure/private-link/private-endpoint-overview#access-to-a-private-link-resource-using-approval-workflow
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.azure.codes import DNS_SECONDS
from toolkit.azure.denial import MAY_BE_DNS, Denial

# A zone group writes its records when it is written itself; Terraform sees no difference in it when a record is lost.
# https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration#private-dns-zone-group
WRITE_RECORD_AGAIN = (
    "toolkit apply does not see a lost or changed record: delete the endpoint's zone group, which writes it "
    "(az network private-endpoint dns-zone-group delete), then toolkit apply makes both again"
)
_STATES = {
    "Pending": "approve it on its target (portal: Networking, Private endpoint connections)",
    "Rejected": "a rejected connection cannot be approved any more: delete the private endpoint, then toolkit apply "
    "makes it again",
    "Disconnected": "a disconnected connection does not come back: delete the private endpoint, then toolkit apply "
    "makes it again",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A private endpoint that should carry what is sent to a host: the state of its connection (None: it is not there),
    and its own addresses for that host (none in a managed network, where nobody outside can know them)."""

    name: str
    state: str | None
    addresses: tuple[str, ...] = ()
    managed: bool = False

    @property
    def mending(self) -> str:
        """What to do when it is not approved."""
        if self.managed or self.state is None:
            return "toolkit apply approves what is pending, and makes again what is lost or rejected"
        return _STATES.get(self.state, "delete the private endpoint, then toolkit apply makes it again")


def look_again(denial: Denial, host: str, addresses: Sequence[str] | None, ways: Sequence[Way]) -> Denial:
    """The denial with the cause that the network's own state shows, or as it was.

    ``addresses`` are those that DNS answers where the request was made; None when nobody can say.
    """
    if denial.kind not in (*MAY_BE_DNS, "private-dns", "name-resolution"):
        return denial
    for way in ways:
        if way.state is None:
            return replace(
                denial,
                kind="endpoint-missing",
                cause=f"the private endpoint {way.name}, which leads to {host}, does not exist",
                hint=way.mending,
                retry_seconds=0,
            )
        if way.state != "Approved":
            return replace(
                denial,
                kind="endpoint-not-approved",
                cause=f"the connection of the private endpoint {way.name}, which leads to {host}, is {way.state}",
                hint=way.mending,
                retry_seconds=0,
            )
    own = {address for way in ways for address in way.addresses}
    foreign = [address for address in addresses or () if address not in own]
    if denial.kind not in ("private-dns", "name-resolution") and own and foreign:
        return replace(
            denial,
            kind="private-dns",
            cause=f"{host} resolves to {', '.join(foreign)}, which is not the address of its private endpoint "
            f"{ways[0].name} ({', '.join(sorted(own))})",
            hint=WRITE_RECORD_AGAIN,
            retry_seconds=DNS_SECONDS,
        )
    return denial


def state_of(endpoint: Mapping[str, Any]) -> str:
    """The state of a private endpoint's connection, as the endpoint itself shows it: the worst, of several."""
    properties = endpoint["properties"]
    connections = [
        *(properties.get("privateLinkServiceConnections") or []),
        *(properties.get("manualPrivateLinkServiceConnections") or []),
    ]
    states = [str(c["properties"]["privateLinkServiceConnectionState"]["status"]) for c in connections]
    return next((state for state in states if state != "Approved"), states[0] if states else "Disconnected")


def addresses_for(host: str, interface: Mapping[str, Any]) -> list[str]:
    """The addresses that a private endpoint's network interface has for a host.

    The interface, since the endpoint's own customDnsConfigs are empty while a zone group stands (inferred). Which names
    an address serves: https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/get
    (privateLinkConnectionProperties).
    """
    found = []
    for configuration in interface["properties"].get("ipConfigurations") or []:
        properties = configuration["properties"]
        names = (properties.get("privateLinkConnectionProperties") or {}).get("fqdns") or []
        if host.casefold() in {str(name).casefold() for name in names}:
            found.append(str(properties["privateIPAddress"]))
    return found
