"""Tests of one's own pipelines: they run on the sandbox's engine, with what activities answer given by the test.

    pytest_plugins = ["toolkit.pipelines.testing"]

    def test_a_failed_job_fails_the_run(pipelines):
        run = pipelines("adf").run("training", {"version": "7"}, {
            "SubmitJob": {"name": "job"},
            "PollJob": [{"status": "Running"}, {"status": "Failed"}],
        })
        assert run.status == "Failed"
        assert run.inputs("SubmitJob")[0]["url"].endswith("/jobs/job")

Control flow, variables and expressions are real; everything that leaves the factory has to be given. Nothing is waited
for: hours of an Until take no time. What the engine does otherwise than Azure is in docs/honesty.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import ToolkitError, UsageError, nearest
from toolkit.pipelines.model import Factory
from toolkit.pipelines.reading import read_factory

# The engine is the sandbox's, which knows this package: asked for by name, when a test runs, so that definitions do not
# depend on what runs them.
_ENGINE = "toolkit.sandbox.datafactory.mocked"


@dataclass(frozen=True, slots=True)
class Failure:
    """An activity that fails."""

    message: str
    code: str = "MockedFailure"


@dataclass(frozen=True, slots=True)
class Call:
    """What a mock that is a function is asked with: ``inputs`` are the type's properties, evaluated."""

    pipeline: str
    activity: str
    type: str
    inputs: Mapping[str, Any]


Answer = Mapping[str, Any] | Failure
# An output, a failure, several of them one after the other (the last one stays), or a function of the call.
Mocked = Answer | Sequence[Answer] | Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class ActivityResult:
    pipeline: str
    name: str
    type: str
    status: str
    input: Any
    output: Any
    error: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """``activities``: those that ran, in the order in which they began, of pipelines that were run as well."""

    status: str
    message: str
    returned: Mapping[str, Any]
    activities: tuple[ActivityResult, ...]

    def of(self, name: str) -> tuple[ActivityResult, ...]:
        """The runs of an activity, one per attempt and iteration; ``PIPELINE/ACTIVITY`` where names are the same."""
        return tuple(one for one in self.activities if name in (one.name, f"{one.pipeline}/{one.name}"))

    def inputs(self, name: str) -> list[Any]:
        return [one.input for one in self.of(name)]

    @property
    def ran(self) -> list[str]:
        return [one.name for one in self.activities]


@dataclass(slots=True)
class _Mocks:
    given: Mapping[str, Mocked]
    used: set[str] = field(default_factory=set)
    turns: dict[str, int] = field(default_factory=dict)

    def __call__(
        self, pipeline: str, activity: str, type_: str, inputs: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, tuple[str, str] | None] | None:
        key = next((one for one in (f"{pipeline}/{activity}", activity) if one in self.given), None)
        if key is None:
            return None
        self.used.add(key)
        if not type_:  # only asked whether it is mocked
            return {}, None
        answer = self._answer(key, Call(pipeline, activity, type_, inputs))
        return (None, (answer.code, answer.message)) if isinstance(answer, Failure) else (dict(answer), None)

    def _answer(self, key: str, call: Call) -> Answer:
        given = self.given[key]
        if callable(given):
            return given(call)
        if isinstance(given, Failure | Mapping):
            return given
        turn = self.turns.get(key, 0)
        self.turns[key] = turn + 1
        return given[min(turn, len(given) - 1)]


@dataclass(frozen=True, slots=True)
class TestedFactory:
    __test__ = False  # a class of pytest's own it is not

    factory: Factory

    def run(
        self, pipeline: str, parameters: Mapping[str, Any] | None = None, mocks: Mapping[str, Mocked] | None = None
    ) -> RunResult:
        """Run it to its end. Raises UsageError for a pipeline, a parameter or a mocked activity that there is not, and
        for an activity that leaves the factory without being mocked.
        """
        engine = _engine()
        given = _Mocks(mocks or {})
        self._check(pipeline, given.given)
        try:
            record, activities = engine.run_mocked(self.factory, pipeline, parameters or {}, given)
        except engine.FactoryRefused as refused:
            raise UsageError(f"pipeline {pipeline} does not begin: {refused.message}") from refused
        results = tuple(_result(one) for one in sorted(activities, key=lambda one: str(one["activityRunStart"])))
        missing = [one for one in activities if one["error"]["errorCode"] == engine.NOT_MOCKED]
        if missing:
            raise UsageError(
                f"{missing[0]['pipelineName']}/{missing[0]['activityName']} ({missing[0]['activityType']}) leaves the "
                "factory, and the test says nothing of it",
                hint="give its output in mocks",
            )
        return RunResult(record["status"], record["message"], record.get("pipelineReturnValue") or {}, results)

    def _check(self, pipeline: str, mocks: Mapping[str, Mocked]) -> None:
        names = [one.name for one in self.factory.pipelines]
        if self.factory.pipeline(pipeline) is None:
            close = nearest(pipeline, names)
            raise UsageError(
                f"{self.factory.where} has no pipeline {pipeline!r}", hint=close and f"did you mean {close}?"
            )
        known = {
            name
            for one in self.factory.pipelines
            for activity in one.all_activities
            for name in (activity.name, f"{one.name}/{activity.name}")
        }
        for name, given in mocks.items():
            if name not in known:
                close = nearest(name, known)
                raise UsageError(f"no activity is called {name!r}", hint=close and f"did you mean {close}?")
            if isinstance(given, Sequence) and not given:
                raise UsageError(f"the list of outputs of {name} is empty", hint="give one at least")


def _engine() -> Any:
    try:
        return importlib.import_module(_ENGINE)
    except ModuleNotFoundError as error:
        raise ToolkitError(
            f"the engine needs {error.name}", hint="install the toolkit with its extra [sandbox]"
        ) from error


def _result(one: Mapping[str, Any]) -> ActivityResult:
    return ActivityResult(
        one["pipelineName"],
        one["activityName"],
        one["activityType"],
        one["status"],
        one["input"],
        one["output"],
        one["error"]["message"],
    )


@pytest.fixture
def pipelines() -> Callable[[str | Path], TestedFactory]:
    """``pipelines(PATH)``: the factory there, in any of the forms that lint reads."""
    return lambda path: TestedFactory(read_factory(Path(path)))
