"""Where leases are written down: as the outputs of empty deployments, in the resource groups that they are about.

Through Azure Resource Manager, since the data plane is closed when a lease is taken; for every machine that may read
the group; and unknown to Terraform, which sees no drift. A deployment of nothing makes nothing, and deleting one
deletes nothing: https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from toolkit.azure.api_versions import DEPLOYMENTS_API_VERSION
from toolkit.azure.arm import ARM, until_done
from toolkit.firewall.model import Lease, group_of
from toolkit.records import Json
from toolkit.waiting import BackOff, wait_until

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

PREFIX = "toolkit-lease-"
_QUERY: Mapping[str, str] = {"api-version": DEPLOYMENTS_API_VERSION}
_UNDER_WAY = ("Accepted", "Running", "Updating")
_PATIENCE_SECONDS = 60.0
_BACK_OFF = BackOff(0.2, 3.0)
_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


class Journal:
    """Of one resource group (its id). Every method raises azure.core's AzureError where Azure refuses."""

    def __init__(self, client: RestClient, group_id: str) -> None:
        self._client = client
        self.group = group_id.lower()
        self._path = f"{group_id}/providers/Microsoft.Resources/deployments"

    def write(self, lease: Lease) -> None:
        """The part of it that is about this group. Returns when it can be read by everybody."""
        self._put(lease.id, lease.part(self.group).as_json())

    def _put(self, lease_id: str, value: Json) -> None:
        from azure.core.rest import HttpRequest

        template = {
            "$schema": _SCHEMA,
            "contentVersion": "1.0.0.0",
            "resources": [],
            "outputs": {"lease": {"type": "object", "value": _escaped(value)}},
        }
        body = {"properties": {"mode": "Incremental", "template": template}}
        until_done(self._client, HttpRequest("PUT", self._url(lease_id), json=body), f"the record of lease {lease_id}")

    def forget(self, lease: Lease) -> None:
        """Its rules are gone. What a CanNotDelete lock on the group keeps is a record of no lease, which nobody reads.

        https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources (it keeps deployments, too)
        """
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
        from azure.core.rest import HttpRequest

        try:
            until_done(self._client, HttpRequest("DELETE", self._url(lease.id)), f"the record of lease {lease.id}")
        except ResourceNotFoundError:
            return
        except HttpResponseError as error:
            if "ScopeLocked" not in str(error):
                raise
            self._put(lease.id, {"closed": lease.id})

    def read(self) -> list[Lease]:
        """Every lease, the oldest first. What has a lease's name and is none is passed over.

        A group that is not there has none.
        """
        from azure.core.exceptions import HttpResponseError

        try:
            names = [str(one.get("name", "")) for one in self._client.list(f"{ARM}{self._path}", _QUERY)]
        except HttpResponseError as error:
            if error.status_code != 404:
                raise
            return []
        found = [self.part(name.removeprefix(PREFIX)) for name in names if name.startswith(PREFIX)]
        return sorted((lease for lease in found if lease), key=lambda lease: lease.opened)

    def part(self, lease_id: str) -> Lease | None:
        """What stands here of one lease; None where there is none of that name, or what has the name is no lease.

        Read by itself, since a list is not documented to have outputs:
        https://learn.microsoft.com/rest/api/resources/deployments.
        """
        from azure.core.exceptions import HttpResponseError

        try:
            whole = self._whole(f"{ARM}{self._path}/{PREFIX}{lease_id}", _QUERY)
            return Lease.from_json(whole["properties"]["outputs"]["lease"]["value"])
        except HttpResponseError as error:
            if error.status_code != 404:
                raise
            return None  # closed meanwhile
        except (KeyError, TypeError, ValueError):
            return None

    def _whole(self, path: str, query: Mapping[str, str]) -> Json:
        """With its outputs: one that is being written again has none until it is."""

        def read() -> Json:
            return self._client.get(path, query)

        return (
            wait_until(
                lambda: one if (one := read())["properties"].get("provisioningState") not in _UNDER_WAY else None,
                _PATIENCE_SECONDS,
                _BACK_OFF,
            )
            or read()
        )

    def _url(self, lease_id: str) -> str:
        return f"{ARM}{self._path}/{PREFIX}{lease_id}?api-version={DEPLOYMENTS_API_VERSION}"


class Journals:
    """Of the resource groups ``groups``, and of those that a lease in one of them names: a lease is whole here."""

    def __init__(self, client: RestClient, groups: Iterable[str]) -> None:
        self._client = client
        self._of = {group.lower(): Journal(client, group) for group in groups}

    def look_in(self, groups: Iterable[str]) -> None:
        """In these, too."""
        for group in groups:
            self._of.setdefault(group.lower(), Journal(self._client, group))

    def of(self, resource_id: str) -> Journal:
        """The one that a resource's rules go by."""
        return self._in(group_of(resource_id))

    def read(self) -> list[Lease]:
        """Every lease that has a part in ``groups``, joined from these parts, the oldest first."""
        found: dict[str, Lease] = {}
        for journal in self._of.values():
            for part in journal.read():
                found[part.id] = found[part.id].joined(part) if part.id in found else part
        return sorted(found.values(), key=lambda lease: lease.opened)

    def whole(self, lease: Lease) -> tuple[Lease, tuple[str, ...]]:
        """As it stands now in all of its groups, and those that this identity may not read, which it is then without.

        It may hold more than who asks knows (it was widened), or stand in some of its groups only (its writing or its
        closing was cut off): what is given counts for the others.
        """
        from azure.core.exceptions import HttpResponseError

        parts, closed_to_us = [], []
        for group in lease.written_in() or self._of:
            try:
                part = self._in(group).part(lease.id) or lease.part(group)
                parts.append(replace(part, groups=(group,)))
            except HttpResponseError as error:
                if error.status_code != 403 or group in self._of:
                    raise
                closed_to_us.append(group)
        parts = [part for part in parts if part.holds]
        if not parts:
            return lease, tuple(closed_to_us)
        return reduce(Lease.joined, parts), tuple(closed_to_us)

    def write(self, lease: Lease) -> None:
        """Each of its parts that is known here. Returns when it can be read by everybody."""
        for group in sorted(set(map(group_of, lease.holds))):
            self._in(group).write(lease)

    def close(self, lease: Lease) -> Lease:
        """It counts no more for anybody who reads it from now on; its rules are still to be removed."""
        from azure.core.exceptions import ResourceNotFoundError

        closing = replace(lease, written="closing")
        for group in sorted(set(map(group_of, lease.holds))):
            try:
                self._in(group).write(closing)
            except ResourceNotFoundError:
                continue  # the group is deleted, and its resources with it
        return closing

    def forget(self, lease: Lease) -> None:
        """Its rules are gone."""
        for group in lease.written_in():
            self._in(group).forget(lease)

    def _in(self, group: str) -> Journal:
        # One that is named by a lease is not kept: it is no place to look for others.
        return self._of.get(group.lower()) or Journal(self._client, group)


def _escaped(value: Any) -> Any:
    """A text that begins with ``[`` would be an expression of the template."""
    if isinstance(value, str):
        return f"[{value}" if value.startswith("[") else value
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
