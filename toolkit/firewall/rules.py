"""A resource's rules, made what the journal of its resource group says: so opening, closing and sweeping are one thing.

None of these types has an entity tag for the write at Azure Resource Manager (StorageAccounts_Update and the like have
no If-Match: https://github.com/Azure/azure-rest-api-specs), and a write replaces the whole list.
A write that began before somebody else's took theirs back, or brought back what they removed. Therefore nobody trusts
their own write: the rules are read again, and repaired for everybody, until two readings in a row agree with the
journal. What the journal never named is a person's, and stays. A person's change between our last reading and our
writing, one request's time, can be lost, as it can between two people: nobody has seen it, so that nobody can repair
it, and of a rule that another agent saw and that is gone nobody can say whether the person took it away.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from toolkit.azure.arm import ARM, until_done
from toolkit.errors import ToolkitError
from toolkit.firewall.failures import PATIENCE_SECONDS, passes
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import Target
from toolkit.firewall.model import Lease, added, needed
from toolkit.records import Json
from toolkit.waiting import BackOff, Waits

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

_AGREEING = 2
_BACK_OFF = BackOff(0.1, 5.0)
_PATIENCE_SECONDS = 300.0


class Rules:
    """Of one resource."""

    def __init__(self, client: RestClient, journal: Journal, target: Target, seconds: float = PATIENCE_SECONDS) -> None:
        self._client = client
        self._seconds = seconds
        self._journal = journal
        self.target = target
        self._url = f"{ARM}{target.id}{target.kind.at}"
        self._query = {"api-version": target.api_version}

    def read(self) -> Json:
        """What has the rules: the resource, or a child of it."""
        return self._client.get(self._url, self._query)

    def resource(self) -> Json:
        return self._client.get(f"{ARM}{self.target.id}", self._query)

    def there(self) -> bool:
        """Whether the resource is."""
        response = self._client.send(f"{ARM}{self.target.id}", self._query)
        if response.status_code != 404:
            response.raise_for_status()
        return response.status_code != 404

    def look(self) -> tuple[list[str], set[str]]:
        """The addresses in the rules, and those of them and others that are leases': no older, no newer than they."""
        before = added(self._journal.read(), self.target.key)
        present = self.target.kind.addresses(self.read())
        return present, before | added(self._journal.read(), self.target.key)

    def of_persons(self, addresses: set[str]) -> set[str]:
        """Those of ``addresses`` that stand in the rules and that no lease put there."""
        found = addresses
        for _ in range(_AGREEING):
            present, known = self.look()
            found = found & set(present) - known
            if not found:
                break
        return found

    def settle(self, lease: Lease) -> Lease:
        """Make the rules what the journal says; ``lease`` is the one on whose behalf, as it stands in there afterwards.

        Raises ToolkitError when they do not hold still within five minutes, azure.core's AzureError when Azure refuses.
        """
        known: set[str] = set()
        waits = Waits(_BACK_OFF)
        agreed = 0
        while agreed < _AGREEING:
            known |= added(self._journal.read(), self.target.key)
            resource = self.read()
            leases = self._journal.read()
            known |= added(leases, self.target.key)
            present = set(self.target.kind.addresses(resource))
            add = needed(leases, self.target.key, added_by_a_lease=True) - present
            remove = (present & known) - needed(leases, self.target.key)
            if not add and not remove:
                agreed += 1
                continue
            agreed = 0
            theirs = (present | add) & known - remove - set(lease.holds.get(self.target.key, {}))
            if (marked := lease.seeing(self.target.key, theirs)) is not lease:
                lease = marked
                self._journal.write(lease)
            # Read once more, with nothing between it and the write: whatever a person changed until here stays.
            latest = self.read()
            if waits.next(_PATIENCE_SECONDS) is None:
                raise ToolkitError(
                    f"the rules of {self.target} changed for {_PATIENCE_SECONDS:.0f} s and never held still",
                    hint="somebody else's automation writes them all the time: stop it, and run toolkit firewall sweep",
                )
            if set(self.target.kind.addresses(latest)) == present:
                self._write(self.target.kind.changed(latest, add, remove), waits)
        return lease

    def _write(self, body: Json, waits: Waits) -> None:
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        url = f"{self._url}?api-version={self._query['api-version']}"
        try:
            until_done(self._client, HttpRequest("PATCH", url, json=body), f"the change of {self.target}'s rules")
        except AzureError as error:
            pause = waits.next(self._seconds, "outage") if passes(error) else None
            if pause is None:
                raise
            time.sleep(pause)  # the next reading shows whether it was done
