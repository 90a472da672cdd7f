"""Runs of CI systems: which one this process belongs to, and which one an address on the web names.

* https://docs.github.com/actions/reference/workflows-and-actions/variables
* https://learn.microsoft.com/azure/devops/pipelines/build/variables
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

GITHUB = "https://github.com"
AZURE_DEVOPS = "https://dev.azure.com"
GITHUB_API = "https://api.github.com"
AZURE_DEVOPS_API = AZURE_DEVOPS
# The variables with a job's token for these, where a workflow maps them.
GITHUB_TOKEN = "GITHUB_TOKEN"  # noqa: S105 (a variable's name)
AZURE_DEVOPS_TOKEN = "SYSTEM_ACCESSTOKEN"  # noqa: S105


@dataclass(frozen=True, slots=True)
class GitHubRun:
    """One attempt of a run; a run that is run again keeps its id. ``attempt`` is 0 where it is not said."""

    server: str
    repository: str
    id: str
    attempt: int = 0

    @property
    def url(self) -> str:
        attempt = f"/attempts/{self.attempt}" if self.attempt else ""
        return f"{self.server}/{self.repository}/actions/runs/{self.id}{attempt}"

    def __str__(self) -> str:
        return f"GitHub run {self.id}{f'.{self.attempt}' if self.attempt else ''} of {self.repository}"


@dataclass(frozen=True, slots=True)
class AzurePipelinesBuild:
    """A build keeps its id when jobs of it are run again."""

    collection: str  # ends in a slash, as SYSTEM_COLLECTIONURI does
    project: str
    id: str

    @property
    def url(self) -> str:
        return f"{self.collection}{quote(self.project)}/_build/results?buildId={self.id}"

    def __str__(self) -> str:
        return f"Azure Pipelines build {self.id} of {self.project}"


Run = GitHubRun | AzurePipelinesBuild


def run_of(environ: Mapping[str, str]) -> Run | None:
    """The run that this process belongs to."""
    if (run := environ.get("GITHUB_RUN_ID")) and (repository := environ.get("GITHUB_REPOSITORY")):
        attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
        return GitHubRun(
            environ.get("GITHUB_SERVER_URL", GITHUB), repository, run, int(attempt) if attempt.isdigit() else 0
        )
    if (build := environ.get("BUILD_BUILDID")) and (collection := environ.get("SYSTEM_COLLECTIONURI")):
        return AzurePipelinesBuild(f"{collection.rstrip('/')}/", environ.get("SYSTEM_TEAMPROJECT", ""), build)
    return None


def job_of(environ: Mapping[str, str]) -> str:
    """The job of the run, in words that no other job of it has; "" outside of one.

    Jobs of a matrix share GITHUB_JOB, and no two jobs are on a runner at once; SYSTEM_JOBID is that of one attempt of a
    job.
    """
    if job := environ.get("GITHUB_JOB"):
        return f"{job} on {environ.get('RUNNER_NAME', '?')}"
    if job := environ.get("SYSTEM_JOBID"):
        return f"{environ.get('SYSTEM_JOBNAME') or environ.get('AGENT_JOBNAME') or '?'} {job}"
    return ""


# The public services only: a token of either goes nowhere else.
_GITHUB = re.compile(rf"({GITHUB})/([\w.-]+/[\w.-]+)/actions/runs/(\d+)(?:/attempts/(\d+))?")
_BUILD = re.compile(
    r"https://(?:dev\.azure\.com/(?P<organisation>[\w.-]+)|(?P<older>[\w-]+)\.visualstudio\.com(?:/DefaultCollection)?)"
    r"/(?P<project>[^/?#]+)/_build/results\?buildId=(?P<id>\d+)"
)


def parse(url: str) -> Run | None:
    """The run of an address as ``url`` of one makes it; None for any other, and for other servers.

    Both addresses of an organisation of Azure DevOps are one place, and this is the newer one:
    https://learn.microsoft.com/azure/devops/extend/develop/work-with-urls
    """
    if found := _GITHUB.fullmatch(url):
        return GitHubRun(found[1], found[2], found[3], int(found[4] or 0))
    if found := _BUILD.fullmatch(url):
        organisation = found["organisation"] or found["older"]
        return AzurePipelinesBuild(f"{AZURE_DEVOPS}/{organisation}/", unquote(found["project"]), found["id"])
    return None
