"""What a factory is made of: resources by kind, pipelines with their activities, each with where it is written.

Names and types: https://learn.microsoft.com/azure/templates/microsoft.datafactory/factories. The folders of Git mode:
https://learn.microsoft.com/azure/data-factory/source-control
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from toolkit.pipelines.documents import Document, Node, Path

Origin = Literal["git", "template", "terraform", "live", "file"]
Kind = Literal[
    "factory",
    "globalParameters",
    "credential",
    "managedVirtualNetwork",
    "managedPrivateEndpoint",
    "integrationRuntime",
    "linkedService",
    "dataset",
    "dataflow",
    "pipeline",
    "trigger",
    "changeDataCapture",
]

# Kind (in Git mode, the folder's name) -> resource type below Microsoft.DataFactory/, in the order in which each finds
# what it refers to.
ARM_TYPES: dict[Kind, str] = {
    "factory": "factories",
    "globalParameters": "factories/globalParameters",
    "credential": "factories/credentials",
    "managedVirtualNetwork": "factories/managedVirtualNetworks",
    "managedPrivateEndpoint": "factories/managedVirtualNetworks/managedPrivateEndpoints",
    "integrationRuntime": "factories/integrationRuntimes",
    "linkedService": "factories/linkedServices",
    "dataset": "factories/datasets",
    "dataflow": "factories/dataflows",
    "pipeline": "factories/pipelines",
    "trigger": "factories/triggers",
    "changeDataCapture": "factories/adfcdcs",
}
PROVIDER = "Microsoft.DataFactory/"
_KIND_OF_TYPE: dict[str, Kind] = {f"{PROVIDER}{type_}".lower(): kind for kind, type_ in ARM_TYPES.items()}

# What a reference's `type` says -> the kind that it names.
REFERENCES: dict[str, Kind] = {
    "LinkedServiceReference": "linkedService",
    "DatasetReference": "dataset",
    "PipelineReference": "pipeline",
    "IntegrationRuntimeReference": "integrationRuntime",
    "DataFlowReference": "dataflow",
    "CredentialReference": "credential",
    "TriggerReference": "trigger",
    "ManagedVirtualNetworkReference": "managedVirtualNetwork",
}
# There in every factory, and never written down:
# https://learn.microsoft.com/azure/data-factory/concepts-integration-runtime#azure-ir-location
AUTO_RESOLVE = "AutoResolveIntegrationRuntime"

# Activities that hold others -> the properties that hold them. `cases` is a list of objects with `activities`.
# https://learn.microsoft.com/azure/data-factory/concepts-nested-activities
CONTAINERS: dict[str, tuple[str, ...]] = {
    "ForEach": ("activities",),
    "Until": ("activities",),
    "IfCondition": ("ifTrueActivities", "ifFalseActivities"),
    "Switch": ("cases", "defaultActivities"),
}


def kind_of_type(type_: str) -> Kind | None:
    """Of a resource type as ARM writes it; letter case does not matter."""
    return _KIND_OF_TYPE.get(type_.lower())


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """``node`` is the whole resource, ``properties`` what the kind defines."""

    kind: Kind
    name: str
    node: Node
    properties: Node

    @property
    def type(self) -> str:
        return self.properties.text("type") or ""

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def described(self) -> bool:
        return bool((self.properties.text("description") or "").strip())


@dataclass(frozen=True, slots=True, eq=False)
class Dependency:
    activity: str
    conditions: tuple[str, ...]
    node: Node


@dataclass(eq=False)
class Activity:
    """``branch`` is the property of ``parent`` that holds it; a case's is ``cases[N]``."""

    pipeline: Pipeline
    node: Node
    parent: Activity | None = None
    branch: str = "activities"
    inner: list[Activity] = field(default_factory=list)

    @cached_property
    def name(self) -> str:
        return self.node.text("name") or ""

    @cached_property
    def type(self) -> str:
        return self.node.text("type") or ""

    @cached_property
    def type_properties(self) -> Node:
        return self.node.at("typeProperties")

    @cached_property
    def depends_on(self) -> tuple[Dependency, ...]:
        return tuple(_dependencies(self.node.get("dependsOn")))

    @property
    def siblings(self) -> list[Activity]:
        """Those that it can depend on, and itself: the same list of activities."""
        around = self.parent.inner if self.parent else self.pipeline.activities
        return [other for other in around if other.branch == self.branch]

    @property
    def ancestors(self) -> Iterator[Activity]:
        """From the nearest outwards."""
        outer = self.parent
        while outer is not None:
            yield outer
            outer = outer.parent

    @property
    def label(self) -> str:
        return f"activity {self.name or '(without a name)'} of pipeline {self.pipeline.name}"


@dataclass(eq=False)
class Pipeline:
    resource: Resource

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def properties(self) -> Node:
        return self.resource.properties

    @cached_property
    def parameters(self) -> Mapping[str, Node]:
        return members(self.properties.get("parameters"))

    @cached_property
    def variables(self) -> Mapping[str, Node]:
        return members(self.properties.get("variables"))

    @cached_property
    def activities(self) -> list[Activity]:
        """Those at its root."""
        return list(_activities(self, self.properties.get("activities"), None, "activities"))

    @cached_property
    def all_activities(self) -> list[Activity]:
        """Those in containers as well, each container before what it holds."""

        def flat(activities: Sequence[Activity]) -> Iterator[Activity]:
            for activity in activities:
                yield activity
                yield from flat(activity.inner)

        return list(flat(self.activities))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that could not be read as a definition; ``kind`` says of what sort (a rule of lint has the words)."""

    kind: Literal["invalid", "shape"]
    file: str
    what: str
    line: int = 1
    column: int = 1
    document: Document | None = None
    path: tuple[str | int, ...] = ()


@dataclass(eq=False)
class Factory:
    """``complete``: everything that a reference can lead to is here, so that one which leads nowhere is a mistake."""

    name: str
    origin: Origin
    where: str
    complete: bool = True
    documents: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    resources: dict[Kind, dict[str, Resource]] = field(default_factory=dict)
    # Second and later ones of the same kind and name: which of them counts depends on who reads.
    doubles: list[tuple[Resource, Resource]] = field(default_factory=list)

    def add(self, resource: Resource) -> None:
        """Names are compared without letter case: https://learn.microsoft.com/azure/data-factory/naming-rules"""
        known = self.resources.setdefault(resource.kind, {})
        first = known.setdefault(resource.name.lower(), resource)
        if first is not resource:
            self.doubles.append((first, resource))

    def find(self, kind: Kind, name: str) -> Resource | None:
        return self.resources.get(kind, {}).get(name.lower())

    def of(self, kind: Kind) -> list[Resource]:
        return list(self.resources.get(kind, {}).values())

    @property
    def all(self) -> Iterator[Resource]:
        for kind in ARM_TYPES:
            yield from self.of(kind)

    @cached_property
    def pipelines(self) -> list[Pipeline]:
        return [Pipeline(resource) for resource in self.of("pipeline")]

    @cached_property
    def _pipeline_names(self) -> dict[str, Pipeline]:
        return {pipeline.name.lower(): pipeline for pipeline in self.pipelines}

    def pipeline(self, name: str) -> Pipeline | None:
        return self._pipeline_names.get(name.lower())

    @cached_property
    def global_parameters(self) -> Mapping[str, Node]:
        """Those in the factory's own file, and those that have a resource or a file of their own."""
        found: dict[str, Node] = {}
        for resource in self.of("factory"):
            found |= members(resource.properties.get("globalParameters"))
        for resource in self.of("globalParameters"):
            found |= members(resource.properties)
        return found


def members(node: Node | None) -> dict[str, Node]:
    """The members of an object by name; nothing when it is none."""
    if node is None or not isinstance(node.value, dict):
        return {}
    return {str(item.key): item for item in node.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """``{"referenceName": …, "type": "…Reference"}`` somewhere in a definition."""

    kind: Kind
    name: str
    node: Node


def references(node: Node, walked: Iterable[tuple[Path, Any]] | None = None) -> Iterator[Reference]:
    """Every reference below ``node``; one whose name is an expression is left out: nobody knows where it leads.

    ``walked`` is what ``node.walk()`` answers, for somebody who has it already.
    """
    for path, value in walked if walked is not None else node.walk():
        if not isinstance(value, dict) or "referenceName" not in value:
            continue
        kind = REFERENCES.get(value["type"]) if isinstance(value.get("type"), str) else None
        name = value["referenceName"]
        if kind and isinstance(name, str) and not name.startswith(("@", "[")):
            yield Reference(kind, name, Node(node.document, path, value))


def _dependencies(node: Node | None) -> Iterator[Dependency]:
    for item in node.items() if node is not None else ():
        conditions: Any = item.value.get("dependencyConditions") if isinstance(item.value, dict) else None
        known = tuple(one for one in conditions if isinstance(one, str)) if isinstance(conditions, list) else ()
        yield Dependency(item.text("activity") or "", known, item)


def _activities(pipeline: Pipeline, node: Node | None, parent: Activity | None, branch: str) -> Iterator[Activity]:
    if node is None or not isinstance(node.value, list):
        return
    for item in node.items():
        if not isinstance(item.value, dict):
            continue
        activity = Activity(pipeline, item, parent, branch)
        for name in CONTAINERS.get(activity.type, ()):
            held = activity.type_properties.get(name)
            if name != "cases":
                activity.inner += _activities(pipeline, held, activity, name)
                continue
            for case in held.items() if held is not None else ():
                within = f"cases[{case.key}]"
                activity.inner += _activities(pipeline, case.get("activities"), activity, within)
        yield activity
