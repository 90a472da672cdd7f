"""Which leases are open on the resources of a root, as Terraform has to know it (toolkit/terraform/leases.py)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.azure.arm import arm_client
from toolkit.environment import Connection
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import target_of
from toolkit.firewall.model import Lease, added, needed
from toolkit.firewall.perimeters import rules_of
from toolkit.terraform.events import Observer
from toolkit.terraform.leases import NONE, Open, UnreadableError, key_of
from toolkit.terraform.outputs import saved_outputs
from toolkit.terraform.state import BOOTSTRAP_KEY, Backend, StateStore
from toolkit.terraform.workspace import RootName
from toolkit.waiting import BackOff, Waits

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

# How long a rule is behind its lease's record when all goes well: one write of the resource, and its repairs.
_PATIENCE_SECONDS = 30.0
_BACK_OFF = BackOff(0.5, 3.0)


@dataclass(frozen=True, slots=True)
class OpenLeases:
    """Of the two resource groups: the states', which the bootstrap's root makes, and the platform's."""

    connection: Connection
    backend: Backend
    observer: Observer

    def open(self, root: RootName) -> Open:
        """As :class:`toolkit.terraform.leases.Book` has it.

        A lease that is being opened or closed is waited for: in between, its rule is not what its record says, and a
        plan would find a change. One whose process is gone right there is what the plan then changes.
        """
        from azure.core.exceptions import AzureError, HttpResponseError

        from toolkit.azure.refusals import refused

        group = self._group(root)
        if group is None:
            return NONE
        try:
            with arm_client(self.connection) as client:
                return self._read(client, group)
        except AzureError as error:
            problem = refused(error, f"the leases in {group.rsplit('/', 1)[-1]}")
            if isinstance(error, HttpResponseError) and error.status_code == 403:
                raise UnreadableError(problem.message, hint=problem.hint) from error
            raise problem from error

    def applied(self, root: RootName, before: Open, after: Open) -> None:
        """As :class:`toolkit.terraform.leases.Book` has it."""
        from azure.core.exceptions import AzureError

        from toolkit.azure.refusals import refused

        group = self._group(root)
        if group is None:
            return
        try:
            with arm_client(self.connection) as client:
                journal = Journal(client, group)
                for lease in journal.read():
                    mended = _with_owners(lease, before, after)
                    if lease.written == "open" and mended != lease:
                        journal.write(mended)
        except AzureError as error:
            raise refused(error, f"the leases in {group.rsplit('/', 1)[-1]}") from error

    def _read(self, client: RestClient, group: str) -> Open:
        journal = Journal(client, group)
        waits = Waits(_BACK_OFF)
        while leases := journal.read():
            unsettled = [target for target in _targets(leases) if not _settled(client, journal, leases, target)]
            pause = waits.next(_PATIENCE_SECONDS) if unsettled else None
            if pause is None:
                break
            self.observer.step(f"a lease on {key_of(unsettled[0])} is being opened or closed: waiting for it")
            time.sleep(pause)
        if leases and unsettled:
            self.observer.note(
                f"the rules of {', '.join(map(key_of, unsettled))} are not what the leases on it say: "
                f"toolkit firewall sweep {self.connection.environment.name}"
            )
        held = {target: needed(leases, target) for target in _targets(leases)}
        return {key_of(target): tuple(sorted(addresses)) for target, addresses in held.items() if addresses}

    def _group(self, root: RootName) -> str | None:
        if root == "bootstrap":
            return self.backend.container_id.split("/providers/", 1)[0]
        saved = saved_outputs(self.connection.environment) or {}
        return saved.get("resource_group_id") or self._group_in_the_state()

    def _group_in_the_state(self) -> str | None:
        """As the platform's root reads it, too."""
        store = StateStore(self.connection, self.backend.with_key(BOOTSTRAP_KEY))
        if store.presence() == "absent":
            return None
        outputs = json.loads(store.download()).get("outputs", {})
        group: str | None = outputs.get("platform_resource_group_id", {}).get("value")
        return group


def _targets(leases: Sequence[Lease]) -> list[str]:
    """Without perimeters: a lease's access rule is a resource of its own, beside Terraform's."""
    named = {target for lease in leases for target in (*lease.holds, *lease.seen)}
    return sorted(target for target in named if target_of(target).member is None)


def _settled(client: RestClient, journal: Journal, leases: Sequence[Lease], target_id: str) -> bool:
    rules = rules_of(client, journal, target_of(target_id))
    if not rules.there():
        return True
    present, needs = set(rules.target.kind.addresses(rules.read())), needed(leases, target_id)
    return needs <= present and not (added(leases, target_id) - needs) & present


def _with_owners(lease: Lease, before: Open, after: Open) -> Lease:
    """Rules that were a person's, or somebody else's, stay theirs: only what changed hands is written anew."""
    holds: dict[str, dict[str, bool]] = {}
    for target, held in lease.holds.items():
        old, new = (set(own.get(key_of(target), ())) for own in (before, after))
        holds[target] = {a: a not in new if a in old ^ new else ours for a, ours in held.items()}
    return replace(lease, holds=holds)
