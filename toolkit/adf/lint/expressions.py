"""Expressions: whether they can be read, and whether what they name is there and comes before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.adf.lint.model import Hit, Remove, Rule, Subject, content, is_expression, truth
from toolkit.errors import nearest
from toolkit.pipelines.documents import Node, Path
from toolkit.pipelines.expressions import Analysis, Reference, analyse
from toolkit.pipelines.model import Activity, Factory, Kind, Pipeline, Resource, members

_LANGUAGE = "https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions"
_SYSTEM = "https://learn.microsoft.com/azure/data-factory/control-flow-system-variables"
_PARAMETERS = "https://learn.microsoft.com/azure/data-factory/concepts-parameters-variables"
_GLOBAL = "https://learn.microsoft.com/azure/data-factory/author-global-parameters"
_LOOKUP = "https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity"

# Texts that nobody evaluates.
_PLAIN = frozenset(
    {"description", "annotations", "name", "dependsOn", "defaultValue", "folder", "type", "referenceName"}
)
_PLACES: tuple[Kind, ...] = ("pipeline", "dataset", "linkedService", "trigger")
# What pipeline() has besides parameters and globalParameters.
SYSTEM_VARIABLES = (
    "DataFactory", "Pipeline", "RunId", "GroupId", "TriggerType", "TriggerId", "TriggerName", "TriggerTime",
    "TriggeredByPipelineName", "TriggeredByPipelineRunId",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One expression: where it is, in which activity if in one, and what can be said of it."""

    resource: Resource
    node: Node
    analysis: Analysis
    pipeline: Pipeline | None = None
    activity: Activity | None = None

    @property
    def who(self) -> str:
        return self.activity.label if self.activity else self.resource.label


def _places(subject: Subject) -> list[Place]:
    """Kept with the subject: every rule here walks through them."""
    kept: list[Place] | None = subject.notes.get("places")
    if kept is None:
        kept = subject.notes["places"] = list(_find(subject))
    return kept


def _find(subject: Subject) -> Iterator[Place]:
    for kind in _PLACES:
        for resource in subject.factory.of(kind):
            pipeline = subject.factory.pipeline(resource.name) if kind == "pipeline" else None
            activities = {one.node.path: one for one in pipeline.all_activities} if pipeline else {}
            longest = max(map(len, activities), default=0)
            for path, text in subject.texts(resource):
                if "@" not in text or not is_expression(text) or any(key in _PLAIN for key in path if key != "type"):
                    continue
                analysis = analyse(text)
                if analysis.dynamic or analysis.problems:
                    node = Node(resource.node.document, path, text)
                    yield Place(resource, node, analysis, pipeline, _within(path, activities, longest))


def _within(path: Path, activities: dict[Path, Activity], longest: int) -> Activity | None:
    """The innermost one."""
    for length in range(min(longest, len(path)), 0, -1):
        if found := activities.get(path[:length]):
            return found
    return None


def _problems(subject: Subject, kind: str) -> Iterator[Hit]:
    for place in _places(subject):
        for problem in place.analysis.problems:
            if problem.kind == kind:
                yield Hit(place.node, f"{place.who}: {problem.message}")


def parses(subject: Subject) -> Iterator[Hit]:
    yield from _problems(subject, "parse")


def functions(subject: Subject) -> Iterator[Hit]:
    yield from _problems(subject, "unknown-function")


def arguments(subject: Subject) -> Iterator[Hit]:
    yield from _problems(subject, "argument-count")


def _references(subject: Subject, *kinds: str) -> Iterator[tuple[Place, Reference]]:
    for place in _places(subject):
        for reference in place.analysis.references:
            if reference.kind in kinds:
                yield place, reference


def _missing(name: str | None, known: object) -> str | None:
    """The words about a name that is not among those known; None when it is, or when only a run knows it."""
    names = [str(one) for one in known]  # type: ignore[attr-defined]
    if name is None or name.lower() in {one.lower() for one in names}:
        return None
    close = nearest(name, names)
    return f"which is not defined; there is {close}" if close else "which is not defined"


def parameters(subject: Subject) -> Iterator[Hit]:
    for place, reference in _references(subject, "parameter"):
        if place.pipeline and (words := _missing(reference.name, place.pipeline.parameters)):
            yield Hit(place.node, f"{place.who} uses the parameter {reference.name}, {words}")
    for place, reference in _references(subject, "dataset", "linkedService"):
        if place.resource.kind == reference.kind:
            known = members(place.resource.properties.get("parameters"))
            if words := _missing(reference.name, known):
                yield Hit(place.node, f"{place.who} uses its parameter {reference.name}, {words}")


def variables(subject: Subject) -> Iterator[Hit]:
    for place, reference in _references(subject, "variable"):
        if place.pipeline and (words := _missing(reference.name, place.pipeline.variables)):
            yield Hit(place.node, f"{place.who} reads the variable {reference.name}, {words}")
    for activity in subject.activities_of("SetVariable", "AppendVariable"):
        node = activity.type_properties.at("variableName")
        returned = truth(activity.type_properties.at("setSystemVariable").value) is True
        name = node.value if isinstance(node.value, str) and not is_expression(node.value) else None
        if not returned and (words := _missing(name, activity.pipeline.variables)):
            yield Hit(node, f"{activity.label} writes the variable {name}, {words}")


def global_parameters(subject: Subject) -> Iterator[Hit]:
    if not _knows_global_parameters(subject.factory):
        return
    for place, reference in _references(subject, "globalParameter"):
        if words := _missing(reference.name, subject.factory.global_parameters):
            yield Hit(place.node, f"{place.who} uses the global parameter {reference.name}, {words}")


def _knows_global_parameters(factory: Factory) -> bool:
    """A Git folder without factory/ and a template without them keep them elsewhere."""
    written = bool(factory.global_parameters) or bool(factory.of("factory"))
    return factory.complete and written and factory.origin != "terraform"


def held_activities(subject: Subject) -> Iterator[Hit]:
    for place, reference in _references(subject, "activity"):
        if (
            place.activity is None
            or place.pipeline is None
            or reference.name is None
            or _loop_looks_at(place, reference)
        ):
            continue
        name = reference.name.lower()
        if name in _before(place.activity) and name not in _before(place.activity, held=False):
            yield Hit(place.node, f"{place.who} uses {reference.name}, which is within a container that it waits for")


def activities(subject: Subject) -> Iterator[Hit]:
    for place, reference in _references(subject, "activity"):
        if place.activity is None or place.pipeline is None or reference.name is None:
            continue
        everyone = {one.name.lower(): one for one in place.pipeline.all_activities}
        named = everyone.get(reference.name.lower())
        if named is None:
            words = _missing(reference.name, [one.name for one in place.pipeline.all_activities]) or ""
            yield Hit(place.node, f"{place.who} uses the activity {reference.name}, {words}")
        elif named.name.lower() not in _before(place.activity) and not _loop_looks_at(place, reference):
            why = "itself" if named is place.activity else f"{named.name}, which it does not wait for"
            yield Hit(place.node, f"{place.who} uses {why}")


def _before(activity: Activity, *, held: bool = True) -> set[str]:
    """Everything that it waits for, directly or not, and that its containers wait for.

    ``held``: with what is within an Until, an If or a Switch that it waits for: nobody documents it, but public
    factories rely on it (https://github.com/mrpaulandrew/procfwk, pipeline 04-Infant). Iterations of a ForEach never.
    """
    found: set[str] = set()
    at: Activity | None = activity
    while at is not None:
        by_name = {one.name.lower(): one for one in at.siblings}
        waiting = [one.activity.lower() for one in at.depends_on]
        while waiting:
            name = waiting.pop()
            if name in found or name not in by_name:
                continue
            found.add(name)
            if held:
                found.update(one.name.lower() for one in _held(by_name[name]))
            waiting += [one.activity.lower() for one in by_name[name].depends_on]
        at = at.parent
    return found


def _held(activity: Activity) -> Iterator[Activity]:
    for inner in activity.inner if activity.type != "ForEach" else ():
        yield inner
        yield from _held(inner)


def _loop_looks_at(place: Place, reference: Reference) -> bool:
    """The condition of Until is evaluated after its activities."""
    activity = place.activity
    if activity is None or activity.type != "Until" or reference.name is None:
        return False
    within = (*activity.type_properties.path, "expression")
    inner = {one.name.lower() for one in activity.inner}
    return place.node.path[: len(within)] == within and reference.name.lower() in inner


def scope(subject: Subject) -> Iterator[Hit]:
    for place, reference in _references(subject, "item", "trigger", "triggerBody", "dataset", "linkedService"):
        kind = reference.kind
        if kind == "item":
            if place.activity is not None and _has_item(place, place.activity):
                continue
            words = "item() outside of a ForEach and a Filter's condition"
        elif kind in ("trigger", "triggerBody"):
            if place.resource.kind == "trigger":
                continue
            words = f"{kind}() outside of a trigger: the trigger passes what it has on as a parameter"
        elif place.resource.kind == kind:
            continue
        else:
            words = f"{kind}() outside of a {kind}"
        yield Hit(place.node, f"{place.who}: {words}")


def _has_item(place: Place, activity: Activity) -> bool:
    condition = (*activity.type_properties.path, "condition")
    if activity.type == "Filter" and place.node.path[: len(condition)] == condition:
        return True
    return any(outer.type == "ForEach" for outer in activity.ancestors)


def system_variables(subject: Subject) -> Iterator[Hit]:
    known = {one.lower() for one in SYSTEM_VARIABLES}
    for place, reference in _references(subject, "system"):
        if reference.name is None or reference.name.lower() in known or reference.optional:
            continue
        close = nearest(reference.name, (*SYSTEM_VARIABLES, "parameters", "globalParameters"))
        hint = f"; there is {close}" if close else ""
        yield Hit(place.node, f"{place.who}: pipeline() has no {reference.name}{hint}")


def lookup_output(subject: Subject) -> Iterator[Hit]:
    for place, reference in _references(subject, "activity"):
        if place.pipeline is None or reference.name is None or len(reference.path) < 2:
            continue
        lookups = (one for one in place.pipeline.all_activities if one.type == "Lookup")
        named = next((one for one in lookups if one.name.lower() == reference.name.lower()), None)
        if named is None or str(reference.path[0]).lower() != "output":
            continue
        value = named.type_properties.at("firstRowOnly").value
        first = truth(value) is not False  # its default is true
        if is_expression(content(value)):
            continue
        asked = str(reference.path[1]).lower()
        if (asked == "firstrow") != first and asked in ("firstrow", "value", "count"):
            has = "firstRow" if first else "value and count"
            yield Hit(place.node, f"{place.who} reads {reference.path[1]} of {named.name}, whose output has {has}")


def parameters_unused(subject: Subject) -> Iterator[Hit]:
    used = {
        (id(place.pipeline), (reference.name or "*").lower()) for place, reference in _references(subject, "parameter")
    }
    for pipeline in subject.factory.pipelines:
        if (id(pipeline), "*") in used:
            continue  # somebody reads one whose name only a run knows
        for name, node in pipeline.parameters.items():
            if (id(pipeline), name.lower()) not in used:
                yield Hit(node, f"nothing in pipeline {pipeline.name} uses its parameter {name}")


def variables_unused(subject: Subject) -> Iterator[Hit]:
    read = {(id(place.pipeline), (one.name or "*").lower()) for place, one in _references(subject, "variable")}
    for pipeline in subject.factory.pipelines:
        written = {
            (one.type_properties.text("variableName") or "").lower()
            for one in pipeline.all_activities
            if one.type in ("SetVariable", "AppendVariable")
        }
        for name, node in pipeline.variables.items() if (id(pipeline), "*") not in read else ():
            if (id(pipeline), name.lower()) not in read:
                idle = name.lower() not in written
                what = "reads or writes" if idle else "reads"
                edit = (Remove(node.path),) if idle else ()
                yield Hit(node, f"nothing in pipeline {pipeline.name} {what} its variable {name}", edit)


_REFUSED = "Data Factory refuses the definition when it is published, or the activity fails when it runs."
RULES: tuple[Rule, ...] = (
    Rule(
        "expression-parses", "error", "An expression can be read.", _REFUSED,
        "Mend it at the place that the message names; a literal @ at the beginning is written @@.",
        _LANGUAGE, parses, refused=True,
    ),
    Rule(
        "expression-function", "error", "An expression calls functions that Data Factory has.", _REFUSED,
        "Correct the name; data flows and Logic Apps have others.", _LANGUAGE, functions, refused=True,
    ),
    Rule(
        "expression-arguments", "error", "Functions are given as many arguments as they take.", _REFUSED,
        "Give what the message names.", _LANGUAGE, arguments, refused=True,
    ),
    Rule(
        "expression-activity", "error", "An expression uses the output of activities that come before.", _REFUSED,
        "Add the activity to dependsOn, directly or through others; what runs in a ForEach is known only there.",
        _LANGUAGE, activities, refused=True,
    ),
    Rule(
        "expression-held-activity", "warning", "Expressions read no activity within a container from outside.",
        "No documentation says that an inner activity's output can be read once its container has ended, and in the "
        "sandbox it cannot. Behind an If it is missing whenever the other branch ran.",
        "Set a variable within the container, and read that.", _LANGUAGE, held_activities,
    ),
    Rule(
        "expression-parameter", "error", "Parameters that are used are defined.", _REFUSED,
        "Define the parameter, or correct the name.", _PARAMETERS, parameters, refused=True,
    ),
    Rule(
        "expression-variable", "error", "Variables that are read or written are defined.", _REFUSED,
        "Define the variable, or correct the name.", _PARAMETERS, variables, refused=True,
    ),
    Rule(
        "expression-global-parameter", "error", "Global parameters that are used are defined.", _REFUSED,
        "Define it in the factory; a deployment needs it in each environment.", _GLOBAL, global_parameters,
        refused=True,
    ),
    Rule(
        "expression-scope", "error",
        "item(), trigger(), dataset() and linkedService() stand where they mean something.", _REFUSED,
        "Pass the value on as a parameter.", _SYSTEM, scope, refused=True,
    ),
    Rule(
        "expression-system-variable", "error", "pipeline() is asked for what it has.", _REFUSED,
        "Use a system variable of the documentation, or a parameter.", _SYSTEM, system_variables, refused=True,
    ),
    Rule(
        "expression-lookup", "error", "Of a Lookup, firstRow is read with firstRowOnly, value and count without.",
        "The expression fails when it runs: the property does not exist.",
        "Read the other property, or set firstRowOnly.", _LOOKUP, lookup_output,
    ),
    Rule(
        "parameter-unused", "warning", "Each parameter of a pipeline is used.",
        "Whoever sets it believes that it makes a difference.", "Use it, or remove it and what callers give.",
        _PARAMETERS, parameters_unused,
    ),
    Rule(
        "variable-unused", "warning", "Each variable of a pipeline is read.", "It makes no difference.",
        "Remove it, and the activities that only set it.", _PARAMETERS, variables_unused, fixable=True,
    ),
)  # fmt: skip
