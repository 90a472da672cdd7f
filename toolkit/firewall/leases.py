"""Opening, closing and sweeping leases on the resources of one environment."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.firewall.journal import Journals
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.model import Lease, Owner, added, group_of
from toolkit.firewall.possible import require_possible
from toolkit.firewall.probing import Probe
from toolkit.firewall.rules import Rules
from toolkit.records import Json, read_record, write_record

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

Addresses = Callable[[], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing did. ``open_for`` says of each target that still answers from here why it does.

    ``left`` are resource groups whose part of the lease this identity may not read: it is still open there.
    """

    lease: Lease
    open_for: dict[str, str]
    left: tuple[str, ...] = ()


@dataclass(slots=True)
class Leases:
    """``folder`` keeps a copy of this machine's leases, for what happens to the journal itself.

    Leases are looked for in the resource groups of ``targets``, and in ``groups``.
    """

    client: RestClient
    targets: Sequence[Target]
    probe: Probe
    folder: Path
    say: Callable[[str], None]
    groups: Sequence[str] = ()
    ended: Callable[[Owner], str | None] = lambda _: None  # why an owner elsewhere is gone, where that is known
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    journal: Journals = field(init=False)

    def __post_init__(self) -> None:
        groups = dict.fromkeys([*map(str.lower, self.groups), *(group_of(target.id) for target in self.targets)])
        self.journal = Journals(self.client, groups)

    # -- opening -------------------------------------------------------------------------------------------------------

    def open(self, owner: Owner, addresses: Addresses, ttl: timedelta) -> Lease:
        """Let ``addresses`` in to every target, or to none. What this owner has open already is used again.

        Raises RefusedError where no rule can work, ToolkitError when a target does not answer in time, and whatever the
        closing raises where it cannot undo what it began.
        """
        self.sweep()
        wanted = addresses()
        for target in self.targets:
            require_possible(self._rules(target), wanted)
        standing = self._again(owner, ttl)
        lease = standing or Lease.new(owner, ttl, self.now())
        try:
            lease = self._let_in(lease, wanted)
            self._wait(lease, addresses)
        except BaseException:
            if standing is None:  # else another step of the run works with it
                self.say(f"closing lease {lease.id} again: it could not be opened")
                self.close(lease, prove=False)
            raise
        return self.find(lease.id)

    def _again(self, owner: Owner, ttl: timedelta) -> Lease | None:
        """Steps of one CI run, or two calls on one machine, share a lease that outlives its process."""
        same = [
            lease for lease in self.journal.read()
            if lease.written == "open" and lease.owner == owner and not owner.process.pid
        ]  # fmt: skip
        for found in same:
            lease, left = self.journal.whole(found)
            if not left:
                return replace(lease, expires=max(lease.expires, self.now() + ttl))
        return None

    def _let_in(self, lease: Lease, addresses: frozenset[str]) -> Lease:
        for target in self.targets:
            persons = self._rules(target).of_persons(set(addresses))
            for address in sorted(addresses):
                known = lease.holds.get(target.key, {}).get(address)
                lease = lease.holding(target.key, address, ours=known if known is not None else address not in persons)
        self._write(lease)
        return self._settle(lease)

    def _wait(self, lease: Lease, addresses: Addresses) -> None:
        def widen() -> bool:
            now = self.find(lease.id)
            more = addresses() - set(now.addresses)
            if more:
                self.say(f"this place goes out through more addresses: {', '.join(sorted(more))}")
                self._let_in(now, more)
            return bool(more)

        for target in self.targets:
            self.probe.until_open(self._reached(target), widen, self.say)

    # -- closing -------------------------------------------------------------------------------------------------------

    def close(self, lease: Lease, *, prove: bool = True) -> Closed:
        """Take its rules away, and prove from here that they are gone. It may be called again after any failure."""
        lease, left = self.journal.whole(lease)
        lease = self.journal.close(lease)
        lease = self._settle(lease)
        self.journal.forget(lease)
        if left:
            self.say(f"lease {lease.id} is also about {', '.join(left)}, which this identity may not read")
        else:
            self._local(lease).unlink(missing_ok=True)
        return Closed(lease, self._still_open(lease) if prove else {}, left)

    def _still_open(self, lease: Lease) -> dict[str, str]:
        found: dict[str, str] = {}
        for target in self._targets_of(lease):
            others = self.journal.of(target.id).read()
            mine = lease.holds.get(target.key, {})
            present = set(target.kind.addresses(self._rules(target).read())) & set(mine)
            kept = [
                other for other in others if other.written == "open" and present & set(other.holds.get(target.key, {}))
            ]
            if kept:
                found[target.name] = f"lease {kept[0].id} of {kept[0].owner.name} holds the address"
            elif present:
                found[target.name] = "a rule that no lease made lets the address in"
            elif target.kind.lets_everybody_in(self._rules(target).read()):
                found[target.name] = "it lets everybody in"
            elif not self.probe.until_closed(self._reached(target), self.say):
                found[target.name] = "it was not seen to deny again"
        return found

    def sweep(self) -> list[Closed]:
        """Close what is expired or was begun to be closed, and what a process of this machine or a CI run left."""
        leases = {lease.id: lease for lease in (*self._copies(), *self.journal.read())}
        closed = []
        for lease in leases.values():
            if reason := self._over(lease):
                self.say(f"closing lease {lease.id} of {lease.owner.name}: {reason}")
                closed.append(self.close(lease, prove=False))
        return closed

    def _over(self, lease: Lease) -> str | None:
        state, process = lease.state(self.now()), lease.owner.process
        gone = lease.owner.host == socket.gethostname() and process.pid and not process.alive()
        if state == "expired":
            return "it expired"
        if gone:
            return f"its process {process.pid} is gone"
        if lease.written == "closing" and not process.pid:
            return "its closing was cut off"  # or goes on elsewhere: done twice, it is done
        return self.ended(lease.owner)

    # -- looking -------------------------------------------------------------------------------------------------------

    def find(self, lease_id: str) -> Lease:
        """Raises UsageError for one that is not there."""
        leases = self.journal.read()
        for lease in leases:
            if lease.id == lease_id:
                return self.journal.whole(lease)[0]
        known = ", ".join(lease.id for lease in leases) or "none"
        raise UsageError(f"there is no lease {lease_id}", hint=f"leases of this environment: {known}")

    def those(self, lease_id: str) -> list[Lease]:
        """The one with this id, where it is there."""
        return [self.journal.whole(lease)[0] for lease in self.journal.read() if lease.id == lease_id]

    def of(self, owner: Owner) -> list[Lease]:
        """Those that are open: of the steps of one job, or of somebody at one machine."""
        return [lease for lease in self.journal.read() if lease.written == "open" and lease.owner == owner]

    def status(self) -> Json:
        """``rules``: the addresses in each target's rules; ``leases``: those in the journal, with their state."""
        leases = self.journal.read()
        rules = {}
        for target in self.targets:
            known = added(leases, target.key)
            rules[target.name] = [
                {"address": address, "lease": address in known}
                for address in target.kind.addresses(self._rules(target).read())
            ]
        now = self.now()
        return {"rules": rules, "leases": [{**lease.as_json(), "state": lease.state(now)} for lease in leases]}

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _write(self, lease: Lease) -> None:
        from azure.core.exceptions import HttpResponseError

        write_record(self._local(lease), lease.as_json())
        try:
            self.journal.write(lease)
        except HttpResponseError as error:
            if error.status_code == 403:  # it was never written down: no later sweep has to close it
                self._local(lease).unlink(missing_ok=True)
            raise

    def _settle(self, lease: Lease) -> Lease:
        for target in self._targets_of(lease):
            lease = self._rules(target).settle(lease)
        return lease

    def _targets_of(self, lease: Lease) -> list[Target]:
        """Those of its targets that are still there: what is deleted took its rules along."""
        return [target for held in lease.holds if self._rules(target := target_of(held)).there()]

    def _reached(self, target: Target) -> Target:
        return target.reached(self._rules(target).resource()) if target.kind.endpoint else target

    def _rules(self, target: Target) -> Rules:
        return Rules(self.client, self.journal.of(target.id), target)

    def _local(self, lease: Lease) -> Path:
        return self.folder / f"{lease.id}.json"

    def _copies(self) -> list[Lease]:
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(Lease.from_json(read_record(path)))
            except (KeyError, TypeError, ValueError):
                continue
        return found
