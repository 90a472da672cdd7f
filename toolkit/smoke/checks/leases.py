"""Temporary access is temporary: leases that nobody works with are closed, and no other address is let in."""

from __future__ import annotations

from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.firewall.model import Lease, needed
from toolkit.firewall.targets import STATE, standing_targets
from toolkit.smoke import held
from toolkit.smoke.context import Context
from toolkit.terraform.leases import key_of, own_rules

_CLOSING_SECONDS = 60.0  # of one that is being closed right now


def leases_are_closed(context: Context) -> Facts:
    found = held.leases(context)
    ended = held.left(context, found)
    names = {lease.id: f"lease {lease.id} of {lease.owner.name}" for lease in found}
    leaked = [f"{names[id_]} is left: {why}" for id_, why in ended.items()]
    closing = [f"{names[one.id]} is being closed" for one in found if one.written == "closing" and one.id not in ended]
    strangers = list(_strangers(context, live := held.live(context, found)))
    if leaked or closing or strangers:
        sweep = f"toolkit firewall sweep {context.environment.name} closes it"
        theirs = "toolkit apply (bootstrap, of the states' account) removes what the environment's data do not say"
        hints = [sweep] * bool(leaked or closing) + [theirs] * bool(strangers)
        raise CheckFailed(
            "; ".join([*leaked, *closing, *strangers]),
            cause="extra",
            hint="; ".join(hints),
            retry_seconds=_CLOSING_SECONDS if closing and not (leaked or strangers) else 0,
        )
    return {"open": [held.described(lease) for lease in live]}


def _strangers(context: Context, live: list[Lease]) -> list[str]:
    """Addresses that neither the environment's data nor a live lease lets in, by resource."""
    targets = standing_targets(context.environment, context.run.outputs)
    state = {key_of(targets[STATE].id): context.environment.state_ip_rules}
    own = own_rules({**context.output("ip_rules"), **state})
    problems = []
    for target in targets.values():
        resource = context.live.find(f"{target.id}{target.kind.at}", target.api_version) or {}
        allowed = {*own.get(key_of(target.id), ()), *needed(live, target.key)}
        if extra := sorted(set(target.kind.addresses(resource)) - allowed):
            problems.append(f"{target} lets {', '.join(extra)} in, and neither the data nor a lease says so")
    return problems


CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="posture-leases-closed",
        category="posture",
        title="No address is let in but by the environment's data, or for as long as somebody works with its lease",
        function=leases_are_closed,
        outputs=("ip_rules", "resource_group_id"),
        controls=("NS-2", "AC-4"),
    ),
)
