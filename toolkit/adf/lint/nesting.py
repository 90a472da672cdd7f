"""Which activities may be within which, as data."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.adf.lint.model import Hit, Rule, Subject
from toolkit.pipelines.model import CONTAINERS

_SOURCE = (
    "https://learn.microsoft.com/azure/data-factory/concepts-nested-activities#nested-activity-embedding-limitations"
)

# Container -> the containers that may be in it, at whatever depth. What holds nothing may be anywhere (but ROOT_ONLY).
MAY_HOLD: dict[str, frozenset[str]] = {
    "ForEach": frozenset({"IfCondition", "Switch"}),
    "Until": frozenset({"IfCondition", "Switch"}),
    "IfCondition": frozenset(),
    "Switch": frozenset(),
}
ROOT_ONLY = frozenset({"Validation"})


def containers(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        if activity.type not in CONTAINERS:
            continue
        for outer in activity.ancestors:
            if activity.type not in MAY_HOLD.get(outer.type, frozenset()):
                yield Hit(activity.node, f"{activity.type} {activity.name} is inside {outer.type} {outer.name}")
                break


def root_only(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        if activity.type in ROOT_ONLY and activity.parent:
            outer = activity.parent
            yield Hit(activity.node, f"{activity.type} {activity.name} is inside {outer.type} {outer.name}")


RULES: tuple[Rule, ...] = (
    Rule(
        "nesting-container", "error",
        "If and Switch may be within ForEach and Until, and no other container within a container.",
        "Data Factory refuses the pipeline when it is saved or published.",
        "Move the inner container into a pipeline of its own, and run it with ExecutePipeline.",
        _SOURCE, containers, refused=True,
    ),
    Rule(
        "nesting-validation", "error", "A Validation activity is at the pipeline's root.",
        "Data Factory refuses the pipeline when it is saved or published.",
        "Move it before the container; within one, GetMetadata with an Until does the same.",
        _SOURCE, root_only, refused=True,
    ),
)  # fmt: skip
