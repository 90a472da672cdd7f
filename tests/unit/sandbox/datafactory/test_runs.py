"""Runs as a whole: parameters, system variables, concurrency, cancelling, and the sandbox's own death."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.datafactory.bench import FACTORY, Bench, Json, activity, after, ok, set_variable
from toolkit.sandbox.world import FactoryRefused

LONG = activity("Long", "Wait", {"waitTimeInSeconds": 3600})


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("String", "a", "a"), ("String", "", ""), ("Int", 5, 5), ("Int", "5", 5), ("Float", 1.5, 1.5), ("Float", 2, 2),
        ("Bool", True, True), ("Bool", "true", True), ("Array", [1], [1]), ("Array", "[1]", [1]),
        ("Object", {"a": 1}, {"a": 1}), ("Object", '{"a": 1}', {"a": 1}), ("SecureString", "s", "s"),
        ("string", "a", "a"),
    ],
)  # fmt: skip
def test_a_parameter_has_its_declared_type(bench: Bench, kind: str, given: Any, expected: Any) -> None:
    bench.pipeline(
        activity("Show", "Filter", {"items": "@createArray(pipeline().parameters.p)", "condition": "@equals(1, 1)"}),
        parameters={"p": {"type": kind}},
    )
    run = bench.carry_out(p=given)
    assert bench.activities(run)["Show"]["output"]["Value"] == [expected]
    assert run["parameters"]["p"] == ("********" if kind == "SecureString" else str(expected).replace("'", '"')
                                      if isinstance(expected, dict | list) else run["parameters"]["p"])  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "given", "sentence"),
    [
        ({"p": {"type": "String"}}, {}, "The pipeline parameter 'p' has no default value, and none was given"),
        ({"p": {"type": "Int"}}, {"p": "five"}, "The pipeline parameter 'p' is of type 'Int', and was given a str"),
        ({"p": {"type": "Int"}}, {"p": True}, "is of type 'Int', and was given a bool"),
        ({"p": {"type": "String"}}, {"p": 5}, "is of type 'String', and was given a int"),
        ({"p": {"type": "Array"}}, {"p": "{}"}, "is of type 'Array'"),
        ({"p": {"type": "Text"}}, {"p": "a"}, "has the type 'Text', which there is not"),
    ],
)
def test_a_wrong_parameter_begins_no_run(bench: Bench, declared: Json, given: Json, sentence: str) -> None:
    bench.pipeline(ok("A"), parameters=declared)
    with pytest.raises(FactoryRefused, match="ErrorCode=InvalidTemplate") as refused:
        bench.carry_out(**given)
    assert sentence in refused.value.message
    assert (refused.value.status, bench.engine.runs(FACTORY)) == (400, [])


def test_system_variables_and_global_parameters(bench: Bench) -> None:
    names = ("DataFactory", "Pipeline", "TriggerType", "TriggerName")
    text = "|".join(f"@{{pipeline().{name}}}" for name in names)
    bench.pipeline(
        set_variable("A", text + "|@{pipeline().globalParameters.environment}", variable="x"),
        set_variable("B", "@concat(pipeline().RunId, pipeline().GroupId, pipeline()?.TriggeredByPipelineRunId)", variable="x"),
        set_variable("C", "@{pipeline().TriggerTime}", variable="x"),
        variables={"x": {"type": "String"}},
    )  # fmt: skip
    run = bench.carry_out()
    made = bench.activities(run)
    assert made["A"]["output"]["value"] == "adf|main|Manual|Manual|test"
    assert made["B"]["output"]["value"] == run["runId"] * 2
    assert made["C"]["output"]["value"] == run["runStart"]


def test_concurrency_lets_the_oldest_go_first(bench: Bench) -> None:
    bench.pipeline(LONG, concurrency=1)

    async def scenario() -> None:
        runs = [bench.begin() for _ in range(3)]

        def statuses() -> list[str]:
            return [(bench.engine.run(FACTORY, run_id) or {})["status"] for run_id in runs]

        for at, expected in enumerate(
            (
                ["InProgress", "Queued", "Queued"],
                ["Succeeded", "InProgress", "Queued"],
                ["Succeeded", "Succeeded", "InProgress"],
            )
        ):
            await bench.until(lambda: statuses() == expected)  # noqa: B023
            await bench.until(lambda: bool(bench.engine.activity_runs(runs[at])))  # noqa: B023
            await bench.engine.clock.advance(3600)
        await bench.until(lambda: statuses() == ["Succeeded"] * 3)

    bench.run(scenario())


def test_a_cancelled_run_and_the_runs_that_it_waits_for(bench: Bench) -> None:
    bench.pipeline(LONG, name="inner")
    call = {"pipeline": {"referenceName": "inner", "type": "PipelineReference"}, "waitOnCompletion": True}
    bench.pipeline(activity("Call", "ExecutePipeline", call), ok("Next", dependsOn=after("Call")))

    async def scenario() -> list[Json]:
        run_id = bench.begin()
        await bench.until(lambda: len(bench.engine.runs(FACTORY)) == 2)
        bench.engine.cancel(FACTORY, run_id)
        assert (bench.engine.run(FACTORY, run_id) or {})["status"] == "Canceling"
        await bench.end(run_id)
        for run in bench.engine.runs(FACTORY):
            await bench.end(run["runId"])
        bench.engine.cancel(FACTORY, run_id)  # has ended: nothing happens
        return bench.engine.runs(FACTORY)

    runs = bench.run(scenario())
    assert [run["status"] for run in runs] == ["Cancelled", "Cancelled"]
    assert {activity["status"] for run in runs for activity in bench.engine.activity_runs(run["runId"])} == {
        "Cancelled"
    }


def test_what_a_killed_sandbox_left_has_failed_and_says_so(bench: Bench) -> None:
    """kill -9 leaves what the store holds; the next sandbox on it opens the engine."""
    bench.pipeline(LONG)

    async def begun() -> str:
        run_id = bench.begin()
        await bench.until(lambda: bool(bench.engine.activity_runs(run_id)))
        return run_id

    run_id = bench.run(begun())
    first = bench.engine
    bench.open()
    run = bench.engine.run(FACTORY, run_id) or {}
    assert (run["status"], run["message"]) == (
        "Failed", "SandboxStopped: The sandbox was stopped or killed while this run was under way.",
    )  # fmt: skip
    long = bench.activities(run)["Long"]
    assert (long["status"], long["error"]["errorCode"]) == ("Failed", "SandboxStopped")
    bench.run(first.close())


def test_a_sandbox_that_is_stopped_says_so_too(bench: Bench) -> None:
    bench.pipeline(LONG)

    async def scenario() -> Json:
        run_id = bench.begin()
        await bench.until(lambda: bool(bench.engine.activity_runs(run_id)))
        await bench.engine.close()
        return bench.engine.run(FACTORY, run_id) or {}

    assert bench.run(scenario())["message"].startswith("SandboxStopped: ")
