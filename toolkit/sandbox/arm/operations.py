"""Long-running operations: remembered in the store, finished by the clock.

An operation that was under way when the process died is finished on the next request after its time
(https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations says how clients follow one).
"""

from __future__ import annotations

import heapq
import logging
import math
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, not_found
from toolkit.sandbox.arm.resource_type import LongRunning
from toolkit.sandbox.store import Store

HOST = "https://management.azure.com"
_KIND = "arm-operation"
_AGAIN_SECONDS = 2.0
_DEPLOYMENT = "/providers/microsoft.resources/deployments/"

log = logging.getLogger("toolkit.sandbox.arm")


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of Azure's time an operation takes here: 0 answers at once with the terminal state."""

    name: str
    scale: float

    def seconds(self, long_running: LongRunning | None, phase: str) -> float:
        if long_running is None:
            return 0.0
        return (
            float({"create": long_running.create, "update": long_running.update}.get(phase, long_running.delete))
            * self.scale
        )


INSTANT = Profile("instant", 0.0)
_SETTING = ("sandbox-setting", "profile")


def realistic(scale: float = 1.0) -> Profile:
    return Profile("realistic", scale)


def stored_profile(store: Store) -> Profile:
    """The profile that ``toolkit sandbox profile`` set; instant until then."""
    setting = store.document(*_SETTING)
    return Profile(setting["name"], setting["scale"]) if setting else INSTANT


def store_profile(store: Store, profile: Profile) -> None:
    store.put_document(*_SETTING, {"name": profile.name, "scale": profile.scale})


Finish = Callable[[Json], Awaitable[None]]


class Operations:
    """Starts, answers and finishes operations. ``finish`` (set by the engine) applies what an operation was for."""

    def __init__(self, store: Store, finish: Finish, clock: Callable[[], float]) -> None:
        self._store = store
        self._finish = finish
        self._clock = clock
        self._due: list[tuple[float, str]] = [
            (operation["readyAt"], key)
            for key, operation in store.documents(_KIND)
            if operation["status"] == "InProgress"
        ]
        heapq.heapify(self._due)

    def start(
        self,
        *,
        subscription_id: str,
        namespace: str,
        location: str,
        resource_id: str,
        method: str,
        seconds: float,
        query: dict[str, str],
        tenant_id: str,
        api_version: str,
        error: Json | None = None,
    ) -> Json:
        """Record one operation; it ends ``seconds`` from now, as Failed when ``error`` is given."""
        name = str(uuid.uuid4())
        now = self._clock()
        operation: Json = {
            "name": name,
            "subscriptionId": subscription_id,
            "namespace": namespace,
            "location": location or "global",
            "resourceId": resource_id,
            "method": method,
            "status": "InProgress",
            "startedAt": now,
            "readyAt": now + seconds,
            "query": query,
            "tenantId": tenant_id,
            "apiVersion": api_version,
            "error": error,
        }
        if error is not None and seconds == 0:
            operation["status"] = "Failed"
        self._store.put_document(_KIND, name, operation)
        if operation["status"] == "InProgress":
            heapq.heappush(self._due, (operation["readyAt"], name))
        return operation

    async def settle(self) -> None:
        """Finish every operation whose time has come. One that cannot be finished now is tried again a little later:
        whoever asks for something else meanwhile does not hear of it."""
        while self._due and self._due[0][0] <= self._clock():
            _, name = heapq.heappop(self._due)
            operation = self._store.document(_KIND, name)
            if operation is None or operation["status"] != "InProgress":
                continue
            if operation["error"] is None:
                try:
                    await self._finish(operation)
                except Exception:
                    log.exception("%s of %s could not be finished", operation["method"], operation["resourceId"])
                    heapq.heappush(self._due, (self._clock() + _AGAIN_SECONDS, name))
                    continue
            operation["status"] = "Failed" if operation["error"] is not None else "Succeeded"
            self._store.put_document(_KIND, name, operation)

    def get(self, subscription_id: str, name: str) -> Json:
        operation = self._store.document(_KIND, name)
        if operation is None or operation["subscriptionId"].lower() != subscription_id.lower():
            raise not_found("OperationNotFound", f"The operation '{name}' could not be found.")
        return operation

    # -- what clients see ----------------------------------------------------------------------------------------------

    def headers(self, operation: Json, api_version: str, names: tuple[str, ...]) -> dict[str, str]:
        """Polling headers of a first answer. Retry-After is always there: azapi waits 10 s between polls without it
        (azcore's default polling frequency)."""
        scope = f"{HOST}/subscriptions/{operation['subscriptionId']}"
        if operation["namespace"] != "Microsoft.Resources":
            scope += f"/providers/{operation['namespace']}/locations/{operation['location']}"
        # A deployment's stand below itself, and take a right there: Azure-Samples/azure-search-openai-demo issue 848.
        below = f"{HOST}{operation['resourceId']}" if _DEPLOYMENT in operation["resourceId"].lower() else scope
        urls = {
            "Azure-AsyncOperation": f"{below}/operationStatuses/{operation['name']}?api-version={api_version}",
            "Location": f"{scope}/operationResults/{operation['name']}?api-version={api_version}",
        }
        return {name: urls[name] for name in names} | {"Retry-After": self.retry_after(operation)}

    def retry_after(self, operation: Json) -> str:
        return str(max(1, min(15, math.ceil(operation["readyAt"] - self._clock()))))

    def status(self, operation: Json, path: str) -> Json:
        """The body behind Azure-AsyncOperation; ``status`` is the word that pollers read."""
        body: Json = {
            "id": path,
            "name": operation["name"],
            "status": operation["status"],
            "startTime": _iso(operation["startedAt"]),
        }
        if operation["status"] != "InProgress":
            body["endTime"] = _iso(operation["readyAt"])
        if operation["status"] == "Failed":
            body["error"] = operation["error"]
        return body


def failure(operation: Json) -> ArmError:
    return ArmError(409, operation["error"]["code"], operation["error"]["message"])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
