"""What an example is, and what examples are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.unit.adf.parts import Json, activity, expression, factory, reference, set_variable, wait, web


@dataclass(frozen=True, slots=True)
class Example:
    """``bad`` and ``good`` are kinds -> names -> properties; ``files`` are written over them as they are.

    ``where``: the JSON path of the finding, in the file of the resource that it is in.
    """

    bad: Json
    good: Json
    where: str
    files: Mapping[str, str] | None = None
    good_files: Mapping[str, str] | None = None
    published: tuple[Json, Json] | None = None  # with bad, with good


def for_each(*inner: Json, **rest: Any) -> Json:
    settings = {"items": expression("@createArray(1, 2)"), "batchCount": 50, "activities": list(inner)} | rest
    return activity("Loop", "ForEach", **{key: value for key, value in settings.items() if value is not None})


def if_(*inner: Json, name: str = "Choose") -> Json:
    return activity(name, "IfCondition", expression=expression("@bool(1)"), ifTrueActivities=list(inner))


def until(*inner: Json, **rest: Any) -> Json:
    settings = {"expression": expression("@bool(1)"), "timeout": "0.01:00:00", "activities": list(inner)} | rest
    return activity("Loop", "Until", **{key: value for key, value in settings.items() if value is not None})


def with_policy(**policy: Any) -> Json:
    return factory(web(policy={"timeout": "0.00:10:00", **policy}))


def trigger(properties: Json, **rest: Any) -> Json:
    return {**factory(wait(), **rest), "trigger": {"tr": properties}}


def tumbling(**settings: Any) -> Json:
    return {
        "type": "TumblingWindowTrigger",
        "pipeline": {"pipelineReference": reference("Pipeline", "main")},
        "typeProperties": {
            "frequency": "Hour",
            "interval": 1,
            "maxConcurrency": 1,
            "startTime": "2026-01-01T00:00:00Z",
            **settings,
        },
    }


def with_expression(text: str, **properties: Any) -> Json:
    return factory(
        wait(), set_variable("Set", "v", expression(text), ["Pause"]), variables={"v": {"type": "String"}}, **properties
    )


DATASET: Json = {"type": "Binary", "description": "d", "folder": {"name": "f"}, "annotations": ["a"]}
ARM = {"type": "MSI", "resource": "https://management.azure.com/"}
JOBS = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
POINTER = "https://account.blob.core.windows.net/ml-globals/code-assets/@{pipeline().parameters.a}/latest.json"
A = {"parameters": {"a": {"type": "String"}}}
FIRST = "$.properties.activities[0]"
