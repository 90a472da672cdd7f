"""How runs of CI systems stand, as GitHub's and Azure DevOps' REST APIs say it to a token of a job.

* GET /repos/{owner}/{repo}/actions/runs/{run_id}: https://docs.github.com/rest/actions/workflow-runs; a token that may
  not see a private repository is told 404, one that is none 401:
  https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
* GET {organization}/{project}/_apis/build/builds/{buildId}: https://learn.microsoft.com/rest/api/azure/devops/build/builds/get
  (what a token is told that is none, or sees no such build: inferred)

The control API says how a run stands, and gives the token that a job of its repository or project has.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.entra.ci_comments import CiComments
from toolkit.sandbox.entra.directory import secret_hash
from toolkit.sandbox.store import Store

_RUN, _TOKEN = "ci-run", "ci-token"
_GITHUB = re.compile(r"/repos/([\w.-]+/[\w.-]+)/actions/runs/(\d+)")
_BUILD = re.compile(r"/([^/]+/[^/]+)/_apis/build/builds/(\d+)", re.IGNORECASE)
GITHUB_STATUSES = ("queued", "in_progress", "completed", "requested", "waiting", "pending")
AZURE_DEVOPS_STATUSES = ("notStarted", "inProgress", "cancelling", "postponed", "completed")


@dataclass(frozen=True, slots=True)
class CiRun:
    """``where`` is ``owner/repository``, or ``organisation/project`` of Azure DevOps."""

    system: str  # github, azure-devops
    where: str
    id: str
    status: str
    attempt: int = 1


class CiRuns:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._comments = CiComments(store)

    def write(self, run: CiRun) -> str:
        """How it stands from now on. The answer is a token that sees the runs of its repository or project."""
        document = {"status": run.status, "attempt": run.attempt}
        self._store.put_document(_RUN, _key(run.system, run.where, run.id), document)
        token = secrets.token_urlsafe(32)
        self._store.put_document(_TOKEN, secret_hash(token), {"system": run.system, "where": run.where.lower()})
        return token

    async def github(self, request: Request) -> Response:
        """api.github.com."""
        token = self._token(request)
        if token is None or token["system"] != "github":
            return JSONResponse({"message": "Bad credentials", "status": "401"}, status_code=401)
        if (answer := await self._comments.github(request, token["where"])) is not None:
            return answer
        asked = _GITHUB.fullmatch(request.scope["path"])
        if request.method != "GET" or asked is None:
            text = f"The sandbox's GitHub does not serve {request.method} {request.scope['path']}: see entra/ci_runs.py"
            return JSONResponse({"message": text}, status_code=404)
        found = self._run(token, asked[1], asked[2])
        if found is None:
            return JSONResponse({"message": "Not Found", "status": "404"}, status_code=404)
        done = found["status"] == "completed"
        return JSONResponse(
            {
                "id": int(asked[2]),
                "run_attempt": found["attempt"],
                "status": found["status"],
                "conclusion": "success" if done else None,
                "html_url": f"https://github.com/{asked[1]}/actions/runs/{asked[2]}",
                "repository": {"full_name": asked[1]},
            }
        )

    async def azure_devops(self, request: Request) -> Response | None:
        """dev.azure.com; None for what is not about builds or pull requests."""
        path = unquote(request.scope["path"])
        asked = _BUILD.fullmatch(path) if request.method == "GET" else None
        if asked is None and "/pullrequests/" not in path.lower():
            return None
        token = self._token(request)
        if token is None or token["system"] != "azure-devops":
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        if asked is None:
            return await self._comments.azure_devops(request, token["where"])
        if "api-version" not in request.query_params:
            return JSONResponse({"message": "No api-version was supplied for the request."}, status_code=400)
        found = self._run(token, asked[1], asked[2])
        if found is None:
            return JSONResponse({"message": f"The requested build {asked[2]} could not be found."}, status_code=404)
        return JSONResponse({"id": int(asked[2]), "status": found["status"]})

    def _token(self, request: Request) -> Json | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._store.document(_TOKEN, secret_hash(token.strip())) if scheme.lower() == "bearer" else None

    def _run(self, token: Json, where: str, id_: str) -> Json | None:
        if token["where"] != where.lower():
            return None
        return self._store.document(_RUN, _key(token["system"], where, id_))


def _key(system: str, where: str, id_: str) -> str:
    return f"{system}:{where.lower()}:{id_}"
