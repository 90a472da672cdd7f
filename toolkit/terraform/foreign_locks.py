"""Locks that somebody else put on what a destroy is to delete: found before it begins, and not after half of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.environment import Connection
from toolkit.errors import RefusedError, ToolkitError

_API = API_VERSIONS["microsoft.authorization/locks"]
_LOCKS = "/providers/microsoft.authorization/locks/"


@dataclass(frozen=True, slots=True)
class Lock:
    """A management lock: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""

    id: str
    level: str
    notes: str

    @property
    def scope(self) -> str:
        return self.id[: self.id.lower().rindex(_LOCKS)]


def refuse_foreign_locks(connection: Connection, document: dict[str, Any], env: str) -> None:
    """Raises RefusedError when a lock that the plan ``document`` does not delete itself holds what it deletes."""
    deleted = {
        str((item["change"].get("before") or {}).get("id", "")).lower()
        for item in document.get("resource_changes", [])
        if item["type"] == "azapi_resource" and "delete" in item["change"]["actions"]
    } - {""}
    subscriptions = sorted({"/".join(one.split("/")[:3]) for one in deleted if one.startswith("/subscriptions/")})
    locks = [lock for subscription in subscriptions for lock in _locks(connection, subscription)]
    in_the_way = [lock for lock in locks if lock.id.lower() not in deleted and _holds(lock, deleted)]
    if in_the_way:
        lines = [f"  {lock.level} on {lock.scope}" + (f": {lock.notes}" if lock.notes else "") for lock in in_the_way]
        ids = " ".join(f"'{lock.id}'" for lock in in_the_way)
        raise RefusedError(
            f"nothing was destroyed: {env} is locked by somebody else\n" + "\n".join(lines),
            hint=f"ask whoever set it; then: az lock delete --ids {ids}",
        )


def _holds(lock: Lock, deleted: set[str]) -> bool:
    """A lock holds its scope and everything below."""
    scope = lock.scope.lower()
    return any(one == scope or one.startswith(f"{scope}/") for one in deleted)


def _locks(connection: Connection, subscription: str) -> list[Lock]:
    """Those of a subscription and of everything in it; none for an identity that may not see them.

    https://learn.microsoft.com/rest/api/resources/management-locks/list-at-subscription-level
    """
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    found: list[Lock] = []
    url: str | None = f"{ARM}{subscription}/providers/Microsoft.Authorization/locks?api-version={_API}"
    try:
        with arm_client(connection) as client:
            while url:
                response = client.send_request(HttpRequest("GET", url))
                if response.status_code == 403:
                    return []
                response.raise_for_status()
                page = response.json()
                for item in page["value"]:
                    properties = item["properties"]
                    found.append(Lock(item["id"], properties["level"], properties.get("notes") or ""))
                url = page.get("nextLink")
    except AzureError as error:
        raise ToolkitError(f"cannot see the locks of {subscription}: {error.message}") from error
    return found
