"""A check that has nothing to prove says so, and one whose output is lost fails: each check, each of its outputs.

No check can read an output that its record does not name (Context.output refuses), so the records are the whole table.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.smoke.support import ManualClock, check, connection
from toolkit.checks.model import CheckResult, Facts
from toolkit.smoke.context import Context
from toolkit.smoke.features import FEATURES, feature_of
from toolkit.smoke.registry import CHECKS, select
from toolkit.smoke.run import run

# Something is there for every output; no check gets as far as looking at it.
EVERY = {name: {"value": "x"} for one in CHECKS for name in one.outputs}
WITH_ALL = {**EVERY, "features": dict.fromkeys(FEATURES, True)}
READS = [(one.id, name) for one in CHECKS for name in one.outputs]


def result_of(outputs: dict[str, Any], check_id: str) -> CheckResult:
    place = connection("internet", "vnet", "adf-managed")
    return run(place, outputs, select(ids=[check_id]), patience=0, clock=ManualClock()).results[0]


def test_every_check_reads_outputs() -> None:
    assert [one.id for one in CHECKS if not one.outputs] == []


@pytest.mark.parametrize("empty", [None, "", {}, []], ids=repr)
@pytest.mark.parametrize(("check_id", "name"), READS)
def test_a_lost_output_fails_every_check_that_reads_it(check_id: str, name: str, empty: object) -> None:
    lost = {key: value for key, value in WITH_ALL.items() if key != name}
    for outputs in (lost, {**WITH_ALL, name: empty}):
        result = result_of(outputs, check_id)
        assert (result.outcome, result.reason) == ("FAIL", f"the platform has no output {name!r}, or an empty one")
        assert result.hint


@pytest.mark.parametrize("features", [None, {}, "yes", {"batch": "no"}], ids=repr)
def test_outputs_that_do_not_say_what_the_environment_has_fail_the_checks_of_it(features: object) -> None:
    outputs = {**EVERY, "features": features}
    for one in CHECKS:
        if one.feature is not None:
            result = result_of(outputs, one.id)
            assert result.outcome == "FAIL"
            assert "the output 'features' does not say" in result.reason


@pytest.mark.parametrize("feature", FEATURES)
def test_what_the_environment_has_not_is_a_skip_that_nobody_has_to_allow(feature: str) -> None:
    without: dict[str, Any] = {name: value for name, value in EVERY.items() if feature_of(name) != feature}
    outputs = {**without, "features": {**dict.fromkeys(FEATURES, True), feature: False}}
    for one in CHECKS:
        if one.feature == feature:
            result = result_of(outputs, one.id)
            assert (result.outcome, result.red, result.requirement) == ("SKIP", False, f"feature:{feature}")
            assert FEATURES[feature][0] in result.reason
            assert "terraform.tfvars" in result.reason


@pytest.mark.parametrize("name", [name for name in EVERY if feature_of(name)])
def test_an_output_of_what_the_environment_has_not_is_a_failure(name: str) -> None:
    """posture-diagnostics and posture-alerts read them on the side."""
    others = {key: value for key, value in EVERY.items() if key == name or feature_of(key) != feature_of(name)}
    outputs = {**others, "features": {**dict.fromkeys(FEATURES, True), str(feature_of(name)): False}}
    beside = [one.id for one in CHECKS if name in one.outputs and one.feature is None]
    for check_id in beside:
        result = result_of(outputs, check_id)
        assert result.outcome == "FAIL"
        assert result.reason.startswith(f"the output {name!r} is there, although the environment has no ")


def test_a_check_cannot_read_what_its_record_does_not_name() -> None:
    def reads(context: Context) -> Facts:
        return {"id": context.output("storage_account_id")}

    outputs = {"storage_account_id": "/subscriptions/…"}
    result = run(connection(), outputs, [check(reads)], clock=ManualClock()).results[0]
    assert result.outcome == "FAIL"
    assert "reads the output 'storage_account_id', which its record does not name" in result.reason
