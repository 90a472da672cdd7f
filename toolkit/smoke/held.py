"""Leases that are open while checks run: what they let in was let in on purpose, and a denial proves nothing there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

from azure.core.exceptions import AzureError, HttpResponseError

from toolkit.azure.egress import NoEgressAddressError, egress_addresses
from toolkit.checks.model import CheckSkipped
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import target_of
from toolkit.firewall.leases import over
from toolkit.firewall.model import Lease, group_of
from toolkit.firewall.owners import Runs
from toolkit.firewall.targets import state_target
from toolkit.smoke.context import Context

_GROUP = "resource_group_id"
_HOST = re.compile(r"[a-z0-9-]+\.[a-z0-9.-]+\.[a-z]+")


def leases(context: Context) -> list[Lease]:
    """Those that are written down for the platform and its account of the states.

    Raises CheckSkipped for whoever may not read them.
    """
    groups = {group_of(state_target(context.environment).id), str(context.run.outputs.get(_GROUP)).lower()}
    try:
        with context.runner().arm() as client:
            return [lease for group in sorted(groups) for lease in Journal(client, group).read()]
    except HttpResponseError as error:
        if error.status_code != 403:
            raise
        raise CheckSkipped(
            "right:read", "the runner may not read which leases are open: Microsoft.Resources/deployments/read"
        ) from error


def left(context: Context, found: Iterable[Lease]) -> dict[str, str]:
    """Why a sweep would close those that nobody works with, by their ids."""
    now, ended = datetime.now(UTC), Runs(context.run.connection.runner, os.environ).ended
    return {lease.id: why for lease in found if (why := over(lease, now, ended))}


def live(context: Context, found: Sequence[Lease]) -> list[Lease]:
    """Those that somebody works with."""
    gone = left(context, found)
    return [lease for lease in found if lease.written == "open" and lease.id not in gone]


def described(lease: Lease) -> str:
    return f"lease {lease.id} of {lease.owner.name}, until {lease.expires:%H:%M} UTC"


def refuse_to_judge(context: Context, what: str) -> None:
    """Raises CheckSkipped when it is a lease that let this place in to what was asked: the host that ``what`` names,
    or what the check's outputs name."""
    if not context.run.outputs.get(_GROUP):
        return
    asked = what if _HOST.search(what) else str([context.run.outputs.get(name) for name in context.check.outputs])
    place = context.place(context.check.vantage)
    try:
        open_now = live(context, leases(context))
        about = [set().union(*(held for t, held in one.holds.items() if _name(t) in asked)) for one in open_now]
        here = egress_addresses(place.client_options) if any(about) else frozenset()
    except (AzureError, CheckSkipped, NoEgressAddressError):
        return
    for lease, held in zip(open_now, about, strict=True):
        if _lets_in(held, here):
            reason = f"{what} was allowed by {described(lease)}: nothing is proven"
            raise CheckSkipped(f"lease:{lease.id}", reason, meant=True)


def _name(target: str) -> str:
    return target_of(target).id.rsplit("/", 1)[-1]


def _lets_in(held: Iterable[str], here: frozenset[IPv4Address]) -> bool:
    return any(address in IPv4Network(one) for one in held for address in here)
