"""What others need to find their way: descriptions, folders, annotations, and nothing that nobody uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from toolkit.adf.lint.model import Hit, Rule, Subject
from toolkit.pipelines.model import Kind

_SOURCE = "https://github.com/Azure-Player/azure.datafactory.tools"
_CHECKS = "Test-AdfArmTemplate"
_NAMES: dict[Kind, str] = {
    "pipeline": "pipeline", "dataset": "dataset", "linkedService": "linked service", "dataflow": "data flow",
    "trigger": "trigger", "integrationRuntime": "integration runtime", "credential": "credential",
}  # fmt: skip

Check = Callable[[Subject], Iterator[Hit]]


def _without_description(kind: Kind) -> Check:
    def check(subject: Subject) -> Iterator[Hit]:
        for resource in subject.factory.of(kind):
            if not resource.described:
                yield Hit(resource.properties, f"{resource.label} has no description")

    return check


def _without_folder(kind: Kind) -> Check:
    def check(subject: Subject) -> Iterator[Hit]:
        for resource in subject.factory.of(kind):
            if not resource.properties.text("folder", "name"):
                yield Hit(resource.properties, f"{resource.label} is in no folder")

    return check


def _without_annotations(kind: Kind) -> Check:
    def check(subject: Subject) -> Iterator[Hit]:
        for resource in subject.factory.of(kind):
            if not resource.properties.at("annotations").value:
                yield Hit(resource.properties, f"{resource.label} has no annotations")

    return check


def _unused(kind: Kind) -> Check:
    def check(subject: Subject) -> Iterator[Hit]:
        if not subject.factory.complete:
            return
        for resource in subject.factory.of(kind):
            if (kind, resource.name.lower()) not in subject.used:
                yield Hit(resource.properties, f"nothing refers to {resource.label}")

    return check


def untriggered(subject: Subject) -> Iterator[Hit]:
    """Directly, or through a pipeline that runs it."""
    if not subject.factory.complete:
        return
    for pipeline in subject.factory.pipelines:
        if ("pipeline", pipeline.name.lower()) not in subject.used:
            yield Hit(pipeline.properties, f"nothing starts {pipeline.resource.label}")


def activity_description(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        if not (activity.node.text("description") or "").strip():
            yield Hit(activity.node, f"{activity.label} has no description")


_LOST = "Whoever has to change it later does not know what it is for."
_PILE = "In a factory of some size nobody finds it."
_FILTER = "Runs and resources cannot be filtered by team, project or system."


def _description(kind: Kind, known_as: int | None) -> Rule:
    name = _NAMES[kind]
    return Rule(
        f"{_slug(kind)}-description", "note", f"A {name} has a description.", _LOST,
        "Say in a sentence what it is for.", _SOURCE, _without_description(kind),
        known_as=f"{_CHECKS} {known_as}" if known_as else "",
    )  # fmt: skip


def _folder(kind: Kind, known_as: int) -> Rule:
    return Rule(
        f"{_slug(kind)}-folder", "note", f"A {_NAMES[kind]} is in a folder.", _PILE, "Set folder.name.",
        _SOURCE, _without_folder(kind), known_as=f"{_CHECKS} {known_as}",
    )  # fmt: skip


def _annotations(kind: Kind, known_as: int) -> Rule:
    return Rule(
        f"{_slug(kind)}-annotations", "note", f"A {_NAMES[kind]} has annotations.", _FILTER, "Set annotations.",
        _SOURCE, _without_annotations(kind), known_as=f"{_CHECKS} {known_as}",
    )  # fmt: skip


def _used(kind: Kind, known_as: int | None) -> Rule:
    name = _NAMES[kind]
    return Rule(
        f"{_slug(kind)}-unused", "warning", f"Something uses each {name}.",
        "It is deployed, keeps its access, and has to be understood by everybody who looks.", "Delete it.",
        _SOURCE, _unused(kind), known_as=f"{_CHECKS} {known_as}" if known_as else "",
    )  # fmt: skip


def _slug(kind: Kind) -> str:
    return _NAMES[kind].replace(" ", "-")


RULES: tuple[Rule, ...] = (
    Rule(
        "pipeline-untriggered", "note", "A trigger starts each pipeline, directly or through another pipeline.",
        "It runs only when a person or a program starts it: that may be meant.", "Delete it, or give it a trigger.",
        _SOURCE, untriggered, known_as=f"{_CHECKS} 1",
    ),
    _description("pipeline", 3),
    _folder("pipeline", 4),
    _annotations("pipeline", 5),
    _description("dataflow", 6),
    Rule(
        "activity-description", "note", "An activity has a description.", _LOST, "Say in a sentence what it is for.",
        _SOURCE, activity_description, known_as=f"{_CHECKS} 8",
    ),
    _used("linkedService", 12),
    _description("linkedService", 13),
    _annotations("linkedService", 14),
    _used("dataset", 15),
    _description("dataset", 16),
    _folder("dataset", 17),
    _annotations("dataset", 18),
    _description("trigger", 20),
    _annotations("trigger", 21),
    _used("integrationRuntime", None),
    _used("credential", None),
)  # fmt: skip
