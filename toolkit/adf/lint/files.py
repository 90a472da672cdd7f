"""Files, names, and where references lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from toolkit.adf.lint.model import Hit, Rule, SetValue, Subject
from toolkit.errors import nearest
from toolkit.pipelines.documents import Document, Node
from toolkit.pipelines.model import AUTO_RESOLVE, Resource

_GIT = "https://learn.microsoft.com/azure/data-factory/source-control"
_NAMES = "https://learn.microsoft.com/azure/data-factory/naming-rules"
_TOOLS = "Test-AdfCode"

_FORBIDDEN = re.compile(r"[.+?/<>*%&:\\]")
_FIRST = re.compile(r"^\w")
_RUNTIME = re.compile(r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$")
_LONGEST = {"pipeline": 140, "dataset": 140, "linkedService": 140, "dataflow": 140, "trigger": 140}


def invalid(subject: Subject) -> Iterator[Hit]:
    for fault in subject.factory.faults:
        if fault.kind == "invalid":
            # Stands where the parser stopped, although there is no document that could say so.
            padding = "\n" * (fault.line - 1) + " " * (fault.column - 1) + "0"
            yield Hit(Document(fault.file, padding, 0).root, fault.what)


def shape(subject: Subject) -> Iterator[Hit]:
    for fault in subject.factory.faults:
        if fault.kind == "shape":
            document = fault.document or Document(fault.file, "0", 0)
            yield Hit(Node(document, fault.path, None), fault.what)


def repeated_keys(subject: Subject) -> Iterator[Hit]:
    for document in subject.factory.documents:
        for path, offset in document.repetitions:
            line = document.line_column(offset)[0]
            yield Hit(Node(document, path, None), f"{path[-1]!r} is here and in line {line}: only this one counts")


def name_of_file(subject: Subject) -> Iterator[Hit]:
    if subject.factory.origin not in ("git", "file"):
        return
    for resource in subject.factory.all:
        stem = PurePosixPath(resource.node.document.file).stem
        name = resource.node.get("name")
        if name is not None and name.value != stem and resource.kind != "globalParameters":
            yield Hit(name, f"the file is {stem}.json, the name in it {name.value!r}", (SetValue(name.path, stem),))


def taken_twice(subject: Subject) -> Iterator[Hit]:
    for first, second in subject.factory.doubles:
        yield Hit(second.node.at("name"), f"{second.label} is defined in {first.node.where}, too")


def shared_name(subject: Subject) -> Iterator[Hit]:
    seen: dict[str, Resource] = {}
    for resource in subject.factory.all:
        if resource.kind in ("factory", "globalParameters", "managedVirtualNetwork"):
            continue
        first = seen.setdefault(resource.name.lower(), resource)
        if first is not resource:
            yield Hit(resource.node.at("name"), f"{resource.label} has the name of {first.label}")


def characters(subject: Subject) -> Iterator[Hit]:
    for resource in subject.factory.all:
        node = resource.node.at("name")
        if resource.kind in _LONGEST:
            if found := _FORBIDDEN.search(resource.name):
                yield Hit(node, f"{found[0]!r} in {resource.label}")
            elif not _FIRST.match(resource.name):
                yield Hit(node, f"{resource.label} starts with neither a letter, a digit nor an underscore")
            elif len(resource.name) > _LONGEST[resource.kind]:
                yield Hit(node, f"{len(resource.name)} characters in the name of a {resource.kind}")
        elif resource.kind == "integrationRuntime" and not _RUNTIME.match(resource.name):
            yield Hit(node, f"{resource.label} has more than letters, digits and single dashes between them")


def dashes(subject: Subject) -> Iterator[Hit]:
    for kind in ("linkedService", "dataset", "dataflow"):
        for resource in subject.factory.of(kind):
            if "-" in resource.name:
                yield Hit(resource.node.at("name"), f"a dash in {resource.label}")


def global_parameter_dashes(subject: Subject) -> Iterator[Hit]:
    for name, node in subject.factory.global_parameters.items():
        if "-" in name:
            yield Hit(node, f"a dash in the global parameter {name}")


def references(subject: Subject) -> Iterator[Hit]:
    if not subject.factory.complete:
        return
    for resource, reference in subject.references:
        known = reference.name.lower() == AUTO_RESOLVE.lower() or reference.kind == "managedVirtualNetwork"
        if known or subject.factory.find(reference.kind, reference.name):
            continue
        close = nearest(reference.name, [one.name for one in subject.factory.of(reference.kind)])
        hint = f"; there is {close}" if close else ""
        node = reference.node.at("referenceName")
        yield Hit(node, f"{resource.label} refers to the {reference.kind} {reference.name}, which is not here{hint}")


RULES: tuple[Rule, ...] = (
    Rule(
        "json-invalid", "error", "Every file is JSON in UTF-8.",
        "Git mode cannot load the resource, and publishing stops.", "Mend the file at the place that is named.",
        _GIT, invalid, refused=True, known_as=_TOOLS,
    ),
    Rule(
        "resource-shape", "error", "A resource is an object with a name and an object `properties`.",
        "Git mode cannot load the resource, and publishing stops.",
        "Give it the shape of its neighbours; what is no resource belongs into another folder.",
        _GIT, shape, refused=True, known_as=_TOOLS,
    ),
    Rule(
        "json-repeated-key", "error", "No object has the same member twice.",
        "Parsers keep one of them and say nothing: what somebody wrote is not what runs.",
        "Keep the one that is meant.", "https://www.rfc-editor.org/rfc/rfc8259#section-4", repeated_keys,
    ),
    Rule(
        "name-of-file", "error", "A file is named as the resource in it.",
        "Git mode finds a resource by its file: another name is a resource that cannot be opened or is saved twice.",
        "Name the file as the resource; --fix writes the file's name into it, since references use that.",
        _GIT, name_of_file, fixable=True, known_as=_TOOLS,
    ),
    Rule(
        "name-taken-twice", "error", "A name is there once per kind; letter case makes no difference.",
        "One definition replaces the other one, depending on the order of deployment.",
        "Rename or delete one of them.", _NAMES, taken_twice, refused=True, known_as=_TOOLS,
    ),
    Rule(
        "name-shared", "note", "Resources of different kinds have different names.",
        "Allowed, but logs and reviews that name only the name are ambiguous.", "Give each kind a prefix of its own.",
        _NAMES, shared_name, known_as=_TOOLS,
    ),
    Rule(
        "name-characters", "error", "Names have only characters that Data Factory allows, and at most 140 of them.",
        "Data Factory refuses the resource.", "Use letters, digits, spaces and underscores.",
        _NAMES, characters, refused=True,
    ),
    Rule(
        "name-dash", "note", "Names of linked services, datasets and data flows have no dash.",
        "Microsoft's naming rules forbid it, and a data flow's script cannot name such a dataset; the API itself takes "
        "them.",
        "Use an underscore.", _NAMES, dashes, known_as=_TOOLS,
    ),
    Rule(
        "name-global-parameter-dash", "error", "Names of global parameters have no dash.",
        "An expression pipeline().globalParameters.a-b is read as a subtraction, and refused.",
        "Use an underscore.", _NAMES, global_parameter_dashes, known_as=_TOOLS,
    ),
    Rule(
        "reference-missing", "error", "Whatever a definition refers to is in the factory.",
        "Publishing stops, and a deployment of the template fails.",
        "Correct the name, or bring what is missing into the same branch.", _GIT, references,
        refused=True, known_as=_TOOLS,
    ),
)  # fmt: skip
