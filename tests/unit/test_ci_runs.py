"""Which run a process belongs to, and what its system says of it; GitHub and Azure DevOps are the sandbox's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.unit.sandbox.front import Front, running_front
from toolkit.ci.runs import job_of, parse, run_of
from toolkit.environment import Vantage
from toolkit.firewall.model import Owner
from toolkit.firewall.owners import Runs
from toolkit.firewall.targets import owner
from toolkit.processes import ProcessId

GITHUB = {
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_JOB": "build",
    "RUNNER_NAME": "runner 3",
}
BUILD = {
    "BUILD_BUILDID": "9",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/",
    "SYSTEM_TEAMPROJECT": "ML platform",
    "SYSTEM_JOBID": "12f1170f-54f2-53f3-20dd-22fc7dff55f9",
    "AGENT_JOBNAME": "train",
}


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (GITHUB, "https://github.com/o/r/actions/runs/7/attempts/2"),
        ({**GITHUB, "GITHUB_RUN_ATTEMPT": ""}, "https://github.com/o/r/actions/runs/7"),
        (BUILD, "https://dev.azure.com/org/ML%20platform/_build/results?buildId=9"),
    ],
)
def test_a_run_is_found_again_by_its_address(environ: Mapping[str, str], url: str) -> None:
    run = run_of(environ)
    assert run is not None
    assert run.url == url
    assert parse(url) == run


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://github.example.com/o/r/actions/runs/7",
        "https://github.com.example.com/o/r/actions/runs/7",
        "https://github.com/o/r/actions/runs/7?x",
        "http://github.com/o/r/actions/runs/7",
        "https://dev.azure.com.example.com/org/p/_build/results?buildId=9",
        "https://tfs.example.com/org/p/_build/results?buildId=9",
    ],
)
def test_no_other_server_is_asked(url: str) -> None:
    assert parse(url) is None


def test_both_addresses_of_an_organisation_are_one() -> None:
    older = parse("https://org.visualstudio.com/p/_build/results?buildId=9")
    assert older == parse("https://dev.azure.com/org/p/_build/results?buildId=9")


def test_jobs_of_a_run_are_owners_of_their_own() -> None:
    assert run_of({}) is None
    assert job_of({}) == ""
    one, other = owner(GITHUB, detached=True), owner({**GITHUB, "RUNNER_NAME": "runner 4"}, detached=True)
    assert one.name == "GitHub run 7.2 of o/r, build on runner 3"
    assert one != other
    assert one == owner(GITHUB, detached=True)
    assert one != owner({**GITHUB, "GITHUB_RUN_ATTEMPT": "3"}, detached=True)
    assert owner(BUILD, detached=True) != owner({**BUILD, "SYSTEM_JOBID": "another"}, detached=True)
    assert owner({}, detached=True).run_url == ""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front") / "sandbox") as front:
        yield front


def reason(front: Front, environ: Mapping[str, str], url: str) -> str | None:
    place = Vantage("internet", front.vantages["internet"].settings)
    return Runs(place, environ).ended(Owner("somebody", "elsewhere", ProcessId(0, ""), url))


RUN = "https://github.com/o/r/actions/runs/7"
OF_BUILD = "https://dev.azure.com/org/ML%20platform/_build/results?buildId=9"


@pytest.mark.parametrize(
    ("status", "newest", "url", "said"),
    [
        ("in_progress", 1, RUN, None),
        ("waiting", 1, f"{RUN}/attempts/1", None),
        ("completed", 1, f"{RUN}/attempts/1", "GitHub run 7.1 of o/r has ended"),
        ("completed", 1, RUN, "GitHub run 7 of o/r has ended"),
        ("in_progress", 2, f"{RUN}/attempts/1", "GitHub run 7.1 of o/r has ended: attempt 2 has begun"),
        ("completed", 2, f"{RUN}/attempts/1", "GitHub run 7.1 of o/r has ended: attempt 2 has begun"),
        ("in_progress", 2, f"{RUN}/attempts/2", None),
        ("completed", 1, f"{RUN}/attempts/2", None),  # an answer that is older than the attempt
    ],
)
def test_a_run_of_github_has_ended(front: Front, status: str, newest: int, url: str, said: str | None) -> None:
    token = front.sandbox.github_run("o/r", "7", status, newest)
    assert reason(front, token, url) == said


@pytest.mark.parametrize(("status", "ended"), [("inProgress", False), ("cancelling", False), ("completed", True)])
def test_a_build_of_azure_pipelines_has_ended(front: Front, status: str, ended: bool) -> None:
    token = front.sandbox.azure_pipelines_build("org/ML platform", "9", status)
    assert reason(front, token, OF_BUILD) == ("Azure Pipelines build 9 of ML platform has ended" if ended else None)


def test_what_nobody_says_is_not_known(front: Front) -> None:
    github = front.sandbox.github_run("o/r", "7", "completed")
    azure = front.sandbox.azure_pipelines_build("org/ML platform", "9", "completed")
    elsewhere = front.sandbox.github_run("o/another", "7", "completed")
    assert reason(front, github, RUN) is not None
    assert reason(front, azure, OF_BUILD) is not None
    assert reason(front, {}, RUN) is None  # no token
    assert reason(front, {"GITHUB_TOKEN": "a guess"}, RUN) is None  # 401
    assert reason(front, elsewhere, RUN) is None  # 404
    assert reason(front, github, f"{RUN}1") is None  # 404
    assert reason(front, azure, f"{OF_BUILD}1") is None
    assert reason(front, {"SYSTEM_ACCESSTOKEN": "a guess"}, OF_BUILD) is None
    nobody = Vantage("internet", {"HTTPS_PROXY": "http://127.0.0.1:9"})
    assert Runs(nobody, github).ended(Owner("somebody", "elsewhere", ProcessId(0, ""), RUN)) is None


def test_each_token_goes_to_its_own_host_only(front: Front) -> None:
    log = front.paths.root / "logs" / "requests.jsonl"
    github = front.sandbox.github_run("o/r", "7", "completed")
    azure = front.sandbox.azure_pipelines_build("org/ML platform", "9", "completed")

    def asked(environ: Mapping[str, str], url: str) -> str:
        before = len(log.read_text())
        assert (reason(front, environ, url) is not None) == (environ in (github, azure))
        return log.read_text()[before:]

    assert "api.github.com" in asked(github, RUN)
    assert "dev.azure.com" in asked(azure, OF_BUILD)
    assert asked({**azure, "GITHUB_TOKEN": ""}, RUN) == ""
    assert asked({**github, "SYSTEM_ACCESSTOKEN": ""}, OF_BUILD) == ""
    # What one system's token would open at the other.
    asked({"GITHUB_TOKEN": azure["SYSTEM_ACCESSTOKEN"]}, RUN)
    asked({"SYSTEM_ACCESSTOKEN": github["GITHUB_TOKEN"]}, OF_BUILD)
    assert not [token for token in (*github.values(), *azure.values()) if token in log.read_text()]
