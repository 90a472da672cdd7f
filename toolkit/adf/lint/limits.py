"""What the service sets a bound to, as data with its source, and the rules that hold definitions against it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.adf.lint import durations
from toolkit.adf.lint.model import Hit, Rule, SetValue, Subject, content, is_expression, number
from toolkit.pipelines.documents import Node

_LIMITS = "https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#azure-data-factory-limits"
_SPECIFICATION = (
    "https://github.com/Azure/azure-rest-api-specs/tree/main/specification/datafactory/resource-manager/"
    "Microsoft.DataFactory/stable/2018-06-01"
)
_WEB = "https://learn.microsoft.com/azure/data-factory/control-flow-web-activity"
_ACTIVITIES = "https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy"


@dataclass(frozen=True, slots=True)
class Limit:
    """``least`` and ``most`` are allowed values themselves; ``support`` is how far support raises ``most``."""

    least: int | None
    most: int | None
    unit: str
    source: str
    support: int | None = None


KIB = 1024
LIMITS: dict[str, Limit] = {
    "activities in a pipeline": Limit(None, 80, "activities", _LIMITS, support=120),
    "parameters of a pipeline": Limit(None, 50, "parameters", _LIMITS),
    "characters of an expression": Limit(None, 8192, "characters", _LIMITS),
    "batchCount": Limit(1, 50, "iterations at once", _LIMITS),
    "items of a ForEach": Limit(None, 100_000, "items", _LIMITS),
    "activity timeout": Limit(10 * durations.MINUTE, 7 * durations.DAY, "seconds", _LIMITS),
    "httpRequestTimeout": Limit(1, 10 * durations.MINUTE, "seconds", _WEB),
    "bytes of a pipeline": Limit(None, 200 * KIB, "bytes", _LIMITS),
    "bytes of a dataset or linked service": Limit(None, 100 * KIB, "bytes", _LIMITS, support=2000 * KIB),
    "bytes of an activity's payload": Limit(None, 896 * KIB, "bytes", _LIMITS),
    "retry interval": Limit(30, 86_400, "seconds", _SPECIFICATION),
    "concurrency of a pipeline": Limit(1, None, "runs", _SPECIFICATION),
    "tumbling window": Limit(5, None, "minutes", _LIMITS),
    "maxConcurrency": Limit(1, 50, "windows", _SPECIFICATION),
    "cases of a Switch": Limit(
        None, 25, "cases", "https://learn.microsoft.com/azure/data-factory/control-flow-switch-activity"
    ),
    "rows of a Lookup": Limit(
        None, 5000, "rows", "https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity"
    ),
    # What a run alone can show:
    "bytes of a Lookup's output": Limit(
        None, 4 * KIB * KIB, "bytes", "https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity"
    ),
    "bytes of a WebActivity's response": Limit(None, 4 * KIB * KIB, "bytes", _WEB),
}


def _outside(name: str, value: float) -> str | None:
    """What is wrong with a value, in words; None when it is allowed."""
    limit = LIMITS[name]
    if limit.most is not None and value > limit.most:
        more = f"; support raises it to {limit.support}" if limit.support else ""
        return f"{value:g} {limit.unit}, allowed are {limit.most}{more}"
    if limit.least is not None and value < limit.least:
        return f"{value:g} {limit.unit}, the least is {limit.least}"
    return None


def _counts(name: str, node: Node, value: float | None) -> Iterator[Hit]:
    if value is not None and (words := _outside(name, value)):
        yield Hit(node, f"{name}: {words}")


def activities(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        count = len(pipeline.all_activities)
        for hit in _counts("activities in a pipeline", pipeline.properties.at("activities"), count):
            yield Hit(hit.node, f"{pipeline.name} has {count} with those in containers: {hit.what}")


def parameters(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        node = pipeline.properties.at("parameters")
        yield from _counts("parameters of a pipeline", node, len(pipeline.parameters))


def expression_length(subject: Subject) -> Iterator[Hit]:
    for resource in subject.factory.all:
        for path, text in subject.texts(resource):
            if len(text) > 8192 and is_expression(text):
                yield from _counts("characters of an expression", Node(resource.node.document, path, text), len(text))


def batch_count(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("ForEach"):
        node = activity.type_properties.get("batchCount")
        value = number(node.value) if node else None
        for hit in _counts("batchCount", node, value) if node else ():
            allowed = min(max(int(value or 1), 1), 50)
            yield Hit(hit.node, hit.what, (SetValue(hit.node.path, allowed),))


def for_each_items(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("ForEach"):
        node = activity.type_properties.at("items")
        items = content(node.value)
        if isinstance(items, list):
            yield from _counts("items of a ForEach", node, len(items))


def _timeouts(subject: Subject) -> Iterator[tuple[Node, int]]:
    for activity in subject.activities:
        for node in (activity.node.get("policy", "timeout"), activity.node.get("typeProperties", "timeout")):
            if node is not None and (value := durations.seconds(content(node.value))) is not None:
                yield node, value


def timeout_long(subject: Subject) -> Iterator[Hit]:
    most = LIMITS["activity timeout"].most or 0
    for node, value in _timeouts(subject):
        if value > most:
            yield Hit(node, f"{content(node.value)} is more than 7 days", (SetValue(node.path, "7.00:00:00"),))


def timeout_short(subject: Subject) -> Iterator[Hit]:
    least = LIMITS["activity timeout"].least or 0
    for node, value in _timeouts(subject):
        if value < least and node.path[-2] == "policy":
            yield Hit(node, f"{content(node.value)} is less than 10 minutes", (SetValue(node.path, "0.00:10:00"),))


def timeout_shape(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        for keys in (("policy", "timeout"), ("typeProperties", "timeout"), ("typeProperties", "httpRequestTimeout")):
            node = activity.node.get(*keys)
            value = content(node.value) if node else None
            if node and isinstance(value, str) and not is_expression(value) and durations.seconds(value) is None:
                yield Hit(node, f"{value!r} is no timespan")


def web_timeout(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("WebActivity"):
        node = activity.type_properties.get("httpRequestTimeout")
        value = durations.seconds(content(node.value)) if node else None
        if node and value is not None and (words := _outside("httpRequestTimeout", value)):
            yield Hit(node, f"httpRequestTimeout is {words}", (SetValue(node.path, "00:10:00"),) if value > 600 else ())


def object_size(subject: Subject) -> Iterator[Hit]:
    for resource in subject.factory.all:
        name = {
            "pipeline": "bytes of a pipeline",
            "dataset": "bytes of a dataset or linked service",
            "linkedService": "bytes of a dataset or linked service",
        }.get(resource.kind)
        if name is None or len(resource.node.document.text) <= (LIMITS[name].most or 0):
            continue  # the text on disk is never shorter than the object
        yield from _counts(name, resource.properties, _bytes(resource.properties.value))


def payload(subject: Subject) -> Iterator[Hit]:
    most = LIMITS["bytes of an activity's payload"].most or 0
    for activity in subject.activities:
        if len(activity.node.document.text) > most and not activity.inner:
            size = _bytes(activity.type_properties.value)
            yield from _counts("bytes of an activity's payload", activity.type_properties, size)


def retry_interval(subject: Subject) -> Iterator[Hit]:
    least, most = LIMITS["retry interval"].least or 0, LIMITS["retry interval"].most or 0
    for activity in subject.activities:
        node = activity.node.get("policy", "retryIntervalInSeconds")
        value = number(node.value) if node else None
        if node and value is not None and (words := _outside("retry interval", value)):
            allowed = int(min(max(value, least), most))
            yield Hit(node, f"retryIntervalInSeconds is {words}", (SetValue(node.path, allowed),))


def concurrency(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        node = pipeline.properties.at("concurrency")
        yield from _counts("concurrency of a pipeline", node, number(node.value))


def tumbling_window(subject: Subject) -> Iterator[Hit]:
    for trigger in subject.factory.of("trigger"):
        if trigger.type != "TumblingWindowTrigger":
            continue
        properties = trigger.properties.at("typeProperties")
        interval = properties.at("interval")
        if properties.text("frequency") == "Minute":
            yield from _counts("tumbling window", interval, number(interval.value))
        windows = properties.at("maxConcurrency")
        yield from _counts("maxConcurrency", windows, number(windows.value))


def switch_cases(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("Switch"):
        cases = activity.type_properties.at("cases")
        if isinstance(cases.value, list):
            yield from _counts("cases of a Switch", cases, len(cases.value))


def lookup_rows(subject: Subject) -> Iterator[Hit]:
    """A query that says how many rows it wants is held against what the activity returns."""
    for activity in subject.activities_of("Lookup"):
        for path, text in subject.texts(activity.pipeline.resource):
            if path[: len(activity.node.path)] != activity.node.path or "query" not in str(path[-1]).lower():
                continue
            words = text.upper().replace("(", " ").replace(")", " ").split()
            for position, word in enumerate(words[:-1]):
                if word == "TOP" and words[position + 1].isdigit():
                    node = Node(activity.node.document, path, text)
                    yield from _counts("rows of a Lookup", node, int(words[position + 1]))


def _bytes(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


_REFUSED = "Data Factory refuses the definition when it is saved or published."
RULES: tuple[Rule, ...] = (
    Rule(
        "limit-activities", "error", "A pipeline has at most 80 activities, those in containers counted.", _REFUSED,
        "Move a group of activities into a pipeline of its own, and run it with ExecutePipeline.",
        _LIMITS, activities, refused=True,
    ),
    Rule(
        "limit-parameters", "error", "A pipeline has at most 50 parameters.", _REFUSED,
        "Pass one parameter of type Object instead of many.", _LIMITS, parameters, refused=True,
    ),
    Rule(
        "limit-expression", "error", "An expression has at most 8,192 characters.", _REFUSED,
        "Build parts of it in variables, or move constants into a parameter or a file that a Lookup reads.",
        _LIMITS, expression_length, refused=True,
    ),
    Rule(
        "limit-batch-count", "error", "batchCount of a ForEach is 1 to 50.", _REFUSED,
        "Set batchCount to 50 at most; isSequential does one at a time.", _LIMITS, batch_count,
        refused=True, fixable=True,
    ),
    Rule(
        "limit-for-each-items", "error", "A ForEach has at most 100,000 items.", "The activity fails when it starts.",
        "Split the list over several runs of a child pipeline.", _LIMITS, for_each_items,
    ),
    Rule(
        "limit-timeout", "error", "An activity's timeout is 7 days at most.", _REFUSED,
        "Set policy.timeout to what the activity really needs, 7.00:00:00 at most.", _LIMITS, timeout_long,
        refused=True, fixable=True,
    ),
    Rule(
        "limit-timeout-short", "warning", "An activity's timeout is 10 minutes at least.",
        "The service documents 10 minutes as the least timeout of an activity run: a shorter one promises an end that "
        "nobody keeps.",
        "Set policy.timeout to 0.00:10:00 or more; a WebActivity's own httpRequestTimeout may be shorter.",
        _LIMITS, timeout_short, fixable=True,
    ),
    Rule(
        "timeout-shape", "error", "A timeout is written d.hh:mm:ss.", _REFUSED,
        "Write days, hours, minutes and seconds: 0.01:30:00.", _ACTIVITIES, timeout_shape, refused=True,
    ),
    Rule(
        "limit-web-timeout", "error", "httpRequestTimeout of a WebActivity is 1 second to 10 minutes.",
        "The service does not wait longer for the first answer: the activity fails although the other side is at work.",
        "Use 00:10:00 at most; for longer work answer 202 with a Location, or use a WebHook activity.",
        _WEB, web_timeout, refused=True, fixable=True,
    ),
    Rule(
        "limit-object-size", "error", "A pipeline has at most 200 KB, a dataset and a linked service 100 KB.", _REFUSED,
        "Move a group of activities into a pipeline of its own.", _LIMITS, object_size, refused=True,
    ),
    Rule(
        "limit-payload", "error", "What an activity is given has at most 896 KB.",
        "The run fails: the payload of an activity includes its settings and what expressions add to them.",
        "Put large content into storage, and pass where it is.", _LIMITS, payload,
    ),
    Rule(
        "limit-retry-interval", "error", "retryIntervalInSeconds is 30 to 86,400.", _REFUSED,
        "Set it to 30 or more.", _SPECIFICATION, retry_interval, refused=True, fixable=True,
    ),
    Rule(
        "limit-concurrency", "error", "concurrency of a pipeline is 1 or more.", _REFUSED,
        "Remove it to leave the number of runs open.", _SPECIFICATION, concurrency, refused=True,
    ),
    Rule(
        "limit-tumbling-window", "error",
        "A tumbling window is 5 minutes at least, and 1 to 50 of them run at once.", _REFUSED,
        "Raise interval, or set maxConcurrency to 1 to 50.", _LIMITS, tumbling_window, refused=True,
    ),
    Rule(
        "limit-switch-cases", "error", "A Switch has at most 25 cases.", _REFUSED,
        "Compute what differs with an expression, or look it up in a table.",
        LIMITS["cases of a Switch"].source, switch_cases, refused=True,
    ),
    Rule(
        "limit-lookup-rows", "warning", "A Lookup asks for at most 5,000 rows.",
        "The activity returns the first 5,000 rows, and fails above 4 MB: what is behind them is never worked on.",
        "Page through the rows with Until, or give the query to a Copy activity.",
        LIMITS["rows of a Lookup"].source, lookup_rows,
    ),
)  # fmt: skip
