"""Every link of the runtime contract, broken on its own: the proof is red and names that link. Healthy it is green."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import copy_project
from tests.contract.smoke_platform import Platform, applied_platform
from tests.mutations.runtime_links import MUTATIONS, SAMPLE, assert_red, left_behind, no_retries, prove

pytestmark = [pytest.mark.contract, pytest.mark.slow]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    project = copy_project(tmp_path_factory.mktemp("links"))
    with applied_platform(project) as platform, no_retries(platform):
        yield platform


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_link_is_named(platform: Platform, name: str) -> None:
    assert_red(platform, name)


def test_healthy_it_is_green_after_all_that(platform: Platform) -> None:
    result = prove(platform)
    assert result.outcome == "PASS", result.reason
    assert left_behind(platform) == []


def test_every_link_is_broken_by_something() -> None:
    assert {link.split()[-1] for _, link in MUTATIONS.values()} == {
        *("registered", "pointer", "activity", "returned", "parameter", "submitted", "job", "log"),
        *("run", "pointer-after", "production"),
    }
    assert set(SAMPLE) < set(MUTATIONS)
