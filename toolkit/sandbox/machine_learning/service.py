"""The workspaces' own hosts, ``*.api.azureml.ms``: discovery, run history, artifacts and MLflow.

azure-ai-ml finds them through the workspace's ``discoveryUrl`` (operations/_job_operations.py, _get_workspace_url) and
reads a run's details there while it streams a log (_restclient/runhistory). Everything else is refused by name.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.machine_learning.artifacts import RUNS, Artifacts
from toolkit.sandbox.machine_learning.details import artifacts_of, details_of
from toolkit.sandbox.machine_learning.errors import LearningError, MlflowError
from toolkit.sandbox.machine_learning.mlflow import ROUTES, Asked, Mlflow
from toolkit.sandbox.machine_learning.run_tokens import RunIdentity, RunTokens
from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_SUFFIX = ".api.azureml.ms"
_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net", "https://ml.azure.com")
_PROVIDER = r"providers/Microsoft\.MachineLearningServices/workspaces"
_WORKSPACE = rf"(?P<workspace>/subscriptions/[^/]+/resourceGroups/[^/]+/{_PROVIDER}/[^/]+)"
_DETAILS = re.compile(rf"/history/v1\.0{_WORKSPACE}/runs/(?P<run>[^/]+)/details", re.IGNORECASE)
_OF_RUN = rf"/history/v1\.0{_WORKSPACE}/experiment(?:ids|s)/[^/]+/runs/(?P<run>[^/]+)"
_TOKEN = re.compile(rf"{_OF_RUN}/token", re.IGNORECASE)
_RUN_ARTIFACTS = re.compile(rf"{_OF_RUN}/artifacts(?P<what>/path|/contentinfo|/batch/metadata)?", re.IGNORECASE)
_ARTIFACTS = re.compile(
    rf"/artifact/v2\.0{_WORKSPACE}/artifacts/(?P<origin>[^/]+)/(?P<container>[^/]+)"
    r"(?P<what>/contentinfo|/batch/metadata)?",
    re.IGNORECASE,
)
_MLFLOW = re.compile(rf"/mlflow/v[12]\.0{_WORKSPACE}/api/2\.0/(?:preview/)?mlflow/(?P<call>.+)", re.IGNORECASE)
_LISTS: Final = ("order_by", "stages")  # of queries: the only members that may be there more than once
_NAMESPACE: Final = "Microsoft.MachineLearningServices/workspaces"
# https://github.com/Azure/azure-cli-extensions/issues/6294
_PRIVATE = (
    "User is not authorized to access provided resources due to none of the workspaces/registries are accessible from "
    "outside of the designated private link.."
)


class MachineLearningService:
    name = "machine_learning"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World, run_tokens: RunTokens) -> None:
        self._world = world
        self._run_tokens = run_tokens
        self._artifacts = Artifacts(world)
        self._mlflow = Mlflow(world.store)

    async def handle(self, request: Request, origin: Origin) -> Response:
        in_mlflow = _MLFLOW.fullmatch(request.scope["path"])
        try:
            given = await _members(request)
            if in_mlflow is not None:
                return JSONResponse(self._in_mlflow(request, origin, in_mlflow, given))
            return JSONResponse(self._answer(request, origin, given))
        except LearningError as error:
            if in_mlflow is not None and not isinstance(error, MlflowError):
                code = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}.get(error.status, "RESOURCE_DOES_NOT_EXIST")
                error = MlflowError(code, str(error))
            return JSONResponse(error.body(), status_code=error.status)

    def _answer(self, request: Request, origin: Origin, given: Json) -> Json:
        host, path = (request.url.hostname or "").lower(), request.scope["path"]
        if path.rstrip("/") == "/discovery" and request.method == "GET":
            # Nothing secret, and asked for without a token.
            return dict.fromkeys(("api", "history", "mlflow"), f"https://{host}")
        if (match := _DETAILS.fullmatch(path)) and request.method == "GET":
            workspace, caller = self._admitted(request, origin, match["workspace"], "jobs/read")
            job = self._world.store.get(f"{workspace.id}/jobs/{match['run']}")
            if job is None:
                raise LearningError(404, "UserError", f"Run {match['run']} was not found.")
            return {**details_of(job), "logFiles": self._logs(workspace, job, _principal(caller))}
        if (match := _TOKEN.fullmatch(path)) and request.method == "GET":
            return self._renewed(request, origin, match)
        if match := _RUN_ARTIFACTS.fullmatch(path):
            container = f"dcid.{match['run']}"
            return self._of_artifacts(request, origin, match, RUNS, container, given)
        if match := _ARTIFACTS.fullmatch(path):
            return self._of_artifacts(request, origin, match, match["origin"], match["container"], given)
        raise LearningError(501, "SandboxNotModelled", f"The sandbox does not model {request.method} {path} of {host}.")

    # -- routes --------------------------------------------------------------------------------------------------------

    def _in_mlflow(self, request: Request, origin: Origin, match: re.Match[str], given: Json) -> Json:
        known = ROUTES.get((request.method, match["call"].rstrip("/")))
        workspace, caller = self._admitted(request, origin, match["workspace"], known[1] if known else "read")
        if known is None:
            raise MlflowError(
                "ENDPOINT_NOT_FOUND", f"The sandbox does not model {request.method} {match['call']} of MLflow."
            )
        principal = _principal(caller)
        user = (principal.display_name or principal.object_id) if principal else ""
        return known[0](self._mlflow, Asked(given, workspace, (request.url.hostname or "").lower(), user))

    def _of_artifacts(
        self, request: Request, origin: Origin, match: re.Match[str], kind: str, container: str, given: Json
    ) -> Json:
        what = (match["what"] or "").lower()
        writes = what == "/batch/metadata"
        if request.method != ("POST" if writes else "GET"):
            raise LearningError(
                501, "SandboxNotModelled", f"The sandbox does not model {request.method} {request.scope['path']}."
            )
        action = "experiments/runs/write" if writes else "experiments/runs/read"
        workspace, caller = self._admitted(request, origin, match["workspace"], action)
        principal = _principal(caller)
        if writes:
            return self._artifacts.create(workspace, kind, container, given, principal)
        path = str(given.get("path") or "")
        if what == "/contentinfo":
            return self._artifacts.content(workspace, kind, container, path, principal)
        return self._artifacts.list(workspace, kind, container, path if what == "/path" else "")

    def _renewed(self, request: Request, origin: Origin, match: re.Match[str]) -> Json:
        """A job's code asks for its next token with the last one."""
        _, caller = self._admitted(request, origin, match["workspace"], "experiments/runs/write")
        if not isinstance(caller, RunIdentity) or caller.run_id != match["run"]:
            raise LearningError(403, "UserError", "Only the run itself gets a token of the run.")
        return {
            "token": self._run_tokens.issue(caller),
            "expiryTimeUtc": (datetime.now(UTC) + timedelta(hours=24)).isoformat(),
        }

    # -- who may -------------------------------------------------------------------------------------------------------

    def _admitted(
        self, request: Request, origin: Origin, workspace_id: str, action: str
    ) -> tuple[Resource, Principal | RunIdentity]:
        """The workspace, and who asks, once the network and the roles allow it.

        A run's own token is good for its workspace, from the computes of that workspace (inferred).
        """
        header = request.headers.get("authorization")
        run = self._run_tokens.verify(header)
        if run is not None and run.workspace_id.lower() == workspace_id.lower():
            if origin.vantage.name != "aml-managed":
                raise LearningError(401, "UserError", "The token of a run is good on its compute only.")
            return self._workspace(workspace_id), run
        try:
            caller = self._world.tokens.verify(header, _AUDIENCES)
        except InvalidToken as error:
            raise LearningError(401, "UserError", f"The access token is invalid: {error}.") from error
        workspace = self._workspace(workspace_id)
        self._pass_network(workspace, origin)
        if not self._world.access.allows_action(caller, workspace.id, f"{_NAMESPACE}/{action}"):
            raise LearningError(
                403, "UserError", f"The caller may not perform '{_NAMESPACE}/{action}' on {workspace.id}."
            )
        return workspace, caller

    def _workspace(self, workspace_id: str) -> Resource:
        found = self._world.store.get(workspace_id)
        if found is None:
            raise LearningError(404, "UserError", f"The workspace {workspace_id} was not found.")
        return found

    def _pass_network(self, workspace: Resource, origin: Origin) -> None:
        """A workspace without public access answers through its private endpoint only, one with an ``ipAllowlist`` also
        those whom that names; that the refusal is the same is (inferred).
        """
        properties = self._world.front_ends.properties(workspace)
        own = f"{workspace.properties['workspaceId']}.workspace.{workspace.body['location']}{_SUFFIX}"
        route = self._world.network.route(origin, own)
        if route.private_endpoint_target == workspace.id.lower():
            return
        allowed = properties.get("ipAllowlist") or []
        disabled = str(properties.get("publicNetworkAccess") or "Enabled").lower() == "disabled"
        named = any(ip_address(origin.public_ip) in ip_network(one) for one in allowed)
        if disabled or (allowed and not named):
            raise LearningError(401, "UserError", _PRIVATE)

    def _logs(self, workspace: Resource, job: Resource, caller: Principal | None) -> dict[str, str]:
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


def _principal(caller: Principal | RunIdentity) -> Principal | None:
    return caller.principal if isinstance(caller, RunIdentity) else caller


async def _members(request: Request) -> Json:
    """The members of a body, or of the query where there is none."""
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in _LISTS:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    body = await request.body()
    if not body:
        return found
    try:
        sent = json.loads(body)
    except ValueError as error:
        raise MlflowError("INVALID_PARAMETER_VALUE", f"The body is no JSON: {error}.") from error
    if not isinstance(sent, dict):
        raise MlflowError("INVALID_PARAMETER_VALUE", "The body is no JSON object.")
    return {**found, **sent}
