"""Versions of an Azure ML workspace's assets that a service writes itself: what a job or MLflow registers.

What a client writes goes through Azure Resource Manager (arm/types/machine_learning_assets.py); both count together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from toolkit.records import Json
from toolkit.sandbox.store import Resource, Store

_WORKSPACES: Final = "Microsoft.MachineLearningServices/workspaces"
_NUMBER: Final = "aml-asset-number"


def next_number(store: Store, workspace_id: str) -> int:
    """Counts what was ever registered in the workspace: the order of times that lie in one second."""
    document = store.document(_NUMBER, workspace_id) or {"number": 0}
    number = int(document["number"]) + 1
    store.put_document(_NUMBER, workspace_id, {"number": number})
    return number


def container(store: Store, workspace_id: str, kind: str, name: str) -> Resource:
    """The container of an asset, made when it is not there."""
    id_ = f"{workspace_id}/{kind}/{name}"
    found = store.get(id_)
    if found is None:
        properties: Json = {
            "isArchived": False,
            "nextVersion": "1",
            "tags": {},
            "properties": {},
            "provisioningState": "Succeeded",
        }
        found = _resource(id_, f"{_WORKSPACES}/{kind}", properties)
        store.put(found)
    return found


def count_version(owner: Resource, version: str) -> None:
    """What a container says of its versions, after one more."""
    owner.properties["latestVersion"] = version
    if version.isdigit():
        owner.properties["nextVersion"] = str(max(int(version) + 1, int(owner.properties.get("nextVersion", "1"))))


def register(
    store: Store, workspace_id: str, kind: str, name: str, properties: Json, version: str | None = None
) -> Resource:
    """A version of an asset, the next one when none is named; one that is there already is written again."""
    with store.transaction():
        owner = container(store, workspace_id, kind, name)
        version = version or str(owner.properties.get("nextVersion", "1"))
        id_ = f"{owner.id}/versions/{version}"
        standing = store.get(id_)
        common: Json = {
            "description": None,
            "isAnonymous": False,
            "isArchived": False,
            "properties": {},
            "provisioningState": "Succeeded",
            "tags": {},
        }
        written = _resource(id_, f"{_WORKSPACES}/{kind}/versions", {**common, **properties})
        written.internal = standing.internal if standing else {"number": next_number(store, workspace_id)}
        count_version(owner, version)
        store.put(owner)
        store.put(written)
    return written


def _resource(id_: str, type_: str, properties: Json) -> Resource:
    now = datetime.now(UTC).isoformat()
    system = {"createdAt": now, "lastModifiedAt": now}
    body: Json = {"id": id_, "name": id_.rsplit("/", 1)[-1], "type": type_, "properties": properties}
    return Resource(id_, type_, {**body, "systemData": system})
