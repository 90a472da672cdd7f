"""Whether a rule for addresses can let them in at all: said before anything is written."""

from __future__ import annotations

from toolkit.errors import RefusedError
from toolkit.firewall.kinds import Target
from toolkit.firewall.rules import Rules
from toolkit.records import Json

_WAYS = 'run where the network reaches its private endpoint (a self-hosted agent, or vantages = ["vnet"])'


def require_possible(rules: Rules, addresses: frozenset[str]) -> None:
    """Raises RefusedError, with the reason and another way, where no rule can work."""
    target, settings = rules.target, rules.read()
    resource = rules.resource() if target.kind.at else settings
    _require_public(target, str(resource["properties"].get("publicNetworkAccess") or "Enabled").lower())
    _require_own_rules(target, settings)
    count = target.kind.count(settings)
    if count + len(addresses - set(target.kind.addresses(settings))) > target.kind.limit:
        raise RefusedError(
            f"{target} has {count} rules for addresses of at most {target.kind.limit}",
            hint=f"remove rules that nobody needs, or {_WAYS}",
        )


def _require_own_rules(target: Target, settings: Json) -> None:
    """A first rule that shuts out everybody else is no access for a while; another door's rules are not this one's."""
    if target.kind.shared and settings["properties"].get(target.kind.shared):
        raise RefusedError(
            f"no rule of the {target} decides: it goes by the rules of the app ({target.kind.shared})",
            hint="take the lease on the function app itself",
        )
    if target.kind.alone == "shut" and target.kind.lets_everybody_in(settings):
        raise RefusedError(
            f"{target} lets everybody in, and its first rule would shut out everybody else",
            hint="it needs no lease; to close it, give it rules of its own, or a default action",
        )


def _require_public(target: Target, access: str) -> None:
    if access == "disabled":
        raise RefusedError(f"no rule opens {target}: its public network access is disabled", hint=_WAYS)
    if access == "securedbyperimeter":
        raise RefusedError(
            f"no rule opens {target}: it obeys a network security perimeter, and no membership of it can be seen",
            hint="associate it with a perimeter, or set its publicNetworkAccess to Enabled",
        )
