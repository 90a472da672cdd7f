"""What a lease is, and how it is written down."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from toolkit.processes import ProcessId
from toolkit.records import Json

Written = Literal["open", "closing"]
State = Literal["open", "closing", "expired"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who took a lease. ``process`` is known to the same ``host`` only; ``run_url`` is a CI system's."""

    name: str
    host: str
    process: ProcessId
    run_url: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """Addresses in the rules of some resources, until it is closed or ``expires``.

    ``holds`` says for each resource (a target's ``key``) and address or range whether the rule is a lease's; False is a
    rule that somebody else had made before, and that stays. ``seen`` are other leases' rules that a request of this one
    writes, too: where they were removed meanwhile, and this run was killed right then, they are known to be a lease's.

    It is written down in the resource group of each of its resources, as the part that is about them: so that everybody
    who writes the rules of one resource reads one journal, whichever environments share it. ``groups`` are all of
    these (lower-cased ids), so that who finds one part finds the others.
    """

    id: str
    owner: Owner
    opened: datetime
    expires: datetime
    holds: Mapping[str, Mapping[str, bool]]
    written: Written = "open"
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @classmethod
    def new(cls, owner: Owner, ttl: timedelta, now: datetime) -> Lease:
        return cls(uuid.uuid4().hex[:16], owner, now, now + ttl, {})

    def state(self, now: datetime) -> State:
        return "expired" if self.expires <= now else self.written

    def holding(self, target: str, address: str, ours: bool) -> Lease:
        held = {**self.holds, target.lower(): {**self.holds.get(target.lower(), {}), address: ours}}
        return replace(self, holds=held)

    def seeing(self, target: str, addresses: set[str]) -> Lease:
        """Itself where there is nothing new."""
        known = set(self.seen.get(target.lower(), ()))
        if addresses <= known:
            return self
        return replace(self, seen={**self.seen, target.lower(): tuple(sorted(known | addresses))})

    def back_to(self, earlier: Lease) -> Lease:
        """Holding what it held then; what was added since is ``seen``, so that it is known to be a lease's and goes."""
        found = self
        for target, held in self.holds.items():
            before = earlier.holds.get(target, {})
            found = found.seeing(target, {address for address, ours in held.items() if ours and address not in before})
            kept = {address: ours for address, ours in held.items() if address in before}
            found = replace(found, holds={**found.holds, target: kept})
        return found

    def written_in(self) -> tuple[str, ...]:
        """The resource groups that its parts are in."""
        return tuple(sorted({*self.groups, *map(group_of, self.holds)}))

    def part(self, group: str) -> Lease:
        """What is written down in one of them."""
        return replace(
            self,
            holds={target: held for target, held in self.holds.items() if group_of(target) == group.lower()},
            seen={target: addresses for target, addresses in self.seen.items() if group_of(target) == group.lower()},
            groups=self.written_in(),
        )

    def joined(self, other: Lease) -> Lease:
        """With another part of the same lease. Where a run was killed between two, the one nearer to its end counts."""
        return replace(
            self,
            holds={**self.holds, **other.holds},
            seen={**self.seen, **other.seen},
            written="closing" if "closing" in (self.written, other.written) else "open",
            expires=min(self.expires, other.expires),
            groups=tuple(sorted({*self.groups, *other.groups})),
        )

    @property
    def addresses(self) -> list[str]:
        return sorted({address for held in self.holds.values() for address in held})

    def as_json(self) -> Json:
        return {
            "id": self.id,
            "state": self.written,
            "owner": {
                "name": self.owner.name,
                "host": self.owner.host,
                "pid": self.owner.process.pid,
                "started": self.owner.process.started,
                "run_url": self.owner.run_url,
            },
            "opened": self.opened.isoformat(),
            "expires": self.expires.isoformat(),
            "holds": {target: dict(held) for target, held in self.holds.items()},
            "seen": {target: list(addresses) for target, addresses in self.seen.items()},
            "groups": list(self.groups),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Lease:
        """Raises ValueError, KeyError or TypeError for what is no lease."""
        owner = given["owner"]
        process = ProcessId(int(owner["pid"]), str(owner["started"]))
        if given["state"] not in ("open", "closing"):
            raise ValueError(given["state"])
        return cls(
            str(given["id"]),
            Owner(str(owner["name"]), str(owner["host"]), process, str(owner["run_url"])),
            _moment(given["opened"]),
            _moment(given["expires"]),
            {str(target): {str(a): bool(o) for a, o in held.items()} for target, held in given["holds"].items()},
            given["state"],
            {str(target): tuple(map(str, addresses)) for target, addresses in given["seen"].items()},
            tuple(map(str, given.get("groups", ()))),
        )


def group_of(resource_id: str) -> str:
    """The lower-cased id of the resource group that a resource is in."""
    return "/".join(resource_id.lower().split("/")[:5])


def added(leases: Iterable[Lease], target: str) -> set[str]:
    """The addresses in a resource's rules that leases put there."""
    return {
        address
        for lease in leases
        for address in (
            *(a for a, ours in lease.holds.get(target.lower(), {}).items() if ours),
            *lease.seen.get(target.lower(), ()),
        )
    }


def needed(leases: Iterable[Lease], target: str, *, added_by_a_lease: bool = False) -> set[str]:
    """The addresses that leases which are not being closed need in a resource's rules."""
    return {
        address
        for lease in leases
        if lease.written == "open"
        for address, ours in lease.holds.get(target.lower(), {}).items()
        if ours or not added_by_a_lease
    }


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
