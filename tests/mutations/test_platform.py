"""Each mutation turns its named check red, for its cause, and nothing else but what its row allows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import copy_project
from tests.contract.smoke_platform import applied_platform
from tests.mutations.breaking import Broken, Mutation
from tests.mutations.platform_table import MUTATIONS, assert_seen
from toolkit.smoke.registry import CHECKS
from toolkit.smoke.run import run

pytestmark = [pytest.mark.contract, pytest.mark.slow]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    project = copy_project(tmp_path_factory.mktemp("mutations"))
    with applied_platform(project) as platform:
        yield Broken(platform)


@pytest.mark.parametrize("one", MUTATIONS, ids=lambda one: one.name)
def test_a_mutation_is_seen_by_its_check(broken: Broken, one: Mutation) -> None:
    assert_seen(broken, one)


def test_a_healthy_platform_is_green_ten_times(broken: Broken) -> None:
    """After all that: everything was put right again."""
    platform = broken.platform
    for _ in range(10):
        result = run(platform.connection, platform.outputs, CHECKS, patience=0)
        assert {each.check.id: each.reason for each in result.results if each.outcome == "FAIL"} == {}
        assert result.green


def test_an_identity_that_is_gone_is_missed_and_one_made_again_is_another(broken: Broken) -> None:
    """Last of all: nothing puts it back, since roles were given to the one before."""
    platform, one = broken.platform, broken.one("Microsoft.ManagedIdentity/userAssignedIdentities", "-batch-nodes")
    before = platform.call("GET", one.id, one.api_version)
    platform.call("DELETE", one.id, one.api_version)
    gone = platform.smoke("identity-exact")["identity-exact"]
    assert (gone.outcome, gone.cause) == ("FAIL", "absent"), gone.reason
    platform.call("PUT", one.id, one.api_version, {"location": before["location"], "tags": before.get("tags")})
    another = platform.smoke("identity-exact")["identity-exact"]
    assert (another.outcome, another.cause) == ("FAIL", "differs"), another.reason
    assert "principalId" in another.reason
