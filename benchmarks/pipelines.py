"""How fast expressions are evaluated and pipelines run."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.unit.sandbox.datafactory.bench import Bench, after, ok
from toolkit.pipelines.expressions import Scope, evaluate

_EXPRESSIONS = (
    "@concat('a', pipeline().parameters.a)",
    "@equals(pipeline().parameters.a, 1)",
    "@add(1, 2)",
    "x@{item()}",
)
_EACH = 10_000
_ACTIVITIES = 100


def evaluations_a_second(rounds: int) -> float:
    """Simple expressions, as a loop evaluates them: the same texts again and again."""
    scope = Scope(pipeline={"parameters": {"a": 1}}, item=1)
    figures = []
    for _ in range(rounds):
        started = time.perf_counter()
        for text in _EXPRESSIONS:
            for _ in range(_EACH):
                evaluate(text, scope)
        figures.append(len(_EXPRESSIONS) * _EACH / (time.perf_counter() - started))
    return statistics.median(figures)


def sequential_activities(rounds: int) -> float:
    """Seconds for a pipeline of 100 activities that do nothing, each after the one before."""
    figures = []
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(temporary))
        bench.pipeline(*(ok(f"A{at}", dependsOn=after(f"A{at - 1}") if at else []) for at in range(_ACTIVITIES)))
        for _ in range(rounds):
            started = time.perf_counter()
            run = bench.carry_out()
            figures.append(time.perf_counter() - started)
            assert run["status"] == "Succeeded"
        bench.close()
    return statistics.median(figures)


if __name__ == "__main__":
    print(f"{evaluations_a_second(3):,.0f} evaluations a second")
    print(f"{sequential_activities(3):.2f} s for {_ACTIVITIES} activities, one after the other")
