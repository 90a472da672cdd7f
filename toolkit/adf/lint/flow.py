"""Activities: what they are called, what they wait for, what they call, and how often they run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from toolkit.adf.lint import durations
from toolkit.adf.lint.model import Hit, Remove, Rule, SetValue, Subject, content, is_expression, number, truth
from toolkit.errors import nearest
from toolkit.pipelines.documents import Node
from toolkit.pipelines.model import Activity, Pipeline, members

_ACTIVITIES = "https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities"
_DEPENDENCY = f"{_ACTIVITIES}#activity-dependency"
_FOR_EACH = "https://learn.microsoft.com/azure/data-factory/control-flow-for-each-activity"
_VARIABLE = "https://learn.microsoft.com/azure/data-factory/control-flow-set-variable-activity"
_EXECUTE = "https://learn.microsoft.com/azure/data-factory/control-flow-execute-pipeline-activity"
_UNTIL = "https://learn.microsoft.com/azure/data-factory/control-flow-until-activity"
_CHECKS = "Test-AdfArmTemplate"

CONDITIONS = ("Succeeded", "Failed", "Skipped", "Completed")
# The discriminators of Activity in the REST specification; a test compares them with the SDK's.
# https://github.com/Azure/azure-rest-api-specs/tree/main/specification/datafactory
ACTIVITY_TYPES = frozenset({
    "AppendVariable", "AzureDataExplorerCommand", "AzureFunctionActivity", "AzureMLBatchExecution",
    "AzureMLExecutePipeline", "AzureMLUpdateResource", "Copy", "Custom", "DataLakeAnalyticsU-SQL", "DatabricksJob",
    "DatabricksNotebook", "DatabricksSparkJar", "DatabricksSparkPython", "Delete", "ExecuteDataFlow", "ExecutePipeline",
    "ExecuteSSISPackage", "ExecuteWranglingDataflow", "Fail", "Filter", "ForEach", "GetMetadata", "HDInsightHive",
    "HDInsightMapReduce", "HDInsightPig", "HDInsightSpark", "HDInsightStreaming", "IfCondition", "Lookup", "Script",
    "SetVariable", "SparkJob", "SqlServerStoredProcedure", "Switch", "SynapseNotebook", "Until", "Validation", "Wait",
    "WebActivity", "WebHook",
})  # fmt: skip
# What each of the control flow's activities cannot do without.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "AppendVariable": ("variableName", "value"),
    "Copy": ("source", "sink"),
    "Custom": ("command",),
    "ExecutePipeline": ("pipeline",),
    "Fail": ("message", "errorCode"),
    "Filter": ("items", "condition"),
    "ForEach": ("items", "activities"),
    "GetMetadata": ("dataset",),
    "IfCondition": ("expression",),
    "Lookup": ("source", "dataset"),
    "SetVariable": ("variableName",),
    "Switch": ("on",),
    "Until": ("expression", "activities"),
    "Validation": ("dataset",),
    "Wait": ("waitTimeInSeconds",),
    "WebActivity": ("url", "method"),
    "WebHook": ("url", "method"),
}


def names(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        seen: dict[str, Activity] = {}
        for activity in pipeline.all_activities:
            if not activity.name.strip():
                yield Hit(activity.node, f"an activity of type {activity.type or '?'} has no name")
                continue
            first = seen.setdefault(activity.name.lower(), activity)
            if first is not activity:
                what = f"{activity.name} is the name of another activity in line {first.node.line}, too"
                yield Hit(activity.node.at("name"), what)


def types(subject: Subject) -> Iterator[Hit]:
    known = {one.lower(): one for one in ACTIVITY_TYPES}
    for activity in subject.activities:
        if activity.type in ACTIVITY_TYPES:
            continue
        right = known.get(activity.type.lower())
        close = right or nearest(activity.type, ACTIVITY_TYPES)
        hint = f"; {close} is one" if close else ""
        node = activity.node.at("type")
        edit = (SetValue(node.path, right),) if right and activity.type else ()
        yield Hit(node, f"{activity.type or 'nothing'!r} is no type of activity{hint}", edit)


def required(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        missing = [one for one in REQUIRED.get(activity.type, ()) if activity.type_properties.get(one) is None]
        if missing:
            yield Hit(activity.type_properties, f"{activity.label} has no {' and no '.join(missing)}")


def dependency_missing(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        siblings = {one.name.lower() for one in activity.siblings} - {activity.name.lower()}
        for dependency in activity.depends_on:
            if dependency.activity.lower() in siblings:
                continue
            everywhere = {one.name.lower() for one in activity.pipeline.all_activities}
            if dependency.activity.lower() == activity.name.lower():
                words = "itself"
            elif dependency.activity.lower() in everywhere:
                words = f"{dependency.activity}, which is in another container"
            else:
                words = f"{dependency.activity or '(nothing)'}, which is not in the pipeline"
            yield Hit(dependency.node.at("activity"), f"{activity.label} waits for {words}")


def dependency_conditions(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        for dependency in activity.depends_on:
            node = dependency.node.at("dependencyConditions")
            if not dependency.conditions:
                edit = SetValue(node.path, ["Succeeded"])
                yield Hit(node, f"{activity.label} waits for {dependency.activity} under no condition", (edit,))
            for position, condition in enumerate(dependency.conditions):
                right = next((one for one in CONDITIONS if one.lower() == condition.lower()), None)
                if right is None:
                    yield Hit(node.at(position), f"{condition!r} is no condition: {', '.join(CONDITIONS)}")


def dependency_cycle(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        done: set[int] = set()
        for activity in pipeline.all_activities:
            if id(activity) not in done:
                yield from _cycle(activity, [], done)


def _cycle(activity: Activity, way: list[Activity], done: set[int]) -> Iterator[Hit]:
    if activity in way:
        names_ = " → ".join(one.name for one in (*way[way.index(activity) :], activity))
        yield Hit(activity.node.at("dependsOn"), f"activities wait for each other: {names_}")
        return
    if id(activity) in done:
        return
    by_name = {one.name.lower(): one for one in activity.siblings}
    for dependency in activity.depends_on:
        other = by_name.get(dependency.activity.lower())
        if other is not None and other is not activity:
            yield from _cycle(other, [*way, activity], done)
    done.add(id(activity))


def impossible(subject: Subject) -> Iterator[Hit]:
    """What must have ended how, for an activity to run: two demands on one activity may exclude each other."""
    for activity in subject.activities:
        demands: dict[str, set[str]] = {}
        by_name = {one.name.lower(): one for one in activity.siblings}
        clash = _demand(activity, by_name, demands, set())
        if clash:
            yield Hit(
                activity.node.at("dependsOn"), f"{activity.label} never runs: it needs {clash} to end in two ways"
            )


def _demand(
    activity: Activity, by_name: Mapping[str, Activity], demands: dict[str, set[str]], seen: set[str]
) -> str | None:
    seen.add(activity.name.lower())
    for dependency in activity.depends_on:
        other = by_name.get(dependency.activity.lower())
        allowed = {state for one in dependency.conditions for state in _states(one)}
        if other is None or not allowed:
            continue
        key = other.name.lower()
        demands[key] = demands.get(key, {"Succeeded", "Failed", "Skipped"}) & allowed
        if not demands[key]:
            return other.name
        # Whatever ended by itself has run, so that what it waited for ended as it demands.
        if "Skipped" not in demands[key] and key not in seen and (clash := _demand(other, by_name, demands, seen)):
            return clash
    return None


def _states(condition: str) -> tuple[str, ...]:
    return ("Succeeded", "Failed") if condition.lower() == "completed" else (condition.capitalize(),)


def timeout_default(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        node = activity.node.get("policy", "timeout") or (
            activity.type_properties.get("timeout") if activity.type == "Until" else None
        )
        if node is not None and durations.seconds(content(node.value)) == 7 * durations.DAY:
            yield Hit(node, f"{activity.label} may take 7 days")


def until_timeout(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("Until"):
        if content(activity.type_properties.at("timeout").value) in (None, ""):
            path = (*activity.type_properties.path, "timeout")
            yield Hit(activity.type_properties, f"{activity.label} has no timeout", (SetValue(path, "0.12:00:00"),))


def until_without_wait(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("Until"):
        kinds = {one.type for one in activity.inner}
        slow = kinds - {
            "WebActivity",
            "SetVariable",
            "AppendVariable",
            "Lookup",
            "GetMetadata",
            "IfCondition",
            "Switch",
            "Filter",
        }
        within = {inner.type for one in activity.inner for inner in one.inner}
        if activity.inner and not slow and "Wait" not in within:
            yield Hit(activity.type_properties.at("activities"), f"{activity.label} looks again without a Wait")


def _parallel(activity: Activity) -> Activity | None:
    """The ForEach around it that runs iterations at once."""
    for outer in activity.ancestors:
        properties = outer.type_properties
        one_by_one = (
            truth(properties.at("isSequential").value) is True or number(properties.at("batchCount").value) == 1
        )
        if outer.type == "ForEach" and not one_by_one:
            return outer
    return None


def variable_in_parallel(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("SetVariable", "AppendVariable"):
        outer = _parallel(activity)
        if outer is None or (activity.type_properties.text("variableName") or "") == "pipelineReturnValue":
            continue
        name = activity.type_properties.text("variableName") or "?"
        edit = SetValue((*outer.type_properties.path, "isSequential"), True)
        what = f"{activity.type} {activity.name} writes {name} in iterations of {outer.name} that run at once"
        yield Hit(activity.node, what, (edit,) if activity.type == "SetVariable" else ())


def variable_from_itself(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("SetVariable"):
        name = activity.type_properties.text("variableName")
        value = activity.type_properties.at("value")
        if not name:
            continue
        uses = re.compile(rf"variables\(\s*'{re.escape(name)}'\s*\)", re.IGNORECASE)
        if any(is_expression(text) and uses.search(text) for _, text in value.walk()):
            yield Hit(value, f"{activity.label} sets {name} from {name}")


def batch_count_unset(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("ForEach"):
        properties = activity.type_properties
        if truth(properties.at("isSequential").value) is not True and properties.get("batchCount") is None:
            yield Hit(properties, f"{activity.label} leaves batchCount to the service")


def batch_count_low(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("ForEach"):
        node = activity.type_properties.at("batchCount")
        count = number(node.value)
        if (
            truth(activity.type_properties.at("isSequential").value) is not True
            and count is not None
            and 0 < count < 50
        ):
            yield Hit(node, f"{activity.label} runs {count:g} of 50 possible iterations at once")


def batch_count_idle(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("ForEach"):
        node = activity.type_properties.get("batchCount")
        if node is not None and truth(activity.type_properties.at("isSequential").value) is True:
            yield Hit(node, f"batchCount of {activity.label}, which is sequential", (Remove(node.path),))


def inactive(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities:
        node = activity.node.get("state")
        if node is not None and str(node.value).lower() == "inactive":
            marked = activity.node.text("onInactiveMarkAs") or "Succeeded"
            yield Hit(node, f"{activity.label} is switched off, and counts as {marked}")


def empty(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        if not pipeline.activities:
            yield Hit(pipeline.properties.at("activities"), f"pipeline {pipeline.name} has no activities")


def _calls(subject: Subject) -> Iterator[tuple[Activity, Pipeline]]:
    for activity in subject.activities_of("ExecutePipeline"):
        name = activity.type_properties.text("pipeline", "referenceName")
        called = subject.factory.pipeline(name) if name else None
        if called is not None:
            yield activity, called


def call_parameters_missing(subject: Subject) -> Iterator[Hit]:
    for activity, called in _calls(subject):
        given = {name.lower() for name in members(activity.type_properties.get("parameters"))}
        missing = needed(called, given)
        if missing:
            where = activity.type_properties.get("parameters") or activity.type_properties
            yield Hit(where, f"{activity.label} calls {called.name} without {', '.join(missing)}")


def call_parameters_unknown(subject: Subject) -> Iterator[Hit]:
    for activity, called in _calls(subject):
        for name, node in members(activity.type_properties.get("parameters")).items():
            if hit := unknown_parameter(called, name, node, activity.label):
                yield hit


def needed(called: Pipeline, given: set[str]) -> list[str]:
    """Parameters without a default that are not given."""
    return [
        name
        for name, node in called.parameters.items()
        if node.get("defaultValue") is None and name.lower() not in given
    ]


def unknown_parameter(called: Pipeline, name: str, node: Node, who: str) -> Hit | None:
    if name.lower() in {known.lower() for known in called.parameters}:
        return None
    close = nearest(name, called.parameters)
    hint = f"; there is {close}" if close else ""
    return Hit(node, f"{who} gives {called.name} the parameter {name}, which it does not have{hint}")


def call_without_waiting(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("ExecutePipeline"):
        node = activity.type_properties.at("waitOnCompletion")
        if truth(node.value) is True or is_expression(content(node.value)):
            continue
        edit = SetValue((*activity.type_properties.path, "waitOnCompletion"), True)
        where = activity.type_properties if node.value is None else node
        yield Hit(where, f"{activity.label} does not wait for what it calls", (edit,))


def recursion(subject: Subject) -> Iterator[Hit]:
    calls: dict[str, list[tuple[Activity, Pipeline]]] = {}
    for activity, called in _calls(subject):
        calls.setdefault(activity.pipeline.name.lower(), []).append((activity, called))
    for pipeline in subject.factory.pipelines:
        for activity, called in calls.get(pipeline.name.lower(), ()):
            way = _way_back(called, pipeline, calls, [called.name])
            if way:
                what = f"pipeline {pipeline.name} calls itself: {' → '.join((pipeline.name, *way))}"
                yield Hit(activity.type_properties.at("pipeline"), what)


def _way_back(
    at: Pipeline, home: Pipeline, calls: Mapping[str, list[tuple[Activity, Pipeline]]], way: list[str]
) -> list[str]:
    if at.name.lower() == home.name.lower():
        return way
    for _, called in calls.get(at.name.lower(), ()):
        if called.name in way:
            continue
        if found := _way_back(called, home, calls, [*way, called.name]):
            return found
    return []


_REFUSED = "Data Factory refuses the pipeline when it is saved or published."
RULES: tuple[Rule, ...] = (
    Rule(
        "activity-name", "error", "Each activity has a name of its own in its pipeline.", _REFUSED,
        "Rename one of them, and what refers to it.", _ACTIVITIES, names, refused=True,
    ),
    Rule(
        "activity-type", "error", "Each activity has a type that Data Factory has.", _REFUSED,
        "Correct the type; letter case matters.", _ACTIVITIES, types, refused=True, fixable=True,
    ),
    Rule(
        "activity-properties", "error", "Each activity has the properties that its type cannot do without.", _REFUSED,
        "Add them to typeProperties.", _ACTIVITIES, required, refused=True,
    ),
    Rule(
        "dependency-missing", "error", "An activity waits for activities beside it.", _REFUSED,
        "Name an activity of the same list; what is in a container is waited for by waiting for the container.",
        _DEPENDENCY, dependency_missing, refused=True,
    ),
    Rule(
        "dependency-condition", "error", "Dependency conditions are Succeeded, Failed, Skipped or Completed.", _REFUSED,
        "Give one at least.", _DEPENDENCY, dependency_conditions, refused=True, fixable=True,
    ),
    Rule(
        "dependency-cycle", "error", "No activities wait for each other.", _REFUSED,
        "Take one of the dependencies out.", _DEPENDENCY, dependency_cycle, refused=True,
    ),
    Rule(
        "dependency-impossible", "error", "What an activity waits for can happen.",
        "All dependencies must hold at once: this activity is skipped in every run, as a rule the one for errors.",
        "Wait for the last activity with Failed and Skipped, or handle each failure by an activity of its own.",
        "https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling",
        impossible, known_as=f"{_CHECKS} 2",
    ),
    Rule(
        "timeout-default", "warning", "No activity may take 7 days, which was the service's default once.",
        "A run that hangs is noticed after a week; until then it costs, and blocks runs that wait for it.",
        "Set policy.timeout to a few times what the activity usually takes.", _ACTIVITIES, timeout_default,
        known_as=f"{_CHECKS} 7",
    ),
    Rule(
        "until-timeout", "warning", "Until has a timeout.",
        "The service's default is 7 days: a condition that never comes keeps the run going for a week.",
        "Set typeProperties.timeout; --fix sets 12 hours.", _UNTIL, until_timeout, fixable=True,
    ),
    Rule(
        "until-wait", "warning", "An Until that polls waits between two looks.",
        "It asks as fast as it can: each look is billed, and the other side throttles.",
        "Put a Wait into the loop.", _UNTIL, until_without_wait,
    ),
    Rule(
        "variable-in-parallel", "warning", "Variables are not written by iterations that run at once.",
        "Variables belong to the pipeline, not to the iteration: each overwrites the others', and what is read back is "
        "somebody else's; appended values come in any order.",
        "Set isSequential to true, or move the iteration into a pipeline of its own that returns its value.",
        f"{_FOR_EACH}#limitations-and-workarounds", variable_in_parallel, fixable=True,
    ),
    Rule(
        "variable-from-itself", "error", "A variable is not set from its own value.", _REFUSED,
        "Set a second variable from the first one, then the first from the second.",
        _VARIABLE, variable_from_itself, refused=True,
    ),
    Rule(
        "for-each-batch-count", "warning", "A ForEach that is not sequential says how many iterations run at once.",
        "The service's default is 20, whatever the other side bears.", "Set batchCount, up to 50.", _FOR_EACH,
        batch_count_unset, known_as=f"{_CHECKS} 9",
    ),
    Rule(
        "for-each-batch-count-low", "note", "A ForEach runs 50 iterations at once.",
        "It takes longer than it would have to, unless the other side bears no more.", "Raise batchCount.", _FOR_EACH,
        batch_count_low, known_as=f"{_CHECKS} 10",
    ),
    Rule(
        "for-each-batch-count-idle", "note", "A sequential ForEach has no batchCount.",
        "It has no effect, and readers believe it.", "Remove it.", _FOR_EACH, batch_count_idle, fixable=True,
    ),
    Rule(
        "activity-inactive", "warning", "No activity is switched off.",
        "It does nothing, and counts as succeeded unless it says otherwise: what depends on it goes on.",
        "Remove it, or switch it on again.", "https://learn.microsoft.com/azure/data-factory/deactivate-activity",
        inactive,
    ),
    Rule(
        "pipeline-empty", "warning", "A pipeline has activities.", "Its runs succeed and do nothing.", "Delete it.",
        _ACTIVITIES, empty,
    ),
    Rule(
        "call-parameter-missing", "error", "Whoever runs a pipeline gives it each parameter that has no default.",
        "The run is refused when the activity starts.", "Give the parameters that the finding names.", _EXECUTE,
        call_parameters_missing,
    ),
    Rule(
        "call-parameter-unknown", "error", "Whoever runs a pipeline gives it only parameters that it has.",
        "The value goes nowhere: as a rule the name is misspelt, and the pipeline runs with its default.",
        "Correct the name.", _EXECUTE, call_parameters_unknown,
    ),
    Rule(
        "call-waits", "warning", "ExecutePipeline waits for the end of what it runs.",
        "The activity succeeds as soon as the run is started: its failure is nobody's.",
        "Set waitOnCompletion to true.", _EXECUTE, call_without_waiting, fixable=True,
    ),
    Rule(
        "call-recursion", "error", "No pipeline runs itself, directly or through others.", _REFUSED,
        "Use Until within the pipeline, or let a trigger start the next run.", _EXECUTE, recursion, refused=True,
    ),
)  # fmt: skip
