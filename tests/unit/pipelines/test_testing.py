"""The fixture with which users test their pipelines: real control flow, given answers, and no waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adf.parts import Json, activity, expression, factory, pipeline, reference, set_variable, wait, web
from tests.unit.pipelines.factories import git_folder, template, write
from toolkit.errors import UsageError
from toolkit.pipelines.testing import Call, Failure, TestedFactory, pipelines

__all__ = ["pipelines"]
Make = Callable[[str | Path], TestedFactory]

POLL = activity("Poll", "WebActivity", ["Pause"], url="https://x/@{pipeline().parameters.job}", method="GET", policy={})
LOOP = activity(
    "Loop",
    "Until",
    expression=expression("@equals(activity('Poll').output.status, 'Completed')"),
    timeout="1.00:00:00",
    activities=[activity("Pause", "Wait", waitTimeInSeconds=3600), POLL],
)
JOB = {"job": {"type": "String"}}


def test_control_flow_is_real_and_hours_take_no_time(pipelines: Make, tmp_path: Path) -> None:
    folder = git_folder(
        tmp_path,
        factory(
            LOOP,
            set_variable("Done", "v", "@activity('Loop').status", ["Loop"]),
            parameters=JOB,
            variables={"v": {"type": "String"}},
        ),
    )
    began = time.monotonic()
    answers = [{"status": "Running"}, {"status": "Running"}, {"status": "Completed"}]
    run = pipelines(folder).run("main", {"job": "7"}, {"Poll": answers})
    assert time.monotonic() - began < 60
    assert run.status == "Succeeded", run.message
    assert [one["url"] for one in run.inputs("Poll")] == ["https://x/7"] * 3
    assert run.of("Done")[0].output["value"] == "Succeeded"


def test_a_loop_that_never_ends_runs_into_its_timeout(pipelines: Make, tmp_path: Path) -> None:
    folder = git_folder(tmp_path, factory(LOOP, parameters=JOB))
    run = pipelines(folder).run("main", {"job": "7"}, {"Poll": {"status": "Running"}})
    assert run.status == "Failed"
    assert "timeout" in run.message
    assert 22 <= len(run.of("Poll")) <= 24


def test_failures_retries_and_branches(pipelines: Make, tmp_path: Path) -> None:
    call = web("Call", policy={"retry": 2, "retryIntervalInSeconds": 600})
    folder = git_folder(tmp_path, factory(call, wait("OnError", [("Call", "Failed")])))
    tested = pipelines(folder)
    second = tested.run("main", mocks={"Call": [Failure("busy", "429"), {"ok": True}]})
    assert [one.status for one in second.of("Call")] == ["Failed", "Succeeded"]
    assert second.ran == ["Call", "Call"]
    never = tested.run("main", mocks={"Call": Failure("busy")})
    assert [one.error for one in never.of("Call")] == ["busy"] * 3
    assert "OnError" in never.ran


def test_a_mock_may_be_a_function_of_what_the_activity_was_given(pipelines: Make, tmp_path: Path) -> None:
    loop = activity(
        "Each",
        "ForEach",
        items="@createArray('a', 'b')",
        isSequential=True,
        activities=[web("Get", url="https://x/@{item()}")],
    )
    seen: list[Call] = []

    def answer(call: Call) -> dict[str, Any]:
        seen.append(call)
        return {"got": call.inputs["url"]}

    run = pipelines(git_folder(tmp_path, factory(loop))).run("main", mocks={"main/Get": answer})
    assert run.status == "Succeeded", run.message
    assert [one.inputs["url"] for one in seen] == ["https://x/a", "https://x/b"]
    assert [one.output["got"] for one in run.of("Get")] == ["https://x/a", "https://x/b"]


def test_pipelines_run_pipelines_and_return_values(pipelines: Make, tmp_path: Path) -> None:
    value = {"type": "Expression", "content": "@activity('Read').output.version"}
    returned = activity(
        "Return",
        "SetVariable",
        ["Read"],
        variableName="pipelineReturnValue",
        setSystemVariable=True,
        value=[{"key": "version", "value": value}],
    )
    inner = pipeline(activity("Read", "WebActivity", url="https://x", method="GET"), returned)
    call = activity("Call", "ExecutePipeline", pipeline=reference("Pipeline", "inner"), waitOnCompletion=True)
    use = web("Use", url="https://x/@{activity('Call').output.pipelineReturnValue.version}", after=["Call"])
    resources: Json = {"pipeline": {"main": pipeline(call, use), "inner": inner}}
    tested = pipelines(write(tmp_path / "ARMTemplateForFactory.json", template(resources)).parent)
    run = tested.run("main", mocks={"Read": {"version": "9"}, "Use": {}})
    assert run.status == "Succeeded", run.message
    assert run.inputs("Use")[0]["url"] == "https://x/9"
    assert tested.run("inner", mocks={"Read": {"version": "9"}}).returned == {"version": "9"}
    short = tested.run("main", mocks={"Call": {"pipelineReturnValue": {"version": "3"}}, "Use": {}})
    assert short.ran == ["Call", "Use"]


def test_global_parameters_are_the_factorys(pipelines: Make, tmp_path: Path) -> None:
    resources = factory(web(url="https://@{pipeline().globalParameters.host}/"))
    resources["factory"] = {"adf": {"globalParameters": {"host": {"type": "string", "value": "example.org"}}}}
    run = pipelines(git_folder(tmp_path, resources)).run("main", mocks={"Call": {}})
    assert run.inputs("Call")[0]["url"] == "https://example.org/"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mian", {"job": "1"}, {}), "has no pipeline 'mian'"),
        (("main", {}, {"Poll": {}}), "pipeline main does not begin"),
        (("main", {"job": "1"}, {"Pol": {}}), "no activity is called 'Pol'"),
        (("main", {"job": "1"}, {"Poll": []}), "the list of outputs of Poll is empty"),
        (("main", {"job": "1"}, {}), r"main/Poll \(WebActivity\) leaves the factory"),
    ],
)
def test_a_mistake_in_the_test_is_one_clear_error(
    arguments: tuple[str, Json, Json], words: str, pipelines: Make, tmp_path: Path
) -> None:
    folder = git_folder(tmp_path, factory(LOOP, parameters=JOB))
    with pytest.raises(UsageError, match=words):
        pipelines(folder).run(*arguments)
