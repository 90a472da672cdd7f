"""Opening, closing and sweeping leases on the resources of one environment."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from toolkit.errors import ToolkitError, UsageError
from toolkit.firewall.command import undisturbed
from toolkit.firewall.failures import PATIENCE_SECONDS, LeftOpenError, Patient, said
from toolkit.firewall.hindrances import explained, require_nothing_in_the_way
from toolkit.firewall.journal import Journals
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.model import Lease, Owner, added, group_of
from toolkit.firewall.perimeters import obeyed, rules_of
from toolkit.firewall.possible import require_possible
from toolkit.firewall.probing import Probe
from toolkit.firewall.rules import Rules
from toolkit.records import Json, read_record, write_record

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

Addresses = Callable[[], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing did. ``open_for`` says of each target that still answers from here why it does; of those that are
    ``unproven``, nobody's rule explains it.

    ``left`` are resource groups whose part of the lease this identity may not read: it is still open there.
    """

    lease: Lease
    open_for: dict[str, str]
    left: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


@dataclass(slots=True)
class Leases:
    """``folder`` keeps a copy of this machine's leases, for what happens to the journal itself.

    Leases are looked for in the resource groups of ``targets``, and in ``groups``. ``name`` is the environment's, for
    what a person is told to do; ``seconds`` how long an outage is waited for.
    """

    client: RestClient
    targets: Sequence[Target]
    probe: Probe
    folder: Path
    say: Callable[[str], None]
    groups: Sequence[str] = ()
    ended: Callable[[Owner], str | None] = lambda _: None  # why an owner elsewhere is gone, where that is known
    swept: Callable[[Lease, str], None] = lambda *_: None  # is told what a sweep closed, and why
    name: str = "ENV"
    seconds: float = PATIENCE_SECONDS
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    journal: Journals = field(init=False)
    _perimeters_known: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.client = Patient(self.client, self.seconds, self.say)
        groups = dict.fromkeys([*map(str.lower, self.groups), *(group_of(target.id) for target in self.targets)])
        self.journal = Journals(self.client, groups)

    # -- opening -------------------------------------------------------------------------------------------------------

    def open(self, owner: Owner, addresses: Addresses, ttl: timedelta) -> Lease:
        """Let ``addresses`` in to every target, or to none. What this owner has open already is used again.

        Raises RefusedError where no rule can work, ToolkitError when a target does not answer in time, LeftOpenError if
        what was begun could not be undone. What others left that cannot be closed is said, and is no obstacle.
        """
        try:
            self.sweep()
        except LeftOpenError as error:
            self.say(error.message)
        wanted = addresses()
        for target in self.targets:
            require_possible(self._rules(target), wanted)
            require_nothing_in_the_way(self.client, target, wanted)
        standing = self._again(owner, ttl)
        lease = self._holding(standing or Lease.new(owner, ttl, self.now()), wanted)
        try:
            self._let_in(lease)
            self._wait(lease, addresses)
            return self.find(lease.id)
        except BaseException as error:
            if standing is None:
                self._undo(lease, error)
            else:  # another step of the run works with it
                self._take_back(standing, error)
            if (told := explained(error, self.targets)) is not None:
                raise told from error
            raise

    def _undo(self, lease: Lease, reason: BaseException) -> None:
        self.say(f"closing lease {lease.id} again: it could not be opened")
        with undisturbed(self.say):
            try:
                self.close(lease, prove=False)
            except LeftOpenError as left:
                raise left.after(reason) from reason

    def _take_back(self, standing: Lease, reason: BaseException) -> None:
        """What was to be added to a lease is nobody's any more; what it had stays."""
        self.say(f"lease {standing.id} stays as it was: what was to be added could not be opened")
        with undisturbed(self.say):
            try:
                now = self.journal.whole(standing)[0].back_to(standing)
                self._write(now)
                self._settle(now)
            except (AzureError, ToolkitError) as error:
                raise LeftOpenError(standing, self.name, self._letting_in(standing), error).after(reason) from reason

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

    def _holding(self, lease: Lease, addresses: frozenset[str]) -> Lease:
        """With these addresses on every target; nothing is written yet."""
        for target in self.targets:
            persons = self._rules(target).of_persons(set(addresses))
            for address in sorted(addresses):
                known = lease.holds.get(target.key, {}).get(address)
                lease = lease.holding(target.key, address, ours=known if known is not None else address not in persons)
        return lease

    def _let_in(self, lease: Lease) -> None:
        self._write(lease)
        self._settle(lease)

    def _wait(self, lease: Lease, addresses: Addresses) -> None:
        count = len(lease.addresses)

        def widen() -> bool:
            nonlocal count
            now = self.find(lease.id)
            more = addresses() - set(now.addresses)
            if more:
                self.say(f"this place goes out through more addresses: {', '.join(sorted(more))}")
            count += len(more)
            # Without more of them, too: somebody else's write may have taken one of its rules away meanwhile.
            self._let_in(self._holding(now, more))
            return bool(more)

        for target in self.targets:
            self.probe.until_open(self._reached(target), widen, self.say, lambda: count)

    # -- closing -------------------------------------------------------------------------------------------------------

    def close(self, lease: Lease, *, prove: bool = True) -> Closed:
        """Take its rules away, and prove from here that they are gone. It may be called again after any failure.

        Raises LeftOpenError, which says what is still open, where an outage does not pass or Azure refuses.
        """
        try:
            closed, left = self._removed(lease)
        except (AzureError, ToolkitError) as error:
            raise LeftOpenError(lease, self.name, self._letting_in(lease), error) from error
        if left:
            self.say(f"lease {lease.id} is also about {', '.join(left)}, which this identity may not read")
        else:
            self._local(lease).unlink(missing_ok=True)
        return self._proven(closed, left) if prove else Closed(closed, {}, left)

    def _removed(self, lease: Lease) -> tuple[Lease, tuple[str, ...]]:
        lease, left = self.journal.whole(lease)
        lease = self.journal.close(lease)
        lease = self._settle(lease)
        self.journal.forget(lease)
        return lease, left

    def _letting_in(self, lease: Lease) -> list[str]:
        """What is known of each target, a line for each."""
        lines = []
        for id_, held in lease.holds.items():
            target, ours = target_of(id_), {address for address, is_ours in held.items() if is_ours}
            try:
                present = ours & set(target.kind.addresses(self._rules(target).read()))
            except AzureError as error:
                lines.append(
                    f"{target} may still let {', '.join(sorted(ours))} in: its rules cannot be read, {said(error)}"
                )
            else:
                lines += [f"{target} still lets {', '.join(sorted(present))} in"] if present else []
        return lines

    def _proven(self, lease: Lease, left: tuple[str, ...]) -> Closed:
        unproven: list[str] = []
        try:
            open_for = self._still_open(lease, unproven)
        except (AzureError, ToolkitError) as error:
            why = f"its rules are gone, and whether it denies is not known: {said(error)}"
            open_for = {target_of(id_).name: why for id_ in lease.holds}
            unproven = list(open_for)
        return Closed(lease, open_for, left, tuple(dict.fromkeys(unproven)))

    def _still_open(self, lease: Lease, unproven: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for target in self._targets_of(lease):
            others = self.journal.of(target.id).read()
            mine = lease.holds.get(target.key, {})
            present = set(target.kind.addresses(self._rules(target).read())) & set(mine)
            kept = [other for other in others if other.written == "open" and present & target.held(other.holds)]
            if kept:
                found[target.name] = f"lease {kept[0].id} of {kept[0].owner.name} holds the address"
            elif present:
                found[target.name] = "a rule that no lease made lets the address in"
            elif target.kind.lets_everybody_in(self._rules(target).read()):
                found[target.name] = "it lets everybody in"
            elif not self.probe.until_closed(self._reached(target), self.say, len(lease.addresses)):
                found[target.name] = "its rules are gone, and it was not seen to deny again"
                unproven.append(target.name)
        return found

    def sweep(self) -> list[Closed]:
        """Close what is expired or was begun to be closed, and what a process of this machine or a CI run left.

        Raises LeftOpenError for the first that could not be closed, after the others were.
        """
        self._obey_perimeters()
        leases = {lease.id: lease for lease in (*self._copies(), *self.journal.read())}
        closed, failed = [], []
        for lease in leases.values():
            if reason := self._over(lease):
                self.say(f"closing lease {lease.id} of {lease.owner.name}: {reason}")
                try:
                    closed.append(self.close(lease, prove=False))
                except LeftOpenError as error:
                    failed.append(error)
                else:
                    self.swept(lease, reason)
        for further in failed[1:]:
            self.say(further.message)
        if failed:
            raise failed[0]
        return closed

    def _over(self, lease: Lease) -> str | None:
        return over(lease, self.now(), self.ended)

    # -- looking -------------------------------------------------------------------------------------------------------

    def find(self, lease_id: str) -> Lease:
        """Raises UsageError for one that is not there."""
        self._obey_perimeters()
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
        self._obey_perimeters()
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

    # -- perimeters ----------------------------------------------------------------------------------------------------

    def _obey_perimeters(self) -> None:
        """Go by the perimeters that decide about targets, and look for leases there."""
        if not self._perimeters_known:
            self.targets = [obeyed(self.client, target, self.say) for target in self.targets]
            self.journal.look_in(group_of(target.id) for target in self.targets)
            self._perimeters_known = True

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
        return rules_of(self.client, self.journal.of(target.id), target, self.seconds)

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


def over(lease: Lease, now: datetime, ended: Callable[[Owner], str | None] = lambda _: None) -> str | None:
    """Why a sweep closes it; None while its owner works with it."""
    process = lease.owner.process
    gone = lease.owner.host == socket.gethostname() and process.pid and not process.alive()
    if lease.state(now) == "expired":
        return "it expired"
    if gone:
        return f"its process {process.pid} is gone"
    if lease.written == "closing" and not process.pid:
        return "its closing was cut off"  # or goes on elsewhere: done twice, it is done
    return ended(lease.owner)
