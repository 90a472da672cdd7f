"""Members of a network security perimeter: where it decides, a lease is an access rule of its profile.

https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition: with ``SecuredByPerimeter``, or a
membership that is Enforced, the perimeter alone decides; in Learning mode the resource's own rules do, too. Each lease
has a rule of its own, a resource named after it: nothing is read, changed and written back, so that nobody's rule can
be lost, and two leases on one address need no counting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from toolkit.azure.api_versions import PERIMETER_CONFIGURATIONS_API_VERSIONS
from toolkit.azure.arm import ARM, until_done
from toolkit.firewall.failures import PATIENCE_SECONDS
from toolkit.firewall.journal import PREFIX, Journal
from toolkit.firewall.kinds import PERIMETER, Target
from toolkit.firewall.model import Lease
from toolkit.firewall.rules import Rules
from toolkit.records import Json

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

_NAMED = ("addressPrefixes", "subscriptions", "fullyQualifiedDomainNames", "emailAddresses", "phoneNumbers")


def obeyed(client: RestClient, target: Target, say: Callable[[str], None]) -> Target:
    """The one whose rules decide: itself, or the profile of the perimeter that it obeys.

    Asked of the resource, which names its perimeter wherever that is.
    """
    from azure.core.exceptions import HttpResponseError

    version = PERIMETER_CONFIGURATIONS_API_VERSIONS.get(target.kind.type)
    if version is None or target.member is not None:
        return target
    try:
        resource = client.get(f"{ARM}{target.id}", {"api-version": target.api_version})
    except HttpResponseError as error:
        if error.status_code != 404:
            raise
        return target  # who needs it finds out
    secured = str(resource["properties"].get("publicNetworkAccess") or "").lower() == "securedbyperimeter"
    try:
        url = f"{ARM}{target.id}/networkSecurityPerimeterConfigurations"
        memberships = [one["properties"] for one in client.list(url, {"api-version": version})]
    except HttpResponseError as error:
        if error.status_code not in (403, 404):
            raise
        if error.status_code == 403:
            say(f"whether {target} obeys a perimeter is not known: this identity may not read that")
        memberships = []
    deciding = [one for one in memberships if secured or _mode(one) == "enforced"]
    if deciding:
        perimeter, profile = deciding[0]["networkSecurityPerimeter"]["id"], deciding[0]["profile"]["name"]
        through = Target(f"{perimeter}/profiles/{profile}", PERIMETER, member=target)
        say(f"{through} decides, and not its own rules")
        return through
    return target  # possible.py refuses one that is secured by none that can be seen


class PerimeterRules(Rules):
    """The access rules of a profile, as one list; a lease's own is the only one that is written."""

    def read(self) -> Json:
        """As a resource whose rules are all the elements of the profile: these are what its limit counts."""
        rules = [rule["properties"] for rule in self._client.list(f"{self._url}/accessRules", self._query)]
        elements = [str(one) for rule in rules for name in _NAMED for one in rule.get(name) or []]
        return {"properties": {"defaultAction": "Deny", "addressPrefixes": elements}}

    def resource(self) -> Json:
        return self._client.get(self._url, self._query)

    def look(self) -> tuple[list[str], set[str]]:
        return self.target.kind.addresses(self.read()), set()

    def of_persons(self, addresses: set[str]) -> set[str]:
        """None of them: a rule of the lease's own stands beside a person's."""
        return set()

    def settle(self, lease: Lease) -> Lease:
        """Make the lease's rule what the journal says, until that says the same afterwards: a sweep may close it."""
        wanted = self._wanted(lease)
        while True:
            self._write_rule(lease, wanted)
            if (now := self._wanted(lease)) == wanted:
                return lease
            wanted = now

    def _wanted(self, lease: Lease) -> list[str]:
        part = self._journal.part(lease.id)
        if part is None or part.written != "open":
            return []
        held = self.target.held(part.holds)
        return sorted(address if "/" in address else f"{address}/32" for address in held)

    def _write_rule(self, lease: Lease, prefixes: list[str]) -> None:
        from azure.core.exceptions import ResourceNotFoundError
        from azure.core.rest import HttpRequest

        what = f"lease {lease.id}'s rule of {self.target}"
        url = f"{self._url}/accessRules/{PREFIX}{lease.id}?api-version={self._query['api-version']}"
        if prefixes:
            body = {"properties": {"direction": "Inbound", "addressPrefixes": prefixes}}
            until_done(self._client, HttpRequest("PUT", url, json=body), what)
            return
        try:
            until_done(self._client, HttpRequest("DELETE", url), what)
        except ResourceNotFoundError:
            return


def rules_of(client: RestClient, journal: Journal, target: Target, seconds: float = PATIENCE_SECONDS) -> Rules:
    """Those that decide about a target; they are repaired for ``seconds``."""
    return (PerimeterRules if target.member is not None else Rules)(client, journal, target, seconds)


def _mode(membership: Json) -> str:
    return str((membership.get("resourceAssociation") or {}).get("accessMode", "")).lower()
