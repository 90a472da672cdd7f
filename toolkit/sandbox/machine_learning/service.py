"""The workspaces' own hosts, ``*.api.azureml.ms``: discovery and the run history, as azure-ai-ml asks them.

azure-ai-ml finds them through the workspace's ``discoveryUrl`` (operations/_job_operations.py, _get_workspace_url) and
reads a run's details there while it streams a log (_restclient/runhistory). Everything else is refused by name.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.machine_learning.jobs import artifacts_of, details_of
from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_SUFFIX = ".api.azureml.ms"
_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net", "https://ml.azure.com")
_PROVIDER = r"providers/Microsoft\.MachineLearningServices/workspaces"
_WORKSPACE = rf"(?P<workspace>/subscriptions/[^/]+/resourceGroups/[^/]+/{_PROVIDER}/[^/]+)"
_DETAILS = re.compile(rf"/history/v1\.0{_WORKSPACE}/runs/(?P<run>[^/]+)/details", re.IGNORECASE)
_READ = "Microsoft.MachineLearningServices/workspaces/jobs/read"
# https://github.com/Azure/azure-cli-extensions/issues/6294
_PRIVATE = (
    "User is not authorized to access provided resources due to none of the workspaces/registries are accessible from "
    "outside of the designated private link.."
)


class LearningError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class MachineLearningService:
    name = "machine_learning"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            return JSONResponse(self._answer(request, origin))
        except LearningError as error:
            return JSONResponse({"error": {"code": error.code, "message": str(error)}}, status_code=error.status)

    def _answer(self, request: Request, origin: Origin) -> Json:
        host, path = (request.url.hostname or "").lower(), request.scope["path"]
        if path.rstrip("/") == "/discovery" and request.method == "GET":
            # Nothing secret, and asked for without a token.
            return dict.fromkeys(("api", "history", "mlflow"), f"https://{host}")
        match = _DETAILS.fullmatch(path)
        if match is None or request.method != "GET":
            raise LearningError(
                501, "SandboxNotModelled", f"The sandbox does not model {request.method} {path} of {host}."
            )
        caller = self._authenticate(request)
        workspace = self._workspace(match["workspace"])
        self._pass_network(workspace, origin, host)
        if not self._world.access.allows_action(caller, workspace.id, _READ):
            raise LearningError(403, "UserError", f"The caller may not perform '{_READ}' on {workspace.id}.")
        job = self._world.store.get(f"{workspace.id}/jobs/{match['run']}")
        if job is None:
            raise LearningError(404, "UserError", f"Run {match['run']} was not found.")
        return {**details_of(job), "logFiles": self._logs(workspace, job, caller)}

    def _authenticate(self, request: Request) -> Principal:
        try:
            return self._world.tokens.verify(request.headers.get("authorization"), _AUDIENCES)
        except InvalidToken as error:
            raise LearningError(401, "UserError", f"The access token is invalid: {error}.") from error

    def _workspace(self, workspace_id: str) -> Resource:
        found = self._world.store.get(workspace_id)
        if found is None:
            raise LearningError(404, "UserError", f"The workspace {workspace_id} was not found.")
        return found

    def _pass_network(self, workspace: Resource, origin: Origin, host: str) -> None:
        """A workspace without public access answers through its private endpoint only."""
        if str(workspace.properties.get("publicNetworkAccess", "Enabled")).lower() != "disabled":
            return
        own = f"{workspace.properties['workspaceId']}.workspace.{workspace.body['location']}{_SUFFIX}"
        if self._world.network.route(origin, own).private_endpoint_target != workspace.id.lower():
            raise LearningError(401, "UserError", _PRIVATE)

    def _logs(self, workspace: Resource, job: Resource, caller: Principal) -> dict[str, str]:
        """Names and addresses of a run's logs, with a signature on the caller's behalf (inferred)."""
        store = self._world.store.get(f"{workspace.id}/datastores/workspaceartifactstore")
        account = self._world.store.get(str(workspace.properties["storageAccount"]))
        if store is None or account is None or job.internal.get("started") is None:
            return {}
        container = str(store.properties["containerName"])
        access = self._world.blobs.container_access(account, container, "r", caller)
        name = "user_logs/std_log.txt"
        return {
            name: f"https://{account.name.lower()}.blob.core.windows.net/{container}/{artifacts_of(job.name)}/{name}?{access}"
        }
