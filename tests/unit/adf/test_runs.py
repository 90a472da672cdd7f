"""Runs through the real SDK: started with checked parameters, followed to their end, listed and cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.unit.adf.fake_factory import FakeFactory, activity, run, serving
from toolkit.adf import runs
from toolkit.adf.parameters import parse_parameters
from toolkit.adf.run_reports import duration, run_row, tree_document, tree_lines
from toolkit.errors import ToolkitError, UsageError

DECLARED = {
    "asset": {"type": "String"},
    "count": {"type": "Int", "defaultValue": 3},
    "rate": {"type": "Float", "defaultValue": 0.5},
    "dry": {"type": "Bool", "defaultValue": False},
    "names": {"type": "Array", "defaultValue": []},
    "options": {"type": "Object", "defaultValue": {}},
    "key": {"type": "SecureString", "defaultValue": ""},
}


@pytest.fixture
def fake() -> FakeFactory:
    return FakeFactory()


@pytest.fixture
def place(fake: FakeFactory) -> Iterator[runs.Place]:
    with serving(fake) as place:
        yield place


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def run_changed(self, run: runs.PipelineRun) -> None:
        self.lines.append(run.status)

    def activity_changed(self, depth: int, activity: runs.ActivityRun) -> None:
        self.lines.append(f"{depth} {activity.name} {activity.status}")


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (["asset=x"], {"asset": "x"}),
        (["ASSET=a=b", "count=7"], {"asset": "a=b", "count": 7}),
        (["asset=", "rate=1", "dry=true"], {"asset": "", "rate": 1, "dry": True}),
        (["asset=x", 'names=["a"]', 'options={"a": 1}'], {"asset": "x", "names": ["a"], "options": {"a": 1}}),
        (["asset=7", "key=k"], {"asset": "7", "key": "k"}),
    ],
)
def test_values_have_the_types_that_the_pipeline_declares(given: list[str], values: object) -> None:
    assert parse_parameters("main", DECLARED, given) == values


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "asset is not given and without a default"),
        (["asse=x"], "no parameter 'asse' (did you mean asset?)"),
        (["asset"], "'asset' is not NAME=VALUE"),
        (["=x"], "'=x' is not NAME=VALUE"),
        (["asset=x", "asset=y"], "asset is given twice"),
        (["asset=x", "count=seven"], "count is of type int, written like 7, not 'seven'"),
        (["asset=x", "count=1.5"], "count is of type int"),
        (["asset=x", "count=true"], "count is of type int"),
        (["asset=x", "dry=1"], "dry is of type bool, written like true, not '1'"),
        (["asset=x", "names={}"], "names is of type array"),
        (["asset=x", "options=[]"], "options is of type object"),
        (["asset=x", "rate=NaN"], "rate is of type float"),
        (["asse=x", "count=x"], "no parameter 'asse' (did you mean asset?); count is of type int"),
    ],
)
def test_wrong_parameters_are_one_error_that_names_all_of_them(given: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_parameters("main", DECLARED, given)
    assert words in caught.value.message
    assert "asset (String), count (Int)" in str(caught.value.hint)


def test_start_sends_what_was_checked(fake: FakeFactory, place: runs.Place) -> None:
    fake.pipelines["main"] = {"activities": [], "parameters": {"n": {"type": "Int", "defaultValue": 1}}}
    assert runs.start(place, "main", ["n=2"]) == "run-1"
    assert fake.requests[-1][2] == {"n": 2}
    with pytest.raises(UsageError, match="n is of type int"):
        runs.start(place, "main", ["n=x"])
    assert [one for one in fake.requests if "createRun" in one[1]] == [fake.requests[1]]


def test_a_pipeline_that_is_not_there_is_named_with_its_neighbours(fake: FakeFactory, place: runs.Place) -> None:
    fake.pipelines["training"] = {"activities": []}
    with pytest.raises(UsageError, match="no pipeline 'trainin'") as caught:
        runs.start(place, "trainin", [])
    assert caught.value.hint == "did you mean training?"


def test_a_run_is_followed_to_its_end_and_each_change_told_once(fake: FakeFactory, place: runs.Place) -> None:
    child = {"pipelineRunId": "run-2"}
    fake.states = {
        "run-1": [run("Queued"), run("InProgress"), run("InProgress"), run("Failed", message="Child failed.")],
        "run-2": [run("InProgress", "run-2"), run("Failed", "run-2")],
    }
    fake.activities = {
        "run-1": [
            [],
            [activity("Call", "InProgress", "ExecutePipeline", output=child)],
            [activity("Call", "Failed", "ExecutePipeline", output=child, error={"errorCode": "2011", "message": "no"})],
        ],
        "run-2": [[activity("Inner", "InProgress")], [activity("Inner", "Failed")]],
    }
    told = Told()
    pauses: list[float] = []
    tree = runs.follow(place, "run-1", told, poll_seconds=0.25, sleep=pauses.append)
    assert told.lines == [
        "Queued",
        "0 Call InProgress",
        "1 Inner InProgress",
        "InProgress",
        "0 Call Failed",
        "1 Inner Failed",
        "Failed",
    ]
    assert pauses == [0.25] * 3
    assert not tree.run.succeeded
    lines = list(tree_lines(tree, data=False))
    assert "message: Child failed." in lines
    assert "  Failed Call (ExecutePipeline) 1.5 s" in lines
    assert "    error: 2011: no" in lines
    assert "    Failed Inner (Wait) 1.5 s" in lines
    document = tree_document(tree)
    assert document["activities"][0]["run"]["activities"][0]["name"] == "Inner"
    assert json.dumps(document)


def test_a_look_that_fails_is_repeated_but_not_for_ever(fake: FakeFactory, place: runs.Place) -> None:
    fake.states = {"run-1": [run("Succeeded")]}
    fake.fail_next = 3
    assert runs.follow(place, "run-1", Told(), poll_seconds=0, sleep=lambda _: None).run.succeeded
    fake.fail_next = 100
    with pytest.raises(Exception, match="Try later"):
        runs.follow(place, "run-1", Told(), poll_seconds=0, sleep=lambda _: None)
    assert fake.fail_next == 94


def test_cancel_stops_what_runs_with_its_children_and_leaves_what_has_ended(
    fake: FakeFactory, place: runs.Place
) -> None:
    fake.states = {"run-1": [run("InProgress")], "run-2": [run("Succeeded", "run-2")]}
    assert runs.cancel(place, "run-1", sleep=lambda _: None).status == "Cancelled"
    assert any("isRecursive=true" in path for _, path, _ in fake.requests if "cancel" in path)
    assert runs.cancel(place, "run-2", sleep=lambda _: None).status == "Succeeded"
    assert len([path for _, path, _ in fake.requests if "/cancel" in path]) == 1


def test_runs_are_listed_with_who_invoked_them(fake: FakeFactory, place: runs.Place) -> None:
    fake.states = {
        "a": [run("Succeeded", "a", invokedBy={"name": "nightly", "invokedByType": "ScheduleTrigger"})],
        "b": [run("Failed", "b", invokedBy={"name": "Sandbox", "invokedByType": "Manual"})],
        "c": [
            run(
                "InProgress", "c", invokedBy={"name": "x", "invokedByType": "PipelineActivity", "pipelineName": "outer"}
            )
        ],
        "d": [run("Queued", "d", invokedBy=None, runStart=None)],
    }
    found = runs.list_runs(place, since=timedelta(hours=1), pipeline="main", status="Failed")
    assert [(one.invoked_by, one.debug) for one in found] == [
        ("ScheduleTrigger nightly", False),
        ("Manual Sandbox", True),
        ("PipelineActivity outer", False),
        ("unknown", False),
    ]
    body = fake.requests[-1][2]
    assert [(one["operand"], one["values"]) for one in body["filters"]] == [
        ("PipelineName", ["main"]),
        ("Status", ["Failed"]),
    ]
    assert "(debug)" in run_row(found[1])[4]
    assert all(len(run_row(one)) == 6 for one in found)


def test_a_debug_run_is_never_called_evidence(fake: FakeFactory, place: runs.Place) -> None:
    fake.states = {"run-1": [run("Succeeded", invokedBy={"name": "Sandbox", "invokedByType": "Manual"})]}
    lines = list(tree_lines(runs.read_tree(place, "run-1"), data=True))
    assert "note: a debug run executes the studio's draft: it proves nothing about what is published" in lines


def test_a_run_that_is_not_there_is_one_clear_error(place: runs.Place) -> None:
    with pytest.raises(ToolkitError, match="factory adf knows no run gone") as caught:
        runs.read_run(place, "gone")
    assert caught.value.hint == "toolkit adf runs lists them; they are kept for 45 days"


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1 min 01 s"), (3660, "1 h 01 min")]
)
def test_durations_are_for_people(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words
