"""Tumbling windows: which there are, when they run, what they wait for, and how they end."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.sandbox.datafactory.bench import FACTORY, Bench, Json, activity, fail, ok
from toolkit.sandbox.world import FactoryRefused

SELF, OTHER = "SelfDependencyTumblingWindowTriggerReference", "TumblingWindowTriggerDependencyReference"
LONG = activity("Long", "Wait", {"waitTimeInSeconds": 600})


def on(trigger: str, **more: str) -> Json:
    return {"type": OTHER, "referenceTrigger": {"type": "TriggerReference", "referenceName": trigger}, **more}


def window(bench: Bench, trigger: str = "windows", pipeline: str = "main", **more: Any) -> datetime:
    """A trigger whose windows of an hour began three and a half hours ago; the answer is when."""
    begin = datetime.fromtimestamp(int(bench.engine.clock.now()), UTC) - timedelta(hours=3, minutes=30)
    properties = {"frequency": "Hour", "interval": 1, "startTime": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "maxConcurrency": 50}
    reference = {
        "pipelineReference": {"type": "PipelineReference", "referenceName": pipeline},
        "parameters": {"from": "@trigger().outputs.windowStartTime", "to": "@{trigger().outputs.windowEndTime}"},
    }
    bench.entity(
        f"triggers/{trigger}",
        {
            "type": "TumblingWindowTrigger",
            "runtimeState": "Started",
            "pipeline": reference,
            "typeProperties": {**properties, **more},
        },
    )
    return begin


WINDOWED: Json = {"parameters": {"from": {"type": "String"}, "to": {"type": "String"}}}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, 3),
        ({"delay": "00:45:00"}, 2),
        ({"interval": 2}, 1),
        ({"maxConcurrency": 2}, 2),
        ({"frequency": "Month"}, 0),
    ],
)
def test_windows_follow_each_other_from_the_start_on(bench: Bench, more: Json, expected: int) -> None:
    bench.pipeline(activity("Long", "Wait", {"waitTimeInSeconds": 360_000}), **WINDOWED)
    begin = window(bench, **more)

    async def scenario() -> None:
        await bench.engine.advance(0)
        await bench.engine.advance(1)

    bench.run(scenario())
    runs = sorted(bench.engine.runs(FACTORY), key=lambda run: run["parameters"]["from"])
    width = timedelta(hours=more.get("interval", 1))
    assert [run["parameters"]["from"] for run in runs] == [
        f"{begin + at * width:%Y-%m-%dT%H:%M:%SZ}" for at in range(expected)
    ]
    assert [run["parameters"]["to"] for run in runs[:-1]] == [run["parameters"]["from"] for run in runs[1:]]
    assert {run["invokedBy"]["invokedByType"] for run in runs} <= {"TumblingWindowTrigger"}


def test_a_window_waits_for_its_place_and_none_is_lost(bench: Bench) -> None:
    bench.pipeline(ok("A"), **WINDOWED)
    window(bench, maxConcurrency=1)

    async def scenario() -> None:
        for _ in range(6):
            await bench.engine.advance(1)
            for run in bench.engine.runs(FACTORY):
                await bench.end(run["runId"])

    bench.run(scenario())
    runs = bench.engine.runs(FACTORY)
    assert len({run["parameters"]["from"] for run in runs}) == len(runs) == 3
    assert {run["status"] for run in runs} == {"Succeeded"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"frequency": "Day"}, "the frequency is 'Day', not one of Minute, Hour, Month"),
        ({"maxConcurrency": 51}, "maxConcurrency is '51'"),
        ({"frequency": "Minute", "interval": 4}, "the interval is 4 minutes, and a window has at least 5"),
        ({"retryPolicy": {"count": "many"}}, "the retryPolicy's count is 'many', not a whole number from 0 on"),
        ({"retryPolicy": {"count": 1, "intervalInSeconds": 5}}, "is '5', not a whole number from 30 to 86400"),
        ({"delay": "soon"}, "the delay is 'soon', not a time"),
        ({"dependsOn": [{"type": "Other"}]}, "dependsOn has the type 'Other'"),
        ({"dependsOn": [{"type": SELF}]}, "the offset of a dependency on itself is 'None', not a negative time"),
        ({"dependsOn": [{"type": SELF, "offset": "01:00:00"}]}, "is '01:00:00', not a negative time"),
        ({"dependsOn": [{"type": SELF, "offset": "-01:00:00", "size": "00:00:00"}]}, "not a positive time"),
        ({"dependsOn": [on(f"t{at}") for at in range(6)]}, "it depends on more than 5 other triggers"),
        ({"startTime": "soon"}, "the startTime is 'soon'"),
    ],
)
def test_a_trigger_that_cannot_fire_says_so_once(bench: Bench, more: Json, sentence: str) -> None:
    window(bench, **more)

    async def scenario() -> None:
        for _ in range(3):
            await bench.engine.advance(1)

    bench.run(scenario())
    (fired,) = bench.engine.trigger_runs(FACTORY)
    assert fired["status"] == "Failed"
    assert sentence in fired["message"]


class Story:
    """What has become of the windows, told by hours since the first began."""

    def __init__(self, bench: Bench, begin: datetime, trigger: str = "windows") -> None:
        self.bench, self.begin, self.trigger = bench, begin, trigger

    def runs(self) -> list[Json]:
        found = [run for run in self.bench.engine.trigger_runs(FACTORY) if run["triggerName"] == self.trigger]
        return sorted(found, key=lambda run: (run["properties"]["windowStartTime"], run["triggerRunTimestamp"]))

    def statuses(self) -> list[str]:
        return [run["status"] for run in self.runs()]

    async def becomes(self, *expected: str, step: float = 1) -> None:
        """The windows' statuses, while the clock goes on."""
        while self.statuses() != list(expected):
            await self.bench.engine.advance(step)
            await asyncio.sleep(0)

    def resource(self) -> Any:
        return self.bench.store.get(f"{FACTORY}/triggers/{self.trigger}")


def test_a_window_runs_and_has_its_pipelines_result(bench: Bench) -> None:
    bench.pipeline(fail("Bad", "no luck"), **WINDOWED)
    story = Story(bench, window(bench, maxConcurrency=1))
    seen: list[list[str]] = []

    async def scenario() -> None:
        await bench.engine.advance(0)
        seen.append(story.statuses())
        await story.becomes("Failed", "Failed", "Failed")

    bench.run(scenario())
    assert seen == [["Running", "Waiting", "Waiting"]]
    (first, *_) = story.runs()
    assert first["message"] == "Operation on target Bad failed: no luck"
    assert bench.engine.run(FACTORY, first["triggeredPipelines"]["main"])["status"] == "Failed"  # type: ignore[index]


@pytest.mark.parametrize(("count", "attempts"), [(0, 1), (2, 3)])
def test_a_window_is_tried_again_as_its_policy_says(bench: Bench, count: int, attempts: int) -> None:
    bench.pipeline(fail("Bad"), **WINDOWED)
    policy = {"count": count, "intervalInSeconds": 60}
    story = Story(bench, window(bench, interval=3, retryPolicy=policy))

    async def scenario() -> None:
        await story.becomes("Failed")

    bench.run(scenario())
    runs = sorted(bench.engine.runs(FACTORY), key=lambda run: run["runStart"])
    assert len(runs) == attempts
    assert len({str(run["parameters"]) for run in runs}) == 1, "the same window each time"
    starts = [datetime.fromisoformat(run["runStart"]) for run in runs]
    assert all(later - earlier >= timedelta(seconds=60) for earlier, later in itertools.pairwise(starts))
    assert story.runs()[0]["triggeredPipelines"]["main"] == runs[-1]["runId"]


def test_a_second_attempt_that_succeeds_makes_the_window_succeed(bench: Bench) -> None:
    bench.pipeline(fail("Bad"), **WINDOWED)
    story = Story(bench, window(bench, interval=3, retryPolicy={"count": 1}))

    async def scenario() -> None:
        await bench.engine.advance(0)
        await bench.end(bench.engine.runs(FACTORY)[0]["runId"])
        bench.pipeline(ok("Good"), **WINDOWED)
        await story.becomes("Succeeded")

    bench.run(scenario())
    assert [run["status"] for run in bench.engine.runs(FACTORY)].count("Failed") == 1


def test_a_window_waits_for_the_one_before_it(bench: Bench) -> None:
    bench.pipeline(ok("A"), **WINDOWED)
    story = Story(bench, window(bench, dependsOn=[{"type": SELF, "offset": "-01:00:00", "size": "01:00:00"}]))

    async def scenario() -> list[str]:
        await bench.engine.advance(0)
        seen = story.statuses()
        await story.becomes("Succeeded", "Succeeded", "Succeeded")
        return seen

    assert bench.run(scenario()) == ["Running", "WaitingOnDependency", "WaitingOnDependency"]
    runs = sorted(bench.engine.runs(FACTORY), key=lambda run: run["parameters"]["from"])
    assert all(earlier["runEnd"] <= later["runStart"] for earlier, later in itertools.pairwise(runs))
    told = story.runs()[1]["dependencyStatus"]["windows"]
    assert told == {
        "status": "Succeeded",
        "windowStartTime": story.runs()[0]["properties"]["windowStartTime"],
        "windowEndTime": story.runs()[0]["properties"]["windowEndTime"],
    }


def test_a_failed_window_holds_up_the_next_until_it_is_rerun(bench: Bench) -> None:
    bench.pipeline(fail("Bad"), **WINDOWED)
    story = Story(bench, window(bench, dependsOn=[{"type": SELF, "offset": "-01:00:00"}]))

    async def scenario() -> None:
        await story.becomes("Failed", "WaitingOnDependency", "WaitingOnDependency")
        first, second, _ = story.runs()
        assert second["dependencyStatus"]["windows"]["status"] == "Failed"
        with pytest.raises(FactoryRefused, match="has not ended"):
            bench.engine.rerun_trigger(story.resource(), second["triggerRunId"])
        bench.pipeline(ok("Good"), **WINDOWED)
        bench.engine.rerun_trigger(story.resource(), first["triggerRunId"])
        await story.becomes("Failed", "Succeeded", "Succeeded", "Succeeded")

    bench.run(scenario())
    first, again, *_ = story.runs()
    assert first["properties"]["windowStartTime"] == again["properties"]["windowStartTime"]


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        ({}, 1),  # the same hour
        ({"offset": "-01:00:00"}, 1),
        ({"offset": "-01:00:00", "size": "02:00:00"}, 2),
        ({"offset": "00:30:00"}, 2),  # half of one, half of the next
        ({"offset": "-3.00:00:00"}, 0),  # before its time: nothing to wait for
    ],
)
def test_a_window_waits_for_those_of_another_trigger(bench: Bench, more: Json, needed: int) -> None:
    """Of the last of three windows: how many of the other trigger's it needs."""
    bench.pipeline(ok("A"), **WINDOWED)
    bench.pipeline(ok("B"), name="first", **WINDOWED)
    begin = window(bench, "upstream", "first", maxConcurrency=50)
    upstream = bench.store.get(f"{FACTORY}/triggers/upstream")
    assert upstream is not None
    upstream.properties["runtimeState"] = "Stopped"
    bench.store.put(upstream)
    first, last = (f"{begin + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (2, 3))
    window(bench, dependsOn=[on("upstream", **more)], startTime=first, endTime=last)
    story = Story(bench, begin)

    async def scenario() -> str:
        await bench.engine.advance(0)
        (before,) = story.statuses()
        upstream.properties["runtimeState"] = "Started"
        bench.store.put(upstream)
        await story.becomes("Succeeded", step=60)
        return before

    assert bench.run(scenario()) == ("WaitingOnDependency" if needed else "Running")
    runs = bench.engine.runs(FACTORY)
    (main,) = [run for run in runs if run["pipelineName"] == "main"]
    told = story.runs()[0]["dependencyStatus"]["upstream"]
    waited = [
        run
        for run in runs
        if run["pipelineName"] == "first"
        and run["parameters"]["from"] < told["windowEndTime"]
        and run["parameters"]["to"] > told["windowStartTime"]
    ]
    assert len(waited) == needed
    assert all(run["runEnd"] <= main["runStart"] for run in waited)


def test_what_is_waited_for_in_vain_fails_after_seven_days(bench: Bench) -> None:
    bench.pipeline(ok("A"), **WINDOWED)
    begin = window(bench, interval=3, dependsOn=[on("nowhere")])
    story = Story(bench, begin)

    async def scenario() -> None:
        await bench.engine.advance(0)
        assert story.statuses() == ["WaitingOnDependency"]
        stopped = story.resource()
        stopped.properties["typeProperties"]["endTime"] = f"{begin + timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
        bench.store.put(stopped)
        await bench.engine.advance(7 * 86400 - 60)
        assert story.statuses() == ["WaitingOnDependency"]
        await bench.engine.advance(120)

    bench.run(scenario())
    assert story.statuses() == ["Failed"]
    assert "did not succeed within 7 days" in story.runs()[0]["message"]


def test_windows_are_cancelled_whether_they_wait_or_run(bench: Bench) -> None:
    bench.pipeline(LONG, **WINDOWED)
    story = Story(bench, window(bench, maxConcurrency=1, retryPolicy={"count": 3}))

    async def scenario() -> None:
        await bench.engine.advance(0)
        first, second, _ = story.runs()
        run_id = first["triggeredPipelines"]["main"]
        await bench.until(lambda: bool(bench.engine.activity_runs(run_id)))
        for run in (first, second):
            bench.engine.cancel_trigger(story.resource(), run["triggerRunId"])
        assert story.statuses()[:2] == ["Running", "Cancelled"]
        assert (await bench.end(run_id))["status"] == "Cancelled"
        await bench.engine.advance(0)
        assert story.statuses() == ["Cancelled", "Cancelled", "Running"]
        bench.engine.rerun_trigger(story.resource(), second["triggerRunId"])
        assert story.statuses()[1:3] == ["Cancelled", "Waiting"]

    bench.run(scenario())


def test_a_trigger_that_is_stopped_begins_no_window_and_the_one_under_way_ends(bench: Bench) -> None:
    bench.pipeline(LONG, **WINDOWED)
    story = Story(bench, window(bench, maxConcurrency=1))

    async def scenario() -> None:
        await bench.engine.advance(0)
        stopped = story.resource()
        stopped.properties["runtimeState"] = "Stopped"
        bench.store.put(stopped)
        await story.becomes("Succeeded", "Waiting", "Waiting", step=300)

    bench.run(scenario())


def test_a_deleted_trigger_takes_its_windows_along(bench: Bench) -> None:
    bench.pipeline(ok("A"), **WINDOWED)
    story = Story(bench, window(bench))

    async def scenario() -> None:
        await story.becomes("Succeeded", "Succeeded", "Succeeded")
        bench.store.delete(f"{FACTORY}/triggers/windows")
        await bench.engine.advance(0)
        window(bench)
        await story.becomes(*["Succeeded"] * 6)

    bench.run(scenario())


@pytest.mark.parametrize("ask", ["rerun_trigger", "cancel_trigger"])
def test_only_the_triggers_own_windows_are_rerun_and_cancelled(bench: Bench, ask: str) -> None:
    bench.pipeline(ok("A"), **WINDOWED)
    story = Story(bench, window(bench))
    with pytest.raises(FactoryRefused, match="404 TriggerRunNotFound"):
        getattr(bench.engine, ask)(story.resource(), "nothing")
