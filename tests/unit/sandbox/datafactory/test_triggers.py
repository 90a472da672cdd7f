"""Schedule triggers: when they fire, and what they begin. Windows are in test_windows.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.sandbox.datafactory.bench import FACTORY, Bench, Json, ok, set_variable
from toolkit.sandbox.datafactory.recurrence import BadRecurrence, Recurrence

START = "2026-03-02T08:15:00Z"  # a Monday


def of(frequency: str, interval: int = 1, start: str = START, **more: Any) -> Json:
    return {"frequency": frequency, "interval": interval, "startTime": start, **more}


# https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger: (recurrence, from when, its next times)
NEXT: list[tuple[str, Json, str, list[str]]] = [
    ("every 15 minutes", of("Minute", 15), "2026-03-02T08:20", ["02T08:30", "02T08:45", "02T09:00"]),
    ("not before its start", of("Minute", 15), "2026-03-01T00:00", ["02T08:15", "02T08:30"]),
    ("not after its end", of("Hour", endTime="2026-03-02T09:30:00Z"), "2026-03-02T08:00", ["02T08:15", "02T09:15"]),
    ("every 2 hours", of("Hour", 2), "2026-03-02T08:15", ["02T10:15", "02T12:15"]),
    ("hours at minutes", of("Hour", schedule={"minutes": [0, 30]}), "2026-03-02T09:00", ["02T09:30", "02T10:00"]),
    ("every day", of("Day"), "2026-03-02T08:15", ["03T08:15", "04T08:15"]),
    ("every third day", of("Day", 3), "2026-03-02T09:00", ["05T08:15", "08T08:15"]),
    ("days at hours and minutes", of("Day", schedule={"hours": [6, 18], "minutes": [0, 45]}), "2026-03-03T00:00", ["03T06:00", "03T06:45", "03T18:00", "03T18:45"]),
    ("every week", of("Week"), "2026-03-02T09:00", ["09T08:15", "16T08:15"]),
    ("days of the week", of("Week", schedule={"weekDays": ["Tuesday", "Friday"], "hours": [7], "minutes": [0]}), "2026-03-02T09:00", ["03T07:00", "06T07:00", "10T07:00"]),
    ("every other week", of("Week", 2, schedule={"weekDays": ["Wednesday"]}), "2026-03-02T09:00", ["04T08:15", "18T08:15"]),
    ("days of the month", of("Month", schedule={"monthDays": [1, 15, -1]}), "2026-03-02T09:00", ["15T08:15", "31T08:15", "01T08:15"]),
    ("the second Monday", of("Month", schedule={"monthlyOccurrences": [{"day": "Monday", "occurrence": 2}]}), "2026-03-02T09:00", ["09T08:15", "13T08:15"]),
    ("the last Friday", of("Month", schedule={"monthlyOccurrences": [{"day": "friday", "occurrence": -1}]}), "2026-03-02T09:00", ["27T08:15", "24T08:15"]),
    ("a day that a month lacks", of("Month", start="2026-01-31T00:00:00Z"), "2026-02-01T00:00", ["31T00:00"]),
    ("in summer an hour earlier in UTC", of("Day", start="2026-03-28T08:00:00", timeZone="W. Europe Standard Time"), "2026-03-28T00:00", ["28T07:00", "29T06:00"]),
    ("a time that the clocks skip", of("Day", start="2026-03-28T02:30:00", timeZone="W. Europe Standard Time"), "2026-03-28T00:00", ["28T01:30", "30T00:30"]),
]  # fmt: skip


@pytest.mark.parametrize(("recurrence", "after", "expected"), [row[1:] for row in NEXT], ids=[row[0] for row in NEXT])
def test_when_it_fires(recurrence: Json, after: str, expected: list[str]) -> None:
    begin = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = Recurrence(recurrence).between(begin, begin + timedelta(days=100))
    assert [f"{moment:%dT%H:%M}" for moment in found[: len(expected)]] == expected


def test_looking_often_or_seldom_finds_the_same() -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    for _, given, _, _ in NEXT:
        recurrence = Recurrence(given)
        at_once = recurrence.between(begin, begin + timedelta(days=40))
        step = timedelta(hours=7)
        often = [
            moment for at in range(138) for moment in recurrence.between(begin + at * step, begin + (at + 1) * step)
        ]
        assert often[: len(at_once)] == at_once


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (of("Year"), "the frequency is 'Year'"),
        (of("Day", 0), "the interval is '0'"),
        (of("Day", start="soon"), "the startTime is 'soon'"),
        (of("Day", timeZone="Pacific"), "there is no time zone 'Pacific'"),
        (of("Week", schedule={"weekDays": ["Someday"]}), "'Someday' is no day of the week"),
        (of("Day", schedule={"hours": [24]}), "the schedule's hours are \\[24\\], not numbers from 0 to 23"),
    ],
)
def test_what_is_no_recurrence(given: Json, sentence: str) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(BadRecurrence, match=sentence):
        Recurrence(given).between(begin, begin + timedelta(days=40))


def trigger(bench: Bench, name: str, state: str = "Started", **more: Any) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    properties = {
        "type": "ScheduleTrigger",
        "runtimeState": state,
        "typeProperties": {"recurrence": of("Hour", start=f"{now - timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}")},
        "pipelines": [
            {
                "pipelineReference": {"type": "PipelineReference", "referenceName": "main"},
                "parameters": {"when": "@trigger().scheduledTime", "by": "@trigger().name"},
            }
        ],
        **more,
    }
    bench.entity(f"triggers/{name}", properties)


def test_it_begins_its_pipelines_as_the_clock_goes_on(bench: Bench) -> None:
    bench.pipeline(
        set_variable("A", "@{pipeline().parameters.when}|@{pipeline().TriggerName}|@{pipeline().TriggerType}", variable="x"),
        parameters={"when": {"type": "String"}, "by": {"type": "String"}}, variables={"x": {"type": "String"}},
    )  # fmt: skip

    async def scenario() -> list[Json]:
        trigger(bench, "hourly")
        trigger(bench, "stopped", state="Stopped")
        await bench.engine.advance(0)
        assert bench.engine.runs(FACTORY) == []
        await bench.engine.advance(2 * 3600)
        for run in bench.engine.runs(FACTORY):
            await bench.end(run["runId"])
        return bench.engine.runs(FACTORY)

    runs = bench.run(scenario())
    assert [run["status"] for run in runs] == ["Succeeded", "Succeeded"]
    assert {run["invokedBy"]["name"] for run in runs} == {"hourly"}
    said = {bench.activities(run)["A"]["output"]["value"] for run in runs}
    times = sorted(value.split("|")[0] for value in said)
    assert datetime.fromisoformat(times[1]) - datetime.fromisoformat(times[0]) == timedelta(hours=1)
    assert {value.split("|", 1)[1] for value in said} == {"hourly|ScheduleTrigger"}
    fired = bench.engine.trigger_runs(FACTORY)
    assert [(one["triggerName"], one["status"]) for one in fired] == [("hourly", "Succeeded")] * 2
    assert {one["triggeredPipelines"]["main"] for one in fired} == {run["runId"] for run in runs}


def test_a_pipeline_that_cannot_begin_fails_the_triggers_run(bench: Bench) -> None:
    bench.pipeline(ok("A"), parameters={"needed": {"type": "String"}})

    async def scenario() -> None:
        trigger(bench, "hourly")
        await bench.engine.advance(0)
        await bench.engine.advance(3600)

    bench.run(scenario())
    (fired,) = bench.engine.trigger_runs(FACTORY)
    assert fired["status"] == "Failed"
    assert "The pipeline parameter 'needed' has no default value" in fired["message"]


def test_what_passed_while_no_sandbox_ran_is_not_made_up_for(bench: Bench) -> None:
    bench.pipeline(ok("A"))

    async def scenario() -> None:
        trigger(bench, "hourly", pipelines=[])
        await bench.engine.advance(0)

    bench.run(scenario())
    assert bench.engine.trigger_runs(FACTORY) == []
