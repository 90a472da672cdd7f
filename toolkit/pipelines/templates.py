"""ARM templates of a factory: the one that publishing makes, and its linked parts.

Only what such a template uses of ARM's language is understood: literals, ``concat``, ``parameters`` and ``variables``.
What needs more stays as it is written. https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.pipelines.documents import Document, InvalidDocument, Node, read_document
from toolkit.pipelines.model import Factory, Fault, Resource, kind_of_type

MAIN = "ARMTemplateForFactory.json"
PARAMETERS = "ARMTemplateParametersForFactory.json"
# https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery-linked-templates
LINKED_FOLDER = "linkedTemplates"
LINKED_MASTER = "ArmTemplate_master.json"
_LINKED = re.compile(r"^ArmTemplate_\d+\.json$", re.IGNORECASE)
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.]*)|(?P<mark>[(),]))")
_SECURE = ("securestring", "secureobject")


class _Unknown(Exception):
    """More of ARM's language than a factory's template has."""


def template_files(folder: Path) -> list[Path]:
    """The files of a published template in ``folder``; the linked parts only where the whole one is not there."""
    if (folder / MAIN).is_file():
        return [folder / MAIN]
    for place in (folder, folder / LINKED_FOLDER):
        if place.is_dir() and (parts := [path for path in place.iterdir() if _LINKED.match(path.name)]):
            return sorted(parts, key=lambda path: int(re.sub(r"\D", "", path.stem)))
    return []


def is_template(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("resources"), list):
        return False
    return "deploymentTemplate" in str(value.get("$schema", "")) or "contentVersion" in value


def read_templates(files: list[Path], where: str, shown: Mapping[Path, str]) -> Factory:
    """Raises InvalidDocument when the first file is no JSON: without it there is nothing to look at."""
    factory = Factory("", "template", where)
    for file in files:
        try:
            document = read_document(file, shown[file])
        except InvalidDocument as error:
            if len(files) == 1:
                raise
            factory.faults.append(Fault("invalid", error.file, error.what, error.line, error.column))
            continue
        add_template(factory, document, _values(file.parent / PARAMETERS))
    factory.name = factory.name or Path(where).resolve().name
    return factory


def add_template(factory: Factory, document: Document, values: Mapping[str, Any] | None = None) -> None:
    """The resources of one template, with its functions resolved as far as the parameters' values are known."""
    if not is_template(document.value):
        factory.faults.append(Fault("shape", document.file, "is no ARM template: it has no list `resources`"))
        return
    scope = _scope(document.value, values or {})
    written = document.value["resources"]
    document.value = {**document.value, "resources": [scope.resolved(item) for item in written]}
    factory.documents.append(document)
    factory.name = factory.name or str(scope.parameters.get("factoryName", ""))
    for node in document.root.at("resources").items():
        type_, name = node.text("type"), node.text("name")
        kind = kind_of_type(type_ or "")
        if kind is None:
            continue
        if not name or not isinstance(node.at("properties").value, dict):
            what = f"a resource of type {type_} has no name or no properties"
            line, column = document.position(node.path)
            factory.faults.append(Fault("shape", document.file, what, line, column, document, node.path))
            continue
        # Of a name that could not be resolved, `[concat(…, '/last')]`, the last part is the resource's own.
        factory.add(Resource(kind, name.strip("[]()' ").split("/")[-1], node, node.at("properties")))


@dataclass(frozen=True, slots=True)
class _Scope:
    parameters: Mapping[str, Any]
    variables: Mapping[str, Any]

    def resolved(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.resolved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolved(inner) for inner in value]
        if not isinstance(value, str) or not value.startswith("["):
            return value
        if not value.endswith("]"):
            return value
        if value.startswith("[["):
            return value[1:]
        try:
            return self._evaluate(value[1:-1])
        except _Unknown:
            return value

    def _evaluate(self, text: str) -> Any:
        result, at = self._expression(text, 0)
        if text[at:].strip():
            raise _Unknown
        return result

    def _expression(self, text: str, at: int) -> tuple[Any, int]:
        token = _TOKEN.match(text, at)
        if token is None or token["mark"]:
            raise _Unknown
        at = token.end()
        if token["text"]:
            return token["text"][1:-1].replace("''", "'"), at
        name, arguments = token["name"], list[Any]()
        opening = _TOKEN.match(text, at)
        if opening is None or opening["mark"] != "(":
            raise _Unknown
        at = opening.end()
        while True:
            token = _TOKEN.match(text, at)
            if token is None:
                raise _Unknown
            if token["mark"] == ")":
                return self._call(name, arguments), token.end()
            if token["mark"] == ",":
                at = token.end()
                continue
            argument, at = self._expression(text, at)
            arguments.append(argument)

    def _call(self, name: str, arguments: list[Any]) -> Any:
        match name.lower(), arguments:
            case "concat", parts if all(isinstance(part, str | int) for part in parts):
                return "".join(str(part) for part in parts)
            case "parameters", [str(key)] if key in self.parameters:
                return self.parameters[key]
            case "variables", [str(key)] if key in self.variables:
                return self.variables[key]
        raise _Unknown


def _scope(template: Mapping[str, Any], values: Mapping[str, Any]) -> _Scope:
    """A secret's parameter stays a parameter, whatever its value: it is not written where it is used."""
    known: dict[str, Any] = {}
    declared = template.get("parameters")
    for name, parameter in declared.items() if isinstance(declared, dict) else ():
        if not isinstance(parameter, dict) or str(parameter.get("type", "")).lower() in _SECURE:
            continue
        if "defaultValue" in parameter:
            known[name] = parameter["defaultValue"]
        elif name in values:
            known[name] = values[name]
        elif name == "factoryName":
            known[name] = "factoryName"
    written = template.get("variables")
    variables: dict[str, Any] = {}
    for name, value in written.items() if isinstance(written, dict) else ():
        variables[name] = _Scope(known, variables).resolved(value)
    return _Scope(known, variables)


def _values(file: Path) -> Mapping[str, Any]:
    try:
        given = read_document(file, str(file)).value["parameters"]
        return {name: item["value"] for name, item in given.items() if "value" in item}
    except (OSError, InvalidDocument, KeyError, TypeError, AttributeError):
        return {}  # the template is read without them


def template_parameters(document: Document) -> list[Node]:
    """What the template asks for."""
    return list(document.root.at("parameters").items())
