"""Activities that steer: dependencies, the run's own result, branches, loops, variables."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.unit.sandbox.datafactory.bench import (
    FACTORY,
    Bench,
    Json,
    activity,
    after,
    append,
    expression,
    fail,
    ok,
    set_variable,
)

STRINGS = {"log": {"type": "Array"}, "x": {"type": "String"}, "n": {"type": "Integer"}, "b": {"type": "Boolean"}}

# https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling: each way of handling an error,
# the activities that have a run, and the pipeline's result.
RESULTS: list[tuple[str, list[Json], list[tuple[str, str]], str]] = [
    ("all succeed", [ok("A"), ok("B", dependsOn=after("A"))], [("A", "Succeeded"), ("B", "Succeeded")], "Succeeded"),
    ("a failure ends a branch", [fail("A"), ok("B", dependsOn=after("A"))], [("A", "Failed")], "Failed"),
    (
        "try catch: the handler ran, and is the only leaf",
        [fail("A"), ok("Handler", dependsOn=after("A", on="Failed"))],
        [("A", "Failed"), ("Handler", "Succeeded")],
        "Succeeded",
    ),
    (
        "try catch without a failure: the skipped leaf's parent counts",
        [ok("A"), ok("Handler", dependsOn=after("A", on="Failed"))],
        [("A", "Succeeded")],
        "Succeeded",
    ),
    (
        "do if else: the skipped success path's parent failed",
        [fail("A"), ok("Good", dependsOn=after("A")), ok("Bad", dependsOn=after("A", on="Failed"))],
        [("A", "Failed"), ("Bad", "Succeeded")],
        "Failed",
    ),
    (
        "do if skip else: the next activity runs after a skipped handler",
        [
            ok("A"),
            ok("Handler", dependsOn=after("A", on="Failed")),
            ok("Next", dependsOn=after("Handler", on="Skipped")),
        ],
        [("A", "Succeeded"), ("Next", "Succeeded")],
        "Succeeded",
    ),
    (
        "completion: either way",
        [fail("A"), ok("Next", dependsOn=after("A", on="Completed"))],
        [("A", "Failed"), ("Next", "Succeeded")],
        "Succeeded",
    ),
    (
        "completion is not met by a skipped one",
        [fail("A"), ok("B", dependsOn=after("A")), ok("C", dependsOn=after("B", on="Completed"))],
        [("A", "Failed")],
        "Failed",
    ),
    (
        "two dependencies: both must hold",
        [ok("A"), fail("B"), ok("C", dependsOn=after("A", "B"))],
        [("A", "Succeeded"), ("B", "Failed")],
        "Failed",
    ),
    (
        "several conditions on one: any of them",
        [fail("A"), ok("B", dependsOn=[{"activity": "A", "dependencyConditions": ["Succeeded", "Failed"]}])],
        [("A", "Failed"), ("B", "Succeeded")],
        "Succeeded",
    ),
    (
        "the handler fails, too",
        [fail("A"), fail("Handler", dependsOn=after("A", on="Failed"))],
        [("A", "Failed"), ("Handler", "Failed")],
        "Failed",
    ),
]


@pytest.mark.parametrize(("_case", "activities", "runs", "result"), RESULTS, ids=[row[0] for row in RESULTS])
def test_dependencies_and_the_runs_own_result(
    bench: Bench, _case: str, activities: list[Json], runs: list[tuple[str, str]], result: str
) -> None:
    bench.pipeline(*activities)
    run = bench.carry_out()
    assert run["status"] == result
    assert sorted(bench.statuses(run)) == sorted(runs)
    if result == "Failed":
        assert run["message"].startswith("Operation on target ")
        assert run["message"].endswith(" failed: broken")


def test_an_activity_that_is_switched_off_counts_as_it_says(bench: Bench) -> None:
    bench.pipeline(fail("A", state="Inactive", onInactiveMarkAs="Succeeded"), ok("B", dependsOn=after("A")))
    run = bench.carry_out()
    assert (run["status"], bench.statuses(run)) == ("Succeeded", [("A", "Inactive"), ("B", "Succeeded")])


@pytest.mark.parametrize(
    ("activities", "sentence"),
    [
        ([ok("A", dependsOn=after("B")), ok("B", dependsOn=after("A"))], "The activities A, B depend on each other."),
        ([ok("A", dependsOn=after("None"))], "The activity 'None' that is depended on is not here."),
    ],
)
def test_dependencies_that_cannot_be_met_fail_the_run(bench: Bench, activities: list[Json], sentence: str) -> None:
    bench.pipeline(*activities)
    run = bench.carry_out()
    assert (run["status"], run["message"]) == ("Failed", f"ErrorCode=BadRequest, ErrorMessage={sentence}")


def test_variables_keep_what_was_set_and_are_never_null(bench: Bench) -> None:
    seen = "@concat('<', variables('x'), '|', string(variables('n')), '|', string(variables('b')), '|', string(variables('log')), '>')"
    bench.pipeline(
        set_variable("First", seen, variable="x"),
        set_variable("Number", expression("@add(variables('n'), 2)"), variable="n", dependsOn=after("First")),
        append("Append", "log", expression("@variables('n')"), dependsOn=after("Number")),
        set_variable("Second", seen, variable="x", dependsOn=after("Append")),
        variables=STRINGS,
    )
    run = bench.carry_out()
    made = bench.activities(run)
    assert run["status"] == "Succeeded", run["message"]
    assert made["First"]["output"] == {"name": "x", "value": "<|0|False|[]>"}
    assert made["Second"]["output"]["value"] == "<<|0|False|[]>|2|False|[2]>"


@pytest.mark.parametrize(
    ("made", "code", "sentence"),
    [
        (set_variable("A", 5, variable="x"), "InvalidTemplate", "cannot be initialized or updated with value of type 'Integer'"),
        (set_variable("A", None, variable="x"), "InvalidTemplate", "value of type 'Null'"),
        (set_variable("A", "a", variable="none"), "BadRequest", "The variable 'none' is not defined in the pipeline 'main'."),
        (append("A", "x", "a"), "BadRequest", "is no array"),
        (set_variable("A", "@variables('x').y", variable="x"), "InvalidTemplate", "property 'y' cannot be selected"),
        (set_variable("A", "@conct('x')", variable="x"), "InvalidTemplate", "did you mean 'concat'?"),
        (activity("A", "Wait", {"waitTimeInSeconds": "soon"}), "2111", "The type of the property 'waitTimeInSeconds' is incorrect"),
        (activity("A", "IfCondition", {"expression": "@pipeline().RunId"}), "InvalidTemplate", "must be an expression whose value is a boolean"),
        (activity("A", "ForEach", {"items": "@json('{}')"}), "InvalidTemplate", "The function 'length' expects its parameter to be an array or a string. The provided value is of type 'Object'."),
        (activity("A", "ForEach", {"items": "@range(0,3)", "batchCount": 51}), "2111", "an integer from 1 to 50"),
        (activity("A", "Custom"), "2103", "Please provide value for the required property 'command'."),
        (activity("A", "AzureMLExecutePipeline"), "SandboxNotModelled", "AzureMLExecutePipeline"),
        (activity("A", "DatabricksNotebook"), "SandboxNotModelled", "activities of type 'DatabricksNotebook'"),
    ],
)  # fmt: skip
def test_what_an_activity_refuses(bench: Bench, made: Json, code: str, sentence: str) -> None:
    bench.pipeline(made, variables=STRINGS)
    run = bench.carry_out()
    error = bench.activities(run)["A"]["error"]
    assert run["status"] == "Failed"
    assert (error["errorCode"], error["target"]) == (code, "A")
    assert sentence in error["message"]
    assert run["message"] == f"Operation on target A failed: {error['message']}"


def test_fail_says_what_it_was_told(bench: Bench) -> None:
    bench.pipeline(
        fail("A", expression("@concat('no ', pipeline().parameters.what)"), expression("@string(403)")),
        set_variable("B", "@activity('A').error.message", variable="x", dependsOn=after("A", on="Failed")),
        parameters={"what": {"type": "String"}},
        variables=STRINGS,
    )
    run = bench.carry_out(what="luck")
    made = bench.activities(run)
    assert made["A"]["error"] | {"details": ""} == {
        "errorCode": "403", "message": "no luck", "failureType": "UserError", "target": "A", "details": "",
    }  # fmt: skip
    assert made["B"]["output"]["value"] == "no luck"


@pytest.mark.parametrize(("value", "expected"), [(True, ["yes"]), (False, ["no"])])
def test_if_runs_one_branch(bench: Bench, value: bool, expected: list[str]) -> None:
    bench.pipeline(
        activity("If", "IfCondition", {
            "expression": expression("@pipeline().parameters.p"),
            "ifTrueActivities": [append("Yes", "log", "yes")],
            "ifFalseActivities": [append("No", "log", "no")],
        }),
        set_variable("End", "@string(variables('log'))", variable="x", dependsOn=after("If")),
        parameters={"p": {"type": "Bool"}}, variables=STRINGS,
    )  # fmt: skip
    run = bench.carry_out(p=value)
    assert bench.activities(run)["End"]["output"]["value"] == str(expected).replace("'", '"')
    assert bench.activities(run)["If"]["output"] == {"expressionResult": value}


@pytest.mark.parametrize(("on", "expected"), [("a", "A"), ("b", "B"), ("A", "Default"), ("", "Default")])
def test_switch_runs_the_case_or_the_default(bench: Bench, on: str, expected: str) -> None:
    bench.pipeline(
        activity("Switch", "Switch", {
            "on": expression("@pipeline().parameters.p"),
            "cases": [{"value": "a", "activities": [ok("A")]}, {"value": "b", "activities": [ok("B")]}],
            "defaultActivities": [ok("Default")],
        }),
        parameters={"p": {"type": "String"}},
    )  # fmt: skip
    assert bench.statuses(bench.carry_out(p=on)) == [("Switch", "Succeeded"), (expected, "Succeeded")]


def test_a_failure_inside_is_the_containers_failure(bench: Bench) -> None:
    bench.pipeline(activity("If", "IfCondition", {"expression": "@equals(1, 1)", "ifTrueActivities": [fail("Inner")]}))
    run = bench.carry_out()
    sentence = "Activity failed because an inner activity failed; Inner activity name: Inner, Error: broken"
    assert bench.activities(run)["If"]["error"]["message"] == sentence
    assert run["message"] == f"Operation on target If failed: {sentence}"


def test_what_is_inside_is_not_named_from_outside(bench: Bench) -> None:
    bench.pipeline(
        activity("If", "IfCondition", {"expression": "@equals(1, 1)", "ifTrueActivities": [ok("Inner")]}),
        set_variable("Out", "@activity('Inner').status", variable="x", dependsOn=after("If")),
        variables=STRINGS,
    )
    assert "the activity 'Inner' has not run" in bench.carry_out()["message"]


def test_for_each_goes_through_the_items_in_order(bench: Bench) -> None:
    bench.pipeline(
        ok("Before"),
        activity("Each", "ForEach", {
            "items": expression("@pipeline().parameters.items"), "isSequential": True,
            "activities": [
                append("One", "log", expression("@concat(item().name, ':', activity('Before').status)")),
                activity("Wait", "Wait", {"waitTimeInSeconds": expression("@item().wait")}, dependsOn=after("One")),
                append("Two", "log", expression("@item().name"), dependsOn=after("Wait")),
            ],
        }, dependsOn=after("Before")),
        set_variable("End", "@join(variables('log'), ',')", variable="x", dependsOn=after("Each")),
        parameters={"items": {"type": "Array"}}, variables=STRINGS,
    )  # fmt: skip
    run = bench.carry_out(items=[{"name": "a", "wait": 0}, {"name": "b", "wait": 0}])
    assert bench.activities(run)["End"]["output"]["value"] == "a:Succeeded,a,b:Succeeded,b"
    hashes = [one["iterationHash"] for one in bench.engine.activity_runs(run["runId"]) if one["activityName"] == "One"]
    assert len(set(hashes)) == 2


@pytest.mark.parametrize(("batch", "most"), [(None, 20), (1, 1), (3, 3)])
def test_for_each_runs_so_many_at_once(bench: Bench, batch: int | None, most: int) -> None:
    bench.pipeline(
        activity("Each", "ForEach", {
            "items": "@range(0, 30)", **({} if batch is None else {"batchCount": batch}),
            "activities": [activity("Inner", "Wait", {"waitTimeInSeconds": 600})],
        })
    )  # fmt: skip

    async def scenario() -> list[Json]:
        run_id = bench.begin()

        def inner() -> list[Json]:
            return [one for one in bench.engine.activity_runs(run_id) if one["activityName"] == "Inner"]

        def under_way(begun: int, at_once: int) -> bool:
            return len(inner()) == begun and [one["status"] for one in inner()].count("InProgress") == at_once

        for ended in range(0, 30, most):
            begun = min(ended + most, 30)
            await bench.until(partial(under_way, begun, begun - ended))
            await bench.engine.clock.advance(600)
        await bench.end(run_id)
        return inner()

    runs = bench.run(scenario())
    began = [one["activityRunStart"] for one in runs]
    assert len(began) == 30
    assert most == max(sum(one["activityRunStart"] <= at < one["activityRunEnd"] for one in runs) for at in began)


def test_for_each_carries_on_and_fails_when_an_item_failed(bench: Bench) -> None:
    bench.pipeline(
        activity("Each", "ForEach", {
            "items": "@range(0, 3)", "isSequential": True,
            "activities": [
                activity("If", "IfCondition", {
                    "expression": "@equals(item(), 1)", "ifTrueActivities": [fail("Bad", "item @{item()}")],
                }),
            ],
        })
    )  # fmt: skip
    run = bench.carry_out()
    assert [status for name, status in bench.statuses(run) if name == "If"] == ["Succeeded", "Failed", "Succeeded"]
    assert run["message"].endswith("Inner activity name: Bad, Error: item 1")


def test_a_nested_loop_through_a_pipeline_has_its_own_item(bench: Bench) -> None:
    bench.pipeline(
        activity("Each", "ForEach", {"items": "@pipeline().parameters.items", "isSequential": True, "activities": [
            append("Add", "log", expression("@concat(pipeline().parameters.outer, item())")),
        ]}),
        activity("Return", "SetVariable", {
            "variableName": "pipelineReturnValue", "setSystemVariable": True,
            "value": [{"key": "all", "value": {"type": "Expression", "content": "@join(variables('log'), ',')"}},
                      {"key": "count", "value": {"type": "Int", "content": 2}},
                      {"key": "nothing", "value": {"type": "Null"}}],
        }, dependsOn=after("Each")),
        name="inner", parameters={"outer": {"type": "String"}, "items": {"type": "Array"}}, variables=STRINGS,
    )  # fmt: skip
    bench.pipeline(
        activity("Each", "ForEach", {"items": "@createArray('x', 'y')", "isSequential": True, "activities": [
            activity("Call", "ExecutePipeline", {
                "pipeline": {"type": "PipelineReference", "referenceName": "inner"}, "waitOnCompletion": True,
                "parameters": {"outer": expression("@item()"), "items": expression("@createArray('1', '2')")},
            }),
            append("Keep", "log", expression("@activity('Call').output.pipelineReturnValue.all"), dependsOn=after("Call")),
        ]}),
        set_variable("End", "@join(variables('log'), ';')", variable="x", dependsOn=after("Each")),
        variables=STRINGS,
    )  # fmt: skip
    run = bench.carry_out()
    assert bench.activities(run)["End"]["output"]["value"] == "x1,x2;y1,y2"
    children = [one for one in bench.engine.runs(FACTORY) if one["pipelineName"] == "inner"]
    child = min(children, key=lambda one: one["runStart"])
    assert child["invokedBy"] == {"id": run["runId"], "name": "main", "invokedByType": "PipelineActivity"}
    assert child["pipelineReturnValue"] == {"all": "x1,x2", "count": 2, "nothing": None}


def test_a_called_pipelines_failure_is_told_up(bench: Bench) -> None:
    bench.pipeline(fail("Deep", "the end"), name="inner")
    call = {"pipeline": {"type": "PipelineReference", "referenceName": "inner"}}
    bench.pipeline(activity("Call", "ExecutePipeline", {**call, "waitOnCompletion": True}))
    run = bench.carry_out()
    assert run["message"] == "Operation on target Call failed: Operation on target Deep failed: the end"
    bench.pipeline(activity("Call", "ExecutePipeline", call))
    assert bench.carry_out()["status"] == "Succeeded"  # nobody waits


def test_until_ends_when_its_expression_holds(bench: Bench) -> None:
    bench.pipeline(
        activity("Loop", "Until", {
            "expression": expression("@greaterOrEquals(activity('Count').output.value, 3)"), "timeout": "0.01:00:00",
            "activities": [set_variable("Count", expression("@add(variables('n'), 1)"), variable="n")],
        }),
        set_variable("End", "@string(variables('n'))", variable="x", dependsOn=after("Loop")),
        variables=STRINGS,
    )  # fmt: skip
    run = bench.carry_out()
    assert bench.activities(run)["End"]["output"]["value"] == "3", run["message"]


def test_until_fails_at_its_timeout(bench: Bench) -> None:
    bench.pipeline(
        activity("Loop", "Until", {
            "expression": "@equals(1, 2)", "timeout": "00:10:00",
            "activities": [activity("Pause", "Wait", {"waitTimeInSeconds": 300})],
        })
    )  # fmt: skip

    async def scenario() -> Any:
        run_id = bench.begin()
        return await bench.pass_time(run_id, 100)

    assert bench.run(scenario())["message"].endswith("The loop did not end within its timeout of 600 seconds.")


def test_filter_keeps_what_fulfils_its_condition(bench: Bench) -> None:
    bench.pipeline(
        activity("Filter", "Filter", {"items": "@createArray(1, 2, 3)", "condition": "@greater(item(), 1)"}),
    )
    assert bench.activities(bench.carry_out())["Filter"]["output"] == {
        "ItemsCount": 3, "FilteredItemsCount": 2, "Value": [2, 3],
    }  # fmt: skip


def test_a_hundred_activities_one_after_the_other(bench: Bench) -> None:
    bench.pipeline(*(ok(f"A{at}", dependsOn=after(f"A{at - 1}") if at else []) for at in range(100)))
    run = bench.carry_out()
    assert [status for _, status in bench.statuses(run)] == ["Succeeded"] * 100
