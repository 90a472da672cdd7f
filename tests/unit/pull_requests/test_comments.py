"""One comment for each subject on a pull request; GitHub and Azure DevOps are the sandbox's, asked by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sandbox.front import Front, running_front
from toolkit.cli.main import cli
from toolkit.environment import Vantage
from toolkit.errors import ToolkitError, UsageError
from toolkit.pull_requests.comments import write_comment
from toolkit.pull_requests.fitting import LIMIT, fitted, marker
from toolkit.pull_requests.model import AzureReposPullRequest, GitHubPullRequest, pull_request_of

OF_GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_REF": "refs/pull/12/merge",
    "GITHUB_RUN_ID": "7",
}
OF_AZURE = {
    "TF_BUILD": "True",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "12",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/",
    "SYSTEM_TEAMPROJECT": "ML platform",
    "BUILD_REPOSITORY_ID": "0f6d4c9e-6f0a-4f9b-9d6e-6c0a4a8a3f11",
    "BUILD_BUILDID": "9",
}
IN_AZURE = AzureReposPullRequest("https://dev.azure.com/org/", "ML platform", OF_AZURE["BUILD_REPOSITORY_ID"], 12)
MORE = "All of it is elsewhere."


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front") / "sandbox") as front:
        yield front


def job(front: Front, system: str, number: int) -> dict[str, str]:
    """A job's variables on a pull request of its own."""
    if system == "github":
        token = front.sandbox.github_run("o/r", "7", "in_progress")
        return {**OF_GITHUB, **token, "GITHUB_REF": f"refs/pull/{number}/merge"}
    token = front.sandbox.azure_pipelines_build("org/ML platform", "9", "inProgress")
    return {**OF_AZURE, **token, "SYSTEM_PULLREQUEST_PULLREQUESTID": str(number)}


def comment(front: Front, environ: Mapping[str, str], key: str, text: str, folder: Path) -> tuple[str, str]:
    """What the command did, and where."""
    file = folder / "plan.md"
    file.write_text(text, encoding="utf-8")
    settings = front.vantages["internet"].settings
    cleared = dict.fromkeys(("TF_BUILD", "GITHUB_ACTIONS", "GITHUB_TOKEN", "SYSTEM_ACCESSTOKEN"))
    ran = CliRunner().invoke(
        cli, ["ci", "comment", "--key", key, "--json", str(file)],
        env={**cleared, **settings, **environ}, catch_exceptions=False, standalone_mode=False,
    )  # fmt: skip
    assert ran.return_value == 0, ran.output
    answer = json.loads(ran.stdout)
    return answer["comment"], answer["url"]


@pytest.mark.parametrize("system", ["github", "azure-devops"])
def test_one_comment_for_each_key_is_updated_and_not_repeated(front: Front, system: str, tmp_path: Path) -> None:
    environ = job(front, system, 12)
    created, url = comment(front, environ, "plan-dev", "first", tmp_path)
    assert created == "created"
    assert comment(front, environ, "plan-test", "first", tmp_path) != ("updated", url)
    assert comment(front, environ, "plan-dev", "first", tmp_path) == ("unchanged", url)
    assert comment(front, environ, "plan-dev", "second", tmp_path) == ("updated", url)
    elsewhere = job(front, system, 13)
    assert comment(front, elsewhere, "plan-dev", "second", tmp_path)[0] == "created"


def test_a_comment_is_found_behind_a_hundred_others(front: Front, tmp_path: Path) -> None:
    environ = job(front, "github", 14)
    _, url = comment(front, environ, "first", "first", tmp_path)
    for number in range(101):
        place = Vantage("internet", front.vantages["internet"].settings)
        write_comment(GitHubPullRequest("o/r", 14), f"k{number}", fitted(f"k{number}", "x", MORE), place, environ)
    assert comment(front, environ, "k100", "again", tmp_path)[0] == "updated"
    assert comment(front, environ, "first", "again", tmp_path) == ("updated", url)


@pytest.mark.parametrize(
    ("request_", "environ", "error", "said"),
    [
        (GitHubPullRequest("o/r", 1), {}, UsageError, "GITHUB_TOKEN is not set"),
        (GitHubPullRequest("o/r", 1), {"GITHUB_TOKEN": "a-guess"}, ToolkitError, "401"),
        (IN_AZURE, {}, UsageError, "SYSTEM_ACCESSTOKEN"),
        (IN_AZURE, {"SYSTEM_ACCESSTOKEN": "a-guess"}, ToolkitError, "401"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_the_job_lacks(
    front: Front, request_: GitHubPullRequest | AzureReposPullRequest, environ: dict[str, str],
    error: type[ToolkitError], said: str,
) -> None:  # fmt: skip
    place = Vantage("internet", front.vantages["internet"].settings)
    with pytest.raises(error, match=said) as raised:
        write_comment(request_, "plan", fitted("plan", "x", MORE), place, environ)
    assert "a-guess" not in f"{raised.value} {raised.value.hint}"
    assert raised.value.hint is not None
    assert "write" in raised.value.hint or "Contribute" in raised.value.hint


def test_another_repository_s_token_writes_nothing(front: Front) -> None:
    environ = front.sandbox.github_run("o/another", "7", "in_progress")
    place = Vantage("internet", front.vantages["internet"].settings)
    with pytest.raises(ToolkitError, match="404"):
        write_comment(GitHubPullRequest("o/r", 1), "plan", fitted("plan", "x", MORE), place, environ)


def test_nobody_answers(front: Front) -> None:
    nobody = Vantage("nowhere", {"HTTPS_PROXY": "http://127.0.0.1:9"})
    with pytest.raises(ToolkitError, match=r"api.github.com does not answer"):
        write_comment(GitHubPullRequest("o/r", 1), "plan", fitted("plan", "x", MORE), nobody, {"GITHUB_TOKEN": "x"})


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "no job of"),
        ({**OF_GITHUB, "GITHUB_REF": "refs/heads/main"}, "GITHUB_REF is refs/heads/main"),
        ({**OF_AZURE, "SYSTEM_PULLREQUEST_PULLREQUESTID": ""}, "SYSTEM_PULLREQUEST_PULLREQUESTID is not set"),
        ({**OF_AZURE, "BUILD_REPOSITORY_PROVIDER": "GitHub"}, "of GitHub, which the token"),
    ],
)
def test_without_a_pull_request_it_says_why(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        pull_request_of(environ)


def test_the_job_s_own_pull_request() -> None:
    assert pull_request_of(OF_GITHUB) == GitHubPullRequest("o/r", 12)
    assert pull_request_of(OF_AZURE) == IN_AZURE


LINES = st.lists(
    st.sampled_from(["text 🧱", "```", "<details><summary>module</summary>", "", "</details>", "| a | b |", "x" * 300])
)


@given(lines=LINES, limit=st.integers(min_value=400, max_value=1500))
def test_what_does_not_fit_is_cut_where_markdown_holds(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    body = fitted("plan-dev", text, MORE, limit)
    assert len(body.encode("utf-16-le")) // 2 <= limit
    assert body.startswith(marker("plan-dev") + "\n")
    if body == f"{marker('plan-dev')}\n{text}":
        return
    assert body.endswith(f"lines are left out here.** {MORE}\n")
    kept = body.removeprefix(marker("plan-dev") + "\n").split("\n**")[0].split("\n")
    assert sum(line.startswith("```") for line in kept) % 2 == 0


def test_a_plan_of_any_size_is_taken(front: Front, tmp_path: Path) -> None:
    text = "<details><summary>storage</summary>\n\n" + "| `module.storage` | changed |\n" * 20_000 + "\n</details>\n"
    assert len(text) > LIMIT
    assert comment(front, job(front, "github", 15), "plan-dev", text, tmp_path)[0] == "created"


@pytest.mark.parametrize("key", ["", "Plan", "a b", "a-->", "x" * 64])
def test_a_key_that_could_end_the_marker_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="key"):
        marker(key)
