"""Triggers: when they start something, and what they give it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.adf.lint.flow import needed, unknown_parameter
from toolkit.adf.lint.model import Hit, Rule, Subject, is_expression
from toolkit.pipelines.documents import Node
from toolkit.pipelines.model import Pipeline, Resource, members

_SCHEDULE = "https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger"
_TUMBLING = "https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger"
_EVENT = "https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger"
FREQUENCIES = ("Minute", "Hour", "Day", "Week", "Month", "Year")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$")


def started(subject: Subject) -> Iterator[tuple[Resource, Node, Pipeline | None]]:
    """(the trigger, the object that names a pipeline and its parameters, the pipeline)."""
    for trigger in subject.factory.of("trigger"):
        listed = trigger.properties.get("pipelines")
        single = trigger.properties.get("pipeline")
        for node in [*(listed.items() if listed is not None else ()), *([single] if single is not None else ())]:
            name = node.text("pipelineReference", "referenceName")
            yield trigger, node, subject.factory.pipeline(name) if name else None


def without_pipeline(subject: Subject) -> Iterator[Hit]:
    busy = {id(trigger) for trigger, _, _ in started(subject)}
    for trigger in subject.factory.of("trigger"):
        if id(trigger) not in busy:
            yield Hit(trigger.properties, f"{trigger.label} starts nothing")


def parameters_missing(subject: Subject) -> Iterator[Hit]:
    for trigger, node, called in started(subject):
        if called is not None and (
            missing := needed(called, {name.lower() for name in members(node.get("parameters"))})
        ):
            yield Hit(node, f"{trigger.label} starts {called.name} without {', '.join(missing)}")


def parameters_unknown(subject: Subject) -> Iterator[Hit]:
    for trigger, node, called in started(subject):
        for name, given in members(node.get("parameters")).items() if called is not None else ():
            if called is not None and (hit := unknown_parameter(called, name, given, trigger.label)):
                yield hit


def without_end(subject: Subject) -> Iterator[Hit]:
    for trigger in subject.factory.of("trigger"):
        properties = trigger.properties.at("typeProperties")
        where = {"ScheduleTrigger": properties.at("recurrence"), "TumblingWindowTrigger": properties}.get(trigger.type)
        if where is not None and where.text("endTime") is None:
            yield Hit(where, f"{trigger.label} has no end")


def time_zone(subject: Subject) -> Iterator[Hit]:
    for trigger in subject.factory.of("trigger"):
        recurrence = trigger.properties.get("typeProperties", "recurrence")
        if trigger.type != "ScheduleTrigger" or recurrence is None:
            continue
        zone = recurrence.text("timeZone") or "UTC"
        for name in ("startTime", "endTime"):
            node = recurrence.get(name)
            text = str(node.value) if node is not None else ""
            if node is None or is_expression(text) or text.startswith("["):
                continue
            if not _TIME.match(text):
                yield Hit(node, f"{name} {text!r} is no time")
            elif zone != "UTC" and re.search(r"(Z|[+-]\d\d:\d\d)$", text):
                yield Hit(node, f"{name} {text} has an offset, and the time zone is {zone}")
            elif zone == "UTC" and not text.endswith("Z"):
                yield Hit(node, f"{name} {text} has no Z, and the time zone is UTC")


def frequency(subject: Subject) -> Iterator[Hit]:
    for trigger in subject.factory.of("trigger"):
        allowed: tuple[str, ...]
        if trigger.type == "ScheduleTrigger":
            node, allowed = trigger.properties.at("typeProperties", "recurrence", "frequency"), FREQUENCIES
        elif trigger.type == "TumblingWindowTrigger":
            node, allowed = trigger.properties.at("typeProperties", "frequency"), ("Minute", "Hour", "Month")
        else:
            continue
        if str(node.value) not in allowed and not str(node.value).startswith("["):
            yield Hit(node, f"frequency of {trigger.label} is {node.value!r}, allowed: {', '.join(allowed)}")


def blob_paths(subject: Subject) -> Iterator[Hit]:
    for trigger in subject.factory.of("trigger"):
        if trigger.type != "BlobEventsTrigger":
            continue
        properties = trigger.properties.at("typeProperties")
        begins, ends = properties.text("blobPathBeginsWith"), properties.text("blobPathEndsWith")
        if not begins and not ends:
            yield Hit(properties, f"{trigger.label} names no path")
        elif begins and not re.match(r"^/[^/]+/(blobs/.*)?$", begins) and not begins.startswith("["):
            yield Hit(properties.at("blobPathBeginsWith"), f"{begins!r} is not /CONTAINER/blobs/FOLDER")


def tumbling_pipelines(subject: Subject) -> Iterator[Hit]:
    for trigger in subject.factory.of("trigger"):
        node = trigger.properties.get("pipelines")
        if trigger.type == "TumblingWindowTrigger" and node is not None and node.value:
            yield Hit(node, f"{trigger.label} lists pipelines")


RULES: tuple[Rule, ...] = (
    Rule(
        "trigger-idle", "warning", "A trigger starts a pipeline.", "It can be started and does nothing.",
        "Give it a pipeline, or delete it.", "https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers",
        without_pipeline, known_as="Test-AdfArmTemplate 19",
    ),
    Rule(
        "trigger-parameter-missing", "error", "A trigger gives each parameter that has no default.",
        "Publishing or starting the trigger is refused, or its runs fail at once.", "Give the parameters.",
        _SCHEDULE, parameters_missing,
    ),
    Rule(
        "trigger-parameter-unknown", "error", "A trigger gives only parameters that the pipeline has.",
        "The value goes nowhere: as a rule the name is misspelt, and the pipeline runs with its default.",
        "Correct the name.", _SCHEDULE, parameters_unknown,
    ),
    Rule(
        "trigger-end", "note", "A recurring trigger has an end.",
        "It goes on until somebody stops it, also when nobody needs it any more.", "Set endTime where an end is known.",
        _SCHEDULE, without_end,
    ),
    Rule(
        "trigger-time-zone", "error", "Times end with Z in the time zone UTC, and have no offset in any other.",
        "Data Factory refuses the trigger.", "Write 2026-01-31T02:00:00Z with UTC, 2026-01-31T02:00:00 otherwise.",
        f"{_SCHEDULE}#time-zone-option", time_zone, refused=True,
    ),
    Rule(
        "trigger-frequency", "error", "The frequency is one that the trigger has.", "Data Factory refuses the trigger.",
        "Use Minute, Hour, Day, Week or Month; a tumbling window has Minute, Hour and Month.", _TUMBLING, frequency,
        refused=True,
    ),
    Rule(
        "trigger-blob-path", "error", "A blob trigger says which blobs, as /CONTAINER/blobs/FOLDER.",
        "Data Factory refuses the trigger, or it never fires.",
        "Give blobPathBeginsWith or blobPathEndsWith; `blobs` stands between the container and the folder.",
        _EVENT, blob_paths, refused=True,
    ),
    Rule(
        "trigger-tumbling-pipeline", "error", "A tumbling window has one pipeline, in `pipeline`.",
        "Data Factory refuses the trigger.", "Move the only pipeline into `pipeline`; have it call the others.",
        _TUMBLING, tumbling_pipelines, refused=True,
    ),
)  # fmt: skip
