"""Artifacts of runs and uploads: what is known of them, and signatures for their blobs.

Routes and bodies: azureml-mlflow (PyPI; _restclient/run_artifact and _restclient/artifact). The files go straight to
the workspace's account, under a shared access signature of its container.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from toolkit.records import Json
from toolkit.sandbox.machine_learning.errors import LearningError
from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import World

_KIND: Final = "aml-artifacts"
RUNS: Final = "ExperimentRun"
# Where each origin's files are, as modelUri of recorded models has them (azure-sdk-for-python, test_model).
_DATASTORES: Final = {RUNS: "workspaceartifactstore", "LocalUpload": "workspaceblobstore"}
_BAD: Final = re.compile(r"(^|/)\.\.?(/|$)|^/|//|\\")


def remember(store: Store, workspace_id: str, origin: str, container: str, paths: list[str]) -> None:
    """The service keeps a list of what it was told of."""
    key = f"{workspace_id}/{origin}/{container}"
    known = store.document(_KIND, key) or {"paths": []}
    store.put_document(_KIND, key, {"paths": sorted({*known["paths"], *paths})})


def remembered(store: Store, workspace_id: str, origin: str, container: str) -> list[str]:
    found = store.document(_KIND, f"{workspace_id}/{origin}/{container}")
    return list(found["paths"]) if found else []


class Artifacts:
    """``caller`` is on whose behalf blobs are signed for, where the workspace works with identities."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list(self, workspace: Resource, origin: str, container: str, below: str = "") -> Json:
        paths = remembered(self._world.store, workspace.id, origin, container)
        found = [path for path in paths if not below or path == below or path.startswith(f"{below.rstrip('/')}/")]
        return {"value": [self._about(origin, container, path) for path in found]}

    def create(self, workspace: Resource, origin: str, container: str, given: Json, caller: Principal | None) -> Json:
        """Say what will be uploaded; a name that is there already is refused, one by one."""
        known = set(remembered(self._world.store, workspace.id, origin, container))
        paths = [str(each.get("path", "")) for each in given.get("paths") or []]
        new = [path for path in paths if path not in known]
        for path in new:
            if not path or _BAD.search(path):
                raise LearningError(400, "UserError", f"The artifact path '{path}' is invalid.")
        remember(self._world.store, workspace.id, origin, container, new)
        taken = [path for path in paths if path in known]
        return {
            "artifacts": {path: self._about(origin, container, path) for path in new},
            "artifactContentInformation": {
                path: self._content(workspace, origin, container, path, "rcw", caller) for path in new
            },
            "errors": {path: _conflict(origin, container, path) for path in taken},
        }

    def content(self, workspace: Resource, origin: str, container: str, path: str, caller: Principal | None) -> Json:
        # What azure-ai-ml uploads goes to the datastore directly, and the service never hears of it.
        if origin == RUNS and path not in remembered(self._world.store, workspace.id, origin, container):
            raise LearningError(404, "UserError", f"ArtifactId {_id(origin, container, path)} was not found.")
        return self._content(workspace, origin, container, path, "r", caller)

    def _about(self, origin: str, container: str, path: str) -> Json:
        return {
            "artifactId": _id(origin, container, path),
            "origin": origin,
            "container": container,
            "path": path,
            "tags": {},
        }

    def _content(
        self, workspace: Resource, origin: str, container: str, path: str, letters: str, caller: Principal | None
    ) -> Json:
        name = _DATASTORES.get(origin)
        store = self._world.store.get(f"{workspace.id}/datastores/{name}") if name else None
        account = self._world.store.get(str(workspace.properties["storageAccount"]))
        if store is None or account is None:
            raise LearningError(501, "SandboxNotModelled", f"The sandbox does not model artifacts of '{origin}'.")
        keyed = workspace.properties.get("systemDatastoresAuthMode", "AccessKey").lower() == "accesskey"
        blobs = str(store.properties["containerName"])
        access = self._world.blobs.container_access(account, blobs, letters, None if keyed else caller)
        url = f"https://{account.name.lower()}.blob.core.windows.net/{blobs}/{quote(_id(origin, container, path))}"
        return {"contentUri": f"{url}?{access}", "origin": origin, "container": container, "path": path, "tags": {}}


def _id(origin: str, container: str, path: str) -> str:
    return f"{origin}/{container}/{path}"


def _conflict(origin: str, container: str, path: str) -> Json:
    message = f"Resource Conflict: ArtifactId {_id(origin, container, path)} already exists."
    return {"error": {"code": "UserError", "message": message}}
