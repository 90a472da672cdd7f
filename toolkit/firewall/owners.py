"""Whether the CI run that took a lease has ended: as its CI system says, and only where it says so.

* GET /repos/{owner}/{repo}/actions/runs/{run_id}, with ``actions: read``. ``run_attempt`` is the newest attempt, and an
  attempt is begun when the one before it has ended: https://docs.github.com/rest/actions/workflow-runs
* GET {organization}/{project}/_apis/build/builds/{buildId}, with the job's access token:
  https://learn.microsoft.com/rest/api/azure/devops/build/builds/get

No token, no answer, a refusal or a run that is not found say nothing: the lease then stays until its time is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from toolkit.ci.runs import (
    AZURE_DEVOPS_API,
    AZURE_DEVOPS_TOKEN,
    GITHUB_API,
    GITHUB_TOKEN,
    AzurePipelinesBuild,
    GitHubRun,
    Run,
    parse,
)
from toolkit.environment import Vantage

if TYPE_CHECKING:
    from toolkit.firewall.model import Owner

_COMPLETED = "completed"


class Runs:
    """Asks from a place with the tokens of a process's environment; each run once."""

    def __init__(self, vantage: Vantage, environ: Mapping[str, str]) -> None:
        self._vantage = vantage
        self._environ = environ
        self._known: dict[str, str | None] = {}

    def ended(self, owner: Owner) -> str | None:
        """Why the owner is gone; None where it is not, and where nobody says."""
        if owner.run_url not in self._known:
            run = parse(owner.run_url)
            self._known[owner.run_url] = None if run is None else self._reason(run)
        return self._known[owner.run_url]

    def _reason(self, run: Run) -> str | None:
        match run:
            case GitHubRun():
                found = self._get(
                    GITHUB_API, f"/repos/{run.repository}/actions/runs/{run.id}", self._environ.get(GITHUB_TOKEN)
                )
                newest = found.get("run_attempt")
                if run.attempt and isinstance(newest, int) and newest > run.attempt:
                    return f"{run} has ended: attempt {newest} has begun"
                ended = found.get("status") == _COMPLETED and (not run.attempt or newest == run.attempt)
            case AzurePipelinesBuild():
                path = (
                    f"{run.collection.removeprefix(AZURE_DEVOPS_API)}{quote(run.project)}/_apis/build/builds/{run.id}"
                )
                found = self._get(AZURE_DEVOPS_API, f"{path}?api-version=7.1", self._environ.get(AZURE_DEVOPS_TOKEN))
                ended = found.get("status") == _COMPLETED
        return f"{run} has ended" if ended else None

    def _get(self, host: str, path: str, token: str | None) -> Mapping[str, Any]:
        """The answer; {} where there is none. The token goes to this host only: redirects are not followed."""
        from azure.core.exceptions import AzureError

        from toolkit.azure.pipeline import RestClient

        if not token:
            return {}
        headers = {"Authorization": f"Bearer {token.strip()}", "Accept": "application/json"}
        try:
            with RestClient(host, self._vantage) as client:
                return client.get(path, headers=headers)
        except AzureError:
            return {}
