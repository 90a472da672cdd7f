"""How long ``toolkit adf lint`` takes for a large factory that nothing is wrong with."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.unit.adf.parts import NETWORK, Json, activity, expression, pipeline, set_variable, wait, web
from tests.unit.pipelines.factories import git_folder

PIPELINES, ACTIVITIES = 500, 11
_POINTER = "https://account.blob.core.windows.net/ml-globals/code-assets/@{pipeline().parameters.a}/latest.json"


def measure(toolkit: Callable[..., None]) -> float:
    """Seconds of the whole command, the median of 3. No two expressions are the same, so that nothing is remembered."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = git_folder(Path(temporary), {**NETWORK, "pipeline": {f"p{n}": _pipeline(n) for n in range(PIPELINES)}})
        figures = []
        for _ in range(3):
            started = time.perf_counter()
            toolkit(folder, "adf", "lint", str(folder))
            figures.append(time.perf_counter() - started)
        return statistics.median(figures)


def _pipeline(number: int) -> Json:
    version = f"activity('Read{number}').output.version"
    steps = [
        set_variable(
            f"S{at}",
            "v",
            expression(f"@concat({version}, '-', pipeline().parameters.a, '{at}-{number}')"),
            [f"S{at - 1}" if at else f"Read{number}"],
        )
        for at in range(4)
    ]
    item = web("In", expression("https://account.blob.core.windows.net/x/@{item()}"))
    loop = {"items": expression("@createArray(1, 2)"), "batchCount": 50, "activities": [item, wait("W", ["In"])]}
    failing = activity("F", "Fail", message="m", errorCode="e")
    made: Json = pipeline(
        web(f"Read{number}", expression(_POINTER)),
        *steps,
        activity("Loop", "ForEach", ["S3"], **loop),
        activity(
            "If",
            "IfCondition",
            ["Loop"],
            expression=expression("@equals(variables('v'), 'x')"),
            ifTrueActivities=[wait("T")],
            ifFalseActivities=[failing],
        ),
        parameters={"a": {"type": "String"}},
        variables={"v": {"type": "String"}},
    )
    return made
