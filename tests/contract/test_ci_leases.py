"""Leases of CI runs: a sweep anywhere closes what a run left that has ended, as GitHub and Azure DevOps say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import TTL, Place, a_place, here, left_as_it_was
from toolkit.firewall.leases import Leases
from toolkit.firewall.owners import Runs
from toolkit.firewall.targets import owner
from toolkit.sandbox import client

pytestmark = pytest.mark.contract

GITHUB = {
    "GITHUB_RUN_ID": "4711",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_REPOSITORY": "example-org/ml-platform",
    "GITHUB_JOB": "train",
    "RUNNER_NAME": "GitHub Actions 1",
}
BUILD = {
    "BUILD_BUILDID": "815",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/example-org/",
    "SYSTEM_TEAMPROJECT": "ml-platform",
    "SYSTEM_JOBID": "12f1170f-54f2-53f3-20dd-22fc7dff55f9",
}


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


def sweeper(place: Place, environ: Mapping[str, str]) -> Leases:
    """On another machine, with the token that its own job has."""
    leases = place.leases()
    leases.folder = place.folder.parent / "elsewhere"
    leases.ended = Runs(place.sandbox.connection.vantages["internet"], environ).ended
    return leases


def swept(place: Place, environ: Mapping[str, str]) -> list[str]:
    return [closed.lease.id for closed in sweeper(place, environ).sweep()]


def test_what_a_run_of_github_left_is_closed_when_it_has_ended(place: Place) -> None:
    github = client.ensure_running(place.sandbox.connection.environment.project.root)
    lease = place.leases().open(owner(GITHUB, detached=True), here, TTL)
    other = owner({**GITHUB, "GITHUB_JOB": "test", "RUNNER_NAME": "GitHub Actions 2"}, detached=True)
    second = place.leases().open(other, here, TTL)
    assert lease.id != second.id
    running = github.github_run("example-org/ml-platform", "4711", "in_progress")
    elsewhere = github.github_run("example-org/another", "1", "completed")
    for environ in ({}, running, elsewhere, {"GITHUB_TOKEN": "a guess"}):
        assert swept(place, environ) == []
    assert not place.denied()
    # It is run again: the first attempt's leases are nobody's any more, the second's are its own.
    again = place.leases().open(owner({**GITHUB, "GITHUB_RUN_ATTEMPT": "2"}, detached=True), here, TTL)
    second_attempt = github.github_run("example-org/ml-platform", "4711", "in_progress", attempt=2)
    assert set(swept(place, second_attempt)) == {lease.id, second.id}
    assert not place.denied()
    ended = github.github_run("example-org/ml-platform", "4711", "completed", attempt=2)
    assert swept(place, ended) == [again.id]
    assert place.denied()
    for left in (lease, second, again):
        (place.folder / f"{left.id}.json").unlink()


def test_what_a_build_of_azure_pipelines_left_is_closed_when_it_has_ended(place: Place) -> None:
    azure = client.ensure_running(place.sandbox.connection.environment.project.root)
    lease = place.leases().open(owner(BUILD, detached=True), here, TTL)
    running = azure.azure_pipelines_build("example-org/ml-platform", "815", "inProgress")
    assert swept(place, running) == []
    ended = azure.azure_pipelines_build("example-org/ml-platform", "815", "completed")
    assert swept(place, {"GITHUB_TOKEN": ended["SYSTEM_ACCESSTOKEN"]}) == []
    assert swept(place, ended) == [lease.id]
    assert place.denied()
    (place.folder / f"{lease.id}.json").unlink()


def test_a_run_that_opens_a_lease_closes_what_another_left(place: Place) -> None:
    """Every open begins with a sweep."""
    azure = client.ensure_running(place.sandbox.connection.environment.project.root)
    left = place.leases().open(owner(BUILD, detached=True), here, TTL)
    token = azure.azure_pipelines_build("example-org/ml-platform", "815", "completed")
    opening = sweeper(place, token)
    mine = opening.open(owner({**BUILD, "BUILD_BUILDID": "816"}, detached=True), here, TTL)
    assert [lease.id for lease in opening.journal.read()] == [mine.id]
    opening.close(mine)
    (place.folder / f"{left.id}.json").unlink()
