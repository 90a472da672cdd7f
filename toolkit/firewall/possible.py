"""Whether a rule for addresses can let them in at all: said before anything is written."""

from __future__ import annotations

from toolkit.errors import RefusedError
from toolkit.firewall.kinds import Target
from toolkit.firewall.rules import Rules

_WAYS = 'run where the network reaches its private endpoint (a self-hosted agent, or vantages = ["vnet"])'


def require_possible(rules: Rules, addresses: frozenset[str]) -> None:
    """Raises RefusedError, with the reason and another way, where no rule can work."""
    target, resource = rules.target, rules.read()
    _require_public(target, str(resource["properties"].get("publicNetworkAccess") or "Enabled").lower())
    count = len(target.kind.rules_of(resource))
    if count + len(addresses - set(target.kind.addresses(resource))) > target.kind.limit:
        raise RefusedError(
            f"{target} has {count} rules for addresses of at most {target.kind.limit}",
            hint=f"remove rules that nobody needs, or {_WAYS}",
        )


def _require_public(target: Target, access: str) -> None:
    if access == "disabled":
        raise RefusedError(f"no rule opens {target}: its public network access is disabled", hint=_WAYS)
    if access == "securedbyperimeter":
        raise RefusedError(
            f"no rule of {target} decides: it obeys its network security perimeter",
            hint="add an access rule to the perimeter's profile",
        )
