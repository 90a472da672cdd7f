"""A healthy platform is green, whatever Azure takes and whatever goes wrong for a moment, on both majors of azapi."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import copy_project
from tests.contract.smoke_platform import Platform, applied_platform
from tests.e2e.providers import MIRRORS, mirror
from toolkit.sandbox import client
from toolkit.smoke.registry import CHECKS
from toolkit.smoke.run import run

pytestmark = [pytest.mark.contract, pytest.mark.slow]

TIMES = 10
# Throttling, a service that restarts, and a connection that is reset, at every kind of host that a check asks.
KINDS = ("throttled", "unavailable", "broken")
HOSTS = (
    *(r"//management\.azure\.com/", r"//login\.microsoftonline\.com/", r"\.blob\.core\.", r"\.dfs\.core\."),
    *(r"\.(queue|table|file)\.core\.", r"\.vault\.azure\.net", r"\.azurecr\.io", r"\.batch\.azure\.com"),
    *(r"\.azurewebsites\.net", r"\.api\.azureml\.ms"),
)


def faults(number: int) -> list[dict[str, Any]]:
    """At other requests in each run: the first ones pass."""
    return [
        {"kind": kind, "url": host, "skip": (number * 3 + place * 5) % 17, "times": 1}
        for host in HOSTS
        for place, kind in enumerate(KINDS)
    ]


@pytest.fixture(scope="module", params=MIRRORS)
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    project = copy_project(tmp_path_factory.mktemp(f"healthy-{request.param}"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in mirror(request.param).items():
            patch.setenv(name, value)
        with applied_platform(project) as platform:
            yield platform


@pytest.mark.parametrize("profile", ["instant", "realistic"])
def test_green_ten_times_with_and_without_faults(
    platform: Platform, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = client.ensure_running(platform.project)
    sandbox.set_profile(profile, 0.0 if profile == "instant" else 1.0)
    seconds, happened = [], 0
    for number in range(TIMES):
        sandbox.order_faults(*(faults(number) if number % 2 else ()))
        started = time.monotonic()
        result = run(platform.connection, platform.outputs, CHECKS)
        seconds.append(time.monotonic() - started)
        happened += sum(sandbox.faults_happened())
        assert {one.check.id: one.reason for one in result.results if one.outcome == "FAIL"} == {}, f"run {number}"
        assert result.holds(), result.summary
    sandbox.order_faults()
    with capsys.disabled():
        print(f"\n{profile}: {result.summary}, {TIMES} times, {max(seconds):.0f} s at most; {happened} faults")
    assert happened > TIMES
