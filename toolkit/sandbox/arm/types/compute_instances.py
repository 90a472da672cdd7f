"""Compute instances: machines of single people.

https://learn.microsoft.com/azure/machine-learning/how-to-create-compute-instance: the name is unique in a region, idle
shutdown is between 15 minutes and 3 days; machine and person cannot be changed (the provider azurerm replaces the
instance for every argument). The codes and sentences are (inferred).
"""

from __future__ import annotations

import re
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.arm.durations import canonical, in_seconds
from toolkit.sandbox.arm.errors import bad_request, conflict
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.store import Resource

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FIXED: Final = ("vmSize", "personalComputeInstanceSettings", "enableNodePublicIp", "sshSettings", "subnet")
_SHORTEST, _LONGEST = 15 * 60, 3 * 24 * 3600


def checked(call: Call, resource: Resource) -> None:
    inner: Json = resource.properties.setdefault("properties", {})
    if not inner.get("vmSize"):
        raise bad_request("BadRequest", "The property 'vmSize' of a compute instance is required.")
    user = (inner.get("personalComputeInstanceSettings") or {}).get("assignedUser")
    if user is not None and not all(_GUID.fullmatch(str(user.get(key, ""))) for key in ("objectId", "tenantId")):
        raise bad_request("BadRequest", "assignedUser needs the objectId and the tenantId of a user.")
    _idle_checked(inner)
    if call.existing is not None:
        _unchanged(call.existing.properties["properties"], inner)
    for other in call.resources.store.of_type(resource.type):
        same = other.name.lower() == resource.name.lower() and other.id.lower() != resource.id.lower()
        if same and other.body.get("location") == resource.body.get("location"):
            raise conflict("ComputeNameAlreadyInUse", f"The compute name '{resource.name}' is taken in this region.")


def _idle_checked(inner: Json) -> None:
    idle = inner.get("idleTimeBeforeShutdown")
    if idle is None:
        return
    if not _SHORTEST <= in_seconds(str(idle)) <= _LONGEST:
        raise bad_request("BadRequest", f"idleTimeBeforeShutdown: {idle} is not between 15 minutes and 3 days.")
    inner["idleTimeBeforeShutdown"] = canonical(str(idle))


def _unchanged(standing: Json, sent: Json) -> None:
    for name in _FIXED:
        if not _covers(standing.get(name), sent.get(name)):
            raise bad_request("BadRequest", f"The property '{name}' of a compute instance cannot be changed.")


def _covers(standing: Any, sent: Any) -> bool:
    """Whether nothing that is sent differs; what the service added is no change."""
    if isinstance(standing, dict) and isinstance(sent, dict):
        return all(_covers(standing.get(key), value) for key, value in sent.items())
    return bool(standing == sent)


def made(resource: Resource) -> None:
    inner: Json = resource.properties["properties"]
    inner["state"] = "Running"
    inner.setdefault("sshSettings", {}).setdefault("adminUserName", "azureuser")
