"""Writes the comment: the one that an earlier run made is updated.

* GET and POST /repos/{owner}/{repo}/issues/{number}/comments, PATCH /repos/{owner}/{repo}/issues/comments/{id}, with
  ``pull-requests: write``: https://docs.github.com/rest/issues/comments
* GET and POST {organization}/{project}/_apis/git/repositories/{id}/pullRequests/{number}/threads, PATCH
  …/threads/{id}/comments/{id}, with "Contribute to pull requests" for the build's identity:
  https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads

A request of a fork has a token that may only read: https://docs.github.com/actions/reference/security/securely-using-pull_request_target
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.rest import HttpRequest

from toolkit.azure.pipeline import RestClient
from toolkit.ci.runs import AZURE_DEVOPS, AZURE_DEVOPS_API, AZURE_DEVOPS_TOKEN, GITHUB_API, GITHUB_TOKEN
from toolkit.environment import Vantage
from toolkit.errors import ToolkitError, UsageError
from toolkit.pull_requests.fitting import marker
from toolkit.pull_requests.model import AzureReposPullRequest, GitHubPullRequest, PullRequest

_PAGE = 100
_PAGES = 30  # 3,000 comments: further back nobody looks either
_API_VERSION = "7.1"

Done = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Written:
    done: Done
    url: str


def write_comment(request: PullRequest, key: str, body: str, vantage: Vantage, environ: Mapping[str, str]) -> Written:
    """``body`` begins with the marker of ``key`` (:func:`toolkit.pull_requests.fitting.fitted`).

    Raises UsageError without a token, ToolkitError when the system refuses or nobody answers.
    """
    variable = GITHUB_TOKEN if isinstance(request, GitHubPullRequest) else AZURE_DEVOPS_TOKEN
    token = environ.get(variable, "").strip()
    if not token:
        raise UsageError(f"{variable} is not set: a comment needs the job's token", hint=_HINTS[variable])
    host = GITHUB_API if isinstance(request, GitHubPullRequest) else AZURE_DEVOPS_API
    with RestClient(host, vantage) as client:
        place = _place(request, _Client(client, host, token))
        try:
            found = next(place.ours(marker(key)), None)
            if found is None:
                return Written("created", place.create(body))
            if found.body == body:
                return Written("unchanged", found.url)
            return Written("updated", place.update(found, body))
        except HttpResponseError as error:
            # Never the error's own text: it may show the request, and so the token.
            raise ToolkitError(
                f"{host} refused the comment on {request}: {error.status_code} {error.reason or ''}".rstrip(),
                hint=_HINTS[variable] if error.status_code in (401, 403, 404) else "run the job again",
            ) from None
        except AzureError as error:
            raise ToolkitError(f"{host} does not answer: {error.message.splitlines()[0]}") from None


_HINTS = {
    GITHUB_TOKEN: "give the job `permissions: pull-requests: write` and the step `GITHUB_TOKEN: ${{ github.token }}`; "
    "the token of a fork's pull request may only read",
    AZURE_DEVOPS_TOKEN: "give the step `SYSTEM_ACCESSTOKEN: $(System.AccessToken)`, and the project's build service "
    '"Contribute to pull requests" on the repository',
}


@dataclass(frozen=True, slots=True)
class _Comment:
    path: str
    body: str
    url: str


class _Client:
    def __init__(self, client: RestClient, host: str, token: str) -> None:
        self._client = client
        self._host = host
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        response = self._client.send_request(HttpRequest(method, self._host + path, headers=self._headers, json=body))
        response.raise_for_status()
        return response.json()


class _GitHub:
    def __init__(self, request: GitHubPullRequest, client: _Client) -> None:
        self._issues = f"/repos/{request.repository}/issues"
        self._comments = f"{self._issues}/{request.number}/comments"
        self._client = client

    def ours(self, first: str) -> Iterator[_Comment]:
        for page in range(1, _PAGES + 1):
            found = self._client.send("GET", f"{self._comments}?per_page={_PAGE}&page={page}")
            for one in found:
                # GitHub keeps line ends as they were sent, and its own editor sends \r\n.
                body = str(one.get("body") or "").replace("\r\n", "\n")
                if body.startswith(first):
                    yield _Comment(f"{self._issues}/comments/{one['id']}", body, one["html_url"])
            if len(found) < _PAGE:
                return

    def create(self, body: str) -> str:
        return str(self._client.send("POST", self._comments, {"body": body})["html_url"])

    def update(self, comment: _Comment, body: str) -> str:
        return str(self._client.send("PATCH", comment.path, {"body": body})["html_url"])


class _AzureRepos:
    def __init__(self, request: AzureReposPullRequest, client: _Client) -> None:
        collection = request.collection.removeprefix(AZURE_DEVOPS)
        project = quote(request.project)
        self._threads = (
            f"{collection}{project}/_apis/git/repositories/{request.repository}/pullRequests/{request.number}/threads"
        )
        self._page = f"{request.collection}{project}/_git/{request.repository}/pullrequest/{request.number}"
        self._client = client

    def ours(self, first: str) -> Iterator[_Comment]:
        for thread in self._client.send("GET", self._path())["value"]:
            for one in thread.get("comments") or []:
                body = str(one.get("content") or "").replace("\r\n", "\n")
                if body.startswith(first) and not one.get("isDeleted") and not thread.get("isDeleted"):
                    path = self._path(f"/{thread['id']}/comments/{one['id']}")
                    yield _Comment(path, body, self._url(thread["id"]))

    def create(self, body: str) -> str:
        comment = {"parentCommentId": 0, "content": body, "commentType": "text"}
        # "closed": a policy that wants every thread resolved would hold the pull request otherwise.
        thread = self._client.send("POST", self._path(), {"comments": [comment], "status": "closed"})
        return self._url(thread["id"])

    def update(self, comment: _Comment, body: str) -> str:
        self._client.send("PATCH", comment.path, {"content": body})
        return comment.url

    def _path(self, more: str = "") -> str:
        return f"{self._threads}{more}?api-version={_API_VERSION}"

    def _url(self, thread: int) -> str:
        return f"{self._page}?discussionId={thread}"


def _place(request: PullRequest, client: _Client) -> _GitHub | _AzureRepos:
    if isinstance(request, GitHubPullRequest):
        return _GitHub(request, client)
    return _AzureRepos(request, client)
