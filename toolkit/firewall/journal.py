"""Where leases are written down: as the outputs of empty deployments, in the resource group that they are about.

Through Azure Resource Manager, since the data plane is closed when a lease is taken; for every machine that may read
the group; and unknown to Terraform, which sees no drift. A deployment of nothing makes nothing, and deleting one
deletes nothing: https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.azure.api_versions import DEPLOYMENTS_API_VERSION
from toolkit.azure.arm import ARM, until_done
from toolkit.firewall.model import Lease
from toolkit.records import Json
from toolkit.waiting import BackOff, wait_until

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

PREFIX = "toolkit-lease-"
_UNDER_WAY = ("Accepted", "Running", "Updating")
_PATIENCE_SECONDS = 60.0
_BACK_OFF = BackOff(0.2, 3.0)
_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


class Journal:
    """Of one resource group (its id). Every method raises azure.core's AzureError where Azure refuses."""

    def __init__(self, client: RestClient, group_id: str) -> None:
        self._client = client
        self._path = f"{group_id}/providers/Microsoft.Resources/deployments"

    def write(self, lease: Lease) -> None:
        """Returns when it can be read by everybody."""
        from azure.core.rest import HttpRequest

        template = {
            "$schema": _SCHEMA,
            "contentVersion": "1.0.0.0",
            "resources": [],
            "outputs": {"lease": {"type": "object", "value": _escaped(lease.as_json())}},
        }
        body = {"properties": {"mode": "Incremental", "template": template}}
        until_done(self._client, HttpRequest("PUT", self._url(lease.id), json=body), f"the record of lease {lease.id}")

    def close(self, lease: Lease) -> Lease:
        """It counts no more for anybody who reads it from now on; its rules are still to be removed."""
        closing = replace(lease, written="closing")
        self.write(closing)
        return closing

    def forget(self, lease: Lease) -> None:
        """Its rules are gone."""
        from azure.core.exceptions import ResourceNotFoundError
        from azure.core.rest import HttpRequest

        try:
            until_done(self._client, HttpRequest("DELETE", self._url(lease.id)), f"the record of lease {lease.id}")
        except ResourceNotFoundError:
            return

    def read(self) -> list[Lease]:
        """Every lease, the oldest first. What has a lease's name and is none is passed over."""
        from azure.core.exceptions import HttpResponseError

        query = {"api-version": DEPLOYMENTS_API_VERSION}
        found: list[Lease] = []
        for listed in self._client.list(f"{ARM}{self._path}", query):
            if not str(listed.get("name", "")).startswith(PREFIX):
                continue
            try:
                # A list is not documented to have outputs: https://learn.microsoft.com/rest/api/resources/deployments.
                whole = self._whole(f"{ARM}{self._path}/{listed['name']}", query)
                found.append(Lease.from_json(whole["properties"]["outputs"]["lease"]["value"]))
            except HttpResponseError as error:
                if error.status_code != 404:  # closed meanwhile
                    raise
            except (KeyError, TypeError, ValueError):
                continue
        return sorted(found, key=lambda lease: lease.opened)

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


def _escaped(value: Any) -> Any:
    """A text that begins with ``[`` would be an expression of the template."""
    if isinstance(value, str):
        return f"[{value}" if value.startswith("[") else value
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
