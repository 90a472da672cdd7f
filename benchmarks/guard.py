"""How long the guard takes for a plan of 200 resources, from its policies' files to its verdicts."""

from __future__ import annotations

import itertools
import statistics
import time

from toolkit.environment import load_environment
from toolkit.guard.check import guard_plan
from toolkit.guard.examples import Example, examples, plan_of
from toolkit.guard.policies import OWN, load_policies
from toolkit.project import Project

RESOURCES = 200
_RUNS = 5


def measure(project: Project) -> float:
    """Seconds, the median of 5, within a command that has begun: what ``plan`` and ``apply`` take longer for it."""
    good = [one for policy in load_policies((OWN,), project.root) for one in examples(policy) if not one.refused]
    resources = list(
        itertools.islice(itertools.cycle(itertools.chain.from_iterable(one.resources for one in good)), RESOURCES)
    )
    filled = [{**one, "address": f"module.m{at}.azapi_resource.this", "location": "westeurope", "tags": {"owner": "x"}}
              for at, one in enumerate(resources)]  # fmt: skip
    document = plan_of(Example("", False, tuple(filled), {}, {}))
    document["variables"] = {"required_tags": {"value": ["owner"]}}
    environment = load_environment("local", project)
    figures = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        report = guard_plan(environment, document)
        figures.append(time.perf_counter() - started)
        assert report.planned == RESOURCES
    return statistics.median(figures)
