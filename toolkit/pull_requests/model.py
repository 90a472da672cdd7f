"""The pull request that a job belongs to, as its variables say.

* https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
  (``GITHUB_REF`` is ``refs/pull/N/merge``)
* https://learn.microsoft.com/azure/devops/pipelines/build/variables#system-variables
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.ci.provenance import ci_of
from toolkit.errors import UsageError

_REF = re.compile(r"refs/pull/(\d+)/(?:merge|head)")


@dataclass(frozen=True, slots=True)
class GitHubPullRequest:
    """``repository`` is ``owner/name``."""

    repository: str
    number: int

    def __str__(self) -> str:
        return f"pull request {self.number} of {self.repository}"


@dataclass(frozen=True, slots=True)
class AzureReposPullRequest:
    """``collection`` ends in a slash, as SYSTEM_COLLECTIONURI does; ``repository`` is its id."""

    collection: str
    project: str
    repository: str
    number: int

    def __str__(self) -> str:
        return f"pull request {self.number} of {self.project}"


PullRequest = GitHubPullRequest | AzureReposPullRequest


def pull_request_of(environ: Mapping[str, str]) -> PullRequest:
    """The pull request of this job. Raises UsageError where there is none, or none that its token could write to."""
    match ci_of(environ):
        case "github":
            found = _REF.fullmatch(environ.get("GITHUB_REF", ""))
            if found is None:
                raise _none(f"GITHUB_REF is {environ.get('GITHUB_REF') or 'not set'}")
            return GitHubPullRequest(environ["GITHUB_REPOSITORY"], int(found[1]))
        case "azure-devops":
            number = environ.get("SYSTEM_PULLREQUEST_PULLREQUESTID", "")
            if not number.isdigit():
                raise _none("SYSTEM_PULLREQUEST_PULLREQUESTID is not set")
            provider = environ.get("BUILD_REPOSITORY_PROVIDER", "TfsGit")
            if provider != "TfsGit":
                raise UsageError(
                    f"the pull request is of {provider}, which the token of Azure Pipelines cannot write to",
                    hint="set GITHUB_REPOSITORY, GITHUB_REF, GITHUB_TOKEN and GITHUB_ACTIONS=true for this step",
                )
            return AzureReposPullRequest(
                f"{environ['SYSTEM_COLLECTIONURI'].rstrip('/')}/",
                environ["SYSTEM_TEAMPROJECT"],
                environ["BUILD_REPOSITORY_ID"],
                int(number),
            )
        case None:
            raise _none("this is no job of GitHub Actions or Azure Pipelines")


def _none(why: str) -> UsageError:
    return UsageError(f"there is no pull request to write to: {why}", hint="use it in a job that a pull request starts")
