"""Reruns: with the parameters of a run before, from an activity, or from what failed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.datafactory.bench import (
    FACTORY,
    Bench,
    Json,
    activity,
    after,
    expression,
    ok,
    set_variable,
    web,
)
from toolkit.sandbox.world import FactoryRefused, Rerun

STRINGS = {"x": {"type": "String"}}


def call(name: str, host: str, *parents: str, on: str = "Succeeded", **more: Any) -> Json:
    return web(name, f"https://{host}.example/", dependsOn=after(*parents, on=on), **more)


def serve(bench: Bench, *hosts: str) -> None:
    for host in hosts:
        bench.web.answers(f"{host}.example", {"from": host})


def asked(bench: Bench) -> list[str]:
    """Who was asked since the last time."""
    seen = [one.url.removeprefix("https://").partition(".")[0] for one in bench.web.seen]
    bench.web.seen.clear()
    return sorted(seen)


def again(
    bench: Bench, before: Json, activity: str | None = None, *, failed: bool = True, recovery: bool = True
) -> Json:
    pipeline = bench.store.get(f"{FACTORY}/pipelines/{before['pipelineName']}")
    factory = bench.store.get(FACTORY)
    assert pipeline is not None
    assert factory is not None
    rerun = Rerun(before["runId"], recovery, activity, failed and activity is None and recovery)

    async def scenario() -> Json:
        return await bench.end(bench.engine.create_run(factory, pipeline, {}, rerun))

    return bench.run(scenario())


def line(bench: Bench) -> Json:
    """A -> B -> C, and D beside them; B's host is not there at first."""
    serve(bench, "a", "c", "d")
    bench.pipeline(
        call("A", "a"), call("B", "b", "A"), call("C", "c", "B"), call("D", "d"),
        set_variable("S", expression("@concat(activity('A').output.from, pipeline().parameters.p)"), variable="x", dependsOn=after("C")),
        parameters={"p": {"type": "Int"}, "q": {"type": "Bool"}}, variables=STRINGS,
    )  # fmt: skip
    run = bench.carry_out(p=4, q=True)
    assert (run["status"], asked(bench)) == ("Failed", ["a", "d"])
    return run


def test_from_what_failed_the_rest_is_taken_from_the_run_before(bench: Bench) -> None:
    before = line(bench)
    serve(bench, "b")
    run = again(bench, before)
    assert (run["status"], asked(bench)) == ("Succeeded", ["b", "c"])
    made = bench.activities(run)
    assert made["S"]["output"]["value"] == "a4"
    assert [(made[name]["status"], made[name]["recoveryStatus"]) for name in "ABCD"] == [
        ("Skipped", "Recovered"), ("Succeeded", "None"), ("Succeeded", "None"), ("Skipped", "Recovered"),
    ]  # fmt: skip
    assert run["runGroupId"] == before["runGroupId"] == before["runId"]
    assert [one["isLatest"] for one in bench.engine.runs(FACTORY) if one["runId"] == before["runId"]] == [False]
    assert run["isLatest"]
    assert run["parameters"] == before["parameters"]


def test_a_rerun_is_rerun(bench: Bench) -> None:
    second = again(bench, line(bench))
    assert (second["status"], asked(bench)) == ("Failed", [])
    serve(bench, "b")
    third = again(bench, second)
    assert (third["status"], asked(bench), third["runGroupId"]) == ("Succeeded", ["b", "c"], second["runGroupId"])


@pytest.mark.parametrize(("start", "expected"), [("A", "abc"), ("B", "bc"), ("C", "c"), ("D", "d"), ("S", "")])
def test_from_an_activity_it_and_what_follows_are_run(bench: Bench, start: str, expected: str) -> None:
    before = line(bench)
    serve(bench, "b")
    first = again(bench, before, failed=False)
    assert (first["status"], asked(bench)) == ("Succeeded", ["a", "b", "c", "d"]), "recovery mode alone runs everything"
    run = again(bench, first, start)
    assert (run["status"], asked(bench)) == ("Succeeded", list(expected))


def test_without_recovery_it_is_a_run_of_its_own(bench: Bench) -> None:
    before = line(bench)
    serve(bench, "b")
    run = again(bench, before, recovery=False)
    assert (run["status"], asked(bench)) == ("Succeeded", ["a", "b", "c", "d"])
    assert run["parameters"] == before["parameters"]
    assert run["runGroupId"] == run["runId"]
    assert all(one["isLatest"] for one in bench.engine.runs(FACTORY))


def test_containers_are_evaluated_again_and_skip_what_succeeded_in_them(bench: Bench) -> None:
    serve(bench, "in-1", "in-3", "last")
    one = web("One", expression("@concat('https://in-', string(item()), '.example/')"))
    bench.pipeline(
        activity("Each", "ForEach", {"items": "@createArray(1, 2, 3)", "activities": [one, {**call("Last", "last"), "dependsOn": after("One")}]}),
        activity("If", "IfCondition", {"expression": "@equals(1, 1)", "ifTrueActivities": [call("Then", "in-1")]}),
    )  # fmt: skip
    before = bench.carry_out()
    assert asked(bench) == ["in-1", "in-1", "in-3", "last", "last"]
    serve(bench, "in-2")
    run = again(bench, before)
    assert (run["status"], asked(bench)) == ("Succeeded", ["in-2", "last"])


def test_a_container_behind_what_failed_runs_whole(bench: Bench) -> None:
    serve(bench, "in")
    inner = {"expression": "@equals(1, 1)", "ifTrueActivities": [call("Then", "in")]}
    bench.pipeline(call("A", "a"), activity("If", "IfCondition", inner, dependsOn=after("A", on="Completed")))
    before = bench.carry_out()
    assert (before["status"], asked(bench)) == ("Succeeded", ["in"])
    serve(bench, "a")
    assert (again(bench, before)["status"], asked(bench)) == ("Succeeded", ["a", "in"])


def test_a_called_pipeline_is_rerun_from_what_failed_in_it(bench: Bench) -> None:
    serve(bench, "a", "c")
    bench.pipeline(call("A", "a"), call("B", "b", "A"), name="inner")
    reference = {"pipeline": {"type": "PipelineReference", "referenceName": "inner"}, "waitOnCompletion": True}
    bench.pipeline(activity("Call", "ExecutePipeline", reference), call("C", "c", "Call"))
    before = bench.carry_out()
    assert (before["status"], asked(bench)) == ("Failed", ["a"])
    serve(bench, "b")
    run = again(bench, before)
    assert (run["status"], asked(bench)) == ("Succeeded", ["b", "c"])


def test_what_was_secure_is_fetched_again(bench: Bench) -> None:
    serve(bench, "secret")
    bench.pipeline(
        call("Token", "secret", policy={"secureOutput": True}),
        call("B", "b", "Token"),
        set_variable("S", expression("@activity('Token').output.from"), variable="x", dependsOn=after("B")),
        variables=STRINGS,
    )
    before = bench.carry_out()
    asked(bench)
    serve(bench, "b")
    run = again(bench, before)
    assert (run["status"], asked(bench)) == ("Succeeded", ["b", "secret"])


def test_what_is_no_rerun(bench: Bench) -> None:
    bench.pipeline(ok("A"), name="other")
    other = bench.carry_out("other")
    bench.pipeline(ok("A"), parameters={"p": {"type": "SecureString"}})
    run = bench.carry_out(p="s3cret")
    for before, start, sentence in (
        ({**run, "runId": "nothing"}, None, "400 BadRequest: The referenced pipeline run 'nothing' could not be found"),
        ({**run, "runId": other["runId"]}, None, "is one of 'other', not of 'main'"),
        (run, "Nobody", "has no activity 'Nobody' to start from"),
        (run, None, "501 NotImplemented: The sandbox keeps no secure parameters"),
    ):
        with pytest.raises(FactoryRefused, match=sentence):
            again(bench, before, start)
    bench.pipeline(activity("Long", "Wait", {"waitTimeInSeconds": 3600}))

    async def begun() -> str:
        return bench.begin()

    with pytest.raises(FactoryRefused, match="has not ended"):
        again(bench, {**run, "runId": bench.run(begun())})
