"""The ARM template that publishing would make of a factory, with its parameters; offline.

Which values become parameters is said by ``parameterisation.json`` (Data Factory's default) or by the repository's own
``arm-template-parameters-definition.json``:
https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery-resource-manager-custom-parameters
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.errors import ToolkitError, UsageError
from toolkit.pipelines.documents import InvalidDocument, read_document
from toolkit.pipelines.model import ARM_TYPES, AUTO_RESOLVE, PROVIDER, Factory, Kind, Resource, references
from toolkit.pipelines.templates import LINKED_FOLDER

DEFINITION = "arm-template-parameters-definition.json"
_SCHEMA = "http://schema.management.azure.com/schemas/2015-01-01/{}.json#"
# https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits
PARAMETERS, RESOURCES, BYTES = 256, 800, 4 * 1024 * 1024
_TYPES = {
    type_.lower(): type_ for type_ in ("string", "secureString", "int", "bool", "object", "secureObject", "array")
}
_TYPES["number"] = "int"  # older definitions say so
_LOCAL: tuple[Kind, ...] = ("factory",)  # it is there before its content is


@dataclass(slots=True)
class Template:
    """``values`` are what a deployment to the same place would give; a secret has none."""

    template: dict[str, Any]
    values: dict[str, Any]

    def files(self) -> dict[str, str]:
        """The whole template with its parameters, and its linked parts, as publishing writes both."""
        return {name: _text(one) for name, one in self._documents().items()}

    def needs_parts(self) -> str | None:
        """Why Resource Manager does not take the whole template; None when it does."""
        size = len(_text(self.template).encode())
        if (count := len(self.template["resources"])) > RESOURCES:
            return f"the template has {count} resources, Resource Manager takes {RESOURCES}"
        return f"the template has {size} bytes, Resource Manager takes {BYTES}" if size > BYTES else None

    def _documents(self) -> dict[str, Any]:
        from toolkit.adf.linked import linked_files
        from toolkit.pipelines.templates import MAIN, PARAMETERS

        given = {
            "$schema": _SCHEMA.format("deploymentParameters"),
            "contentVersion": "1.0.0.0",
            "parameters": self.values,
        }
        name = str(self.template["parameters"]["factoryName"]["defaultValue"])
        return {MAIN: self.template, PARAMETERS: given, **linked_files(self.template, self.values, name)}


def _text(document: Any) -> str:
    return json.dumps(document, indent=4, ensure_ascii=False) + "\n"


def default_definition() -> dict[str, Any]:
    text = (Path(__file__).parent / "parameterisation.json").read_text(encoding="utf-8")
    definition: dict[str, Any] = json.loads(text)
    return definition


def definition_of(folder: Path) -> dict[str, Any]:
    """The folder's own, or the default. Raises UsageError when it is no JSON object."""
    file = folder / DEFINITION
    if not file.is_file():
        return default_definition()
    try:
        value = read_document(file, str(file)).value
    except InvalidDocument as error:
        raise UsageError(str(error), hint=f"without {DEFINITION} the default is used") from error
    if not isinstance(value, dict):
        raise UsageError(f"{file}: an object is expected", hint=f"without {DEFINITION} the default is used")
    return value


def export(factory: Factory, definition: Mapping[str, Any], name: str | None = None) -> Template:
    """Raises ToolkitError when the template would be more than Resource Manager takes, in parts, too."""
    writer = _Writer({key.lower(): value for key, value in definition.items()})
    writer.parameters["factoryName"] = {
        "type": "string",
        "metadata": "Data Factory name",
        "defaultValue": name or factory.name,
    }
    made = [writer.resource(one) for one in _exported(factory)]
    if global_ := {key: node.value for key, node in factory.global_parameters.items()}:
        made.append(writer.written("globalParameters", "default", "", {"properties": global_}, []))
    template = {
        "$schema": _SCHEMA.format("deploymentTemplate"),
        "contentVersion": "1.0.0.0",
        "parameters": writer.parameters,
        "variables": {"factoryId": f"[concat('{PROVIDER}factories/', parameters('factoryName'))]"},
        "resources": made,
    }
    values = {key: {"value": one.get("defaultValue", "")} for key, one in writer.parameters.items()}
    result = Template(template, values)
    _require_deployable(result)
    return result


def _require_deployable(result: Template) -> None:
    from toolkit.adf.linked import OWN_PARAMETERS

    count, most = len(result.template["parameters"]), PARAMETERS - (OWN_PARAMETERS if result.needs_parts() else 0)
    if count > most:
        takes = "Resource Manager takes" if most == PARAMETERS else "its linked templates take"
        raise ToolkitError(
            f"the template has {count} parameters, {takes} {most}",
            hint=f"say in {DEFINITION} which values are parameters",
        )
    for name, text in result.files().items():
        if name.startswith(LINKED_FOLDER) and (size := len(text.encode())) > BYTES:
            raise ToolkitError(
                f"{name} has {size} bytes, Resource Manager takes {BYTES}",
                hint="one of its resources is too large: split that pipeline, or move its constants into files",
            )


def _exported(factory: Factory) -> list[Resource]:
    return [one for one in factory.all if one.kind not in (*_LOCAL, "globalParameters")]


@dataclass(slots=True)
class _Writer:
    definition: Mapping[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    def resource(self, one: Resource) -> dict[str, Any]:
        """``name``, ``etag`` and whatever else the file or the service adds beside the properties is left out."""
        found = dict.fromkeys(
            f"[concat(variables('factoryId'), '/{_path(reference.kind, reference.name)}')]"
            for reference in references(one.properties)
            if reference.name.lower() != AUTO_RESOLVE.lower()
        )
        if one.kind == "managedPrivateEndpoint":
            found[f"[concat(variables('factoryId'), '/{_path('managedVirtualNetwork', 'default')}')]"] = None
        properties = {key: value for key, value in one.properties.value.items() if key != "connectionState"}
        return self.written(one.kind, one.name, one.type, {"properties": properties}, list(found))

    def written(
        self, kind: Kind, name: str, type_: str, content: dict[str, Any], depends_on: list[str]
    ) -> dict[str, Any]:
        type_name = f"{PROVIDER}{ARM_TYPES[kind]}"
        wanted = self.definition.get(type_name.lower())
        if isinstance(wanted, dict) and "properties" not in wanted:
            wanted = wanted.get(type_, wanted.get("*"))
        secured = kind in ("linkedService", "integrationRuntime", "credential")
        return {
            "name": f"[concat(parameters('factoryName'), '/{_parent(kind)}{_quoted(name)}')]",
            "type": type_name,
            "apiVersion": API_VERSIONS["microsoft.datafactory/factories"],
            "properties": self._value(content, wanted, [name], secured)["properties"],
            "dependsOn": depends_on,
        }

    def _value(self, value: Any, wanted: Any, path: list[str], secured: bool) -> Any:
        if isinstance(wanted, str):
            return self._parameter(value, wanted, path)
        if secured and isinstance(value, dict) and value.get("type") == "SecureString":
            return {**value, "value": self._named(f"{path[0]}_{path[-1]}", "secureString", None)}
        if isinstance(value, dict):
            below = wanted if isinstance(wanted, dict) else {}
            return {
                key: self._value(inner, below.get(key, below.get("*")), [*path, key], secured)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            each, *names = wanted if isinstance(wanted, list) and wanted else (None,)
            return [
                self._value(item, each, [*path[:-1], _name(item, names) or f"{path[-1]}_{at}"], secured)
                for at, item in enumerate(value)
            ]
        return _literal(value)

    def _parameter(self, value: Any, wanted: str, path: list[str]) -> Any:
        """``<action>:<name>:<type>``"""
        action, given, kind = [*wanted.split(":"), "", ""][:3]
        if given.startswith("-"):
            name = f"{path[0]}_{given[1:] or path[-1]}"
        else:
            name = "_".join([*path[:-1], given or path[-1]])
        type_ = _TYPES.get(kind.lower()) or _type_of(value)
        if action == "|" and isinstance(value, dict):
            if value.get("type") == "AzureKeyVaultSecret":
                secret = self._named(f"{'_'.join(path)}_secretName", "string", value.get("secretName"))
                return {**value, "secretName": secret}
            return {**value, "value": self._named(name, "secureString", None)}
        if action == "|":
            return self._named(name, "secureString", None)
        return self._named(name, type_, value if action == "=" else None)

    def _named(self, name: str, type_: str, default: Any) -> str:
        name = re.sub(r"\W", "_", name)
        declared: dict[str, Any] = {"type": type_}
        if default is not None and not type_.startswith("secure"):
            declared["defaultValue"] = _deep(default)
        elif type_.startswith("secure"):
            declared["metadata"] = f"Secure value of '{name}'"
        self.parameters[name] = declared
        return f"[parameters('{name}')]"


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "string"


def _name(item: Any, names: list[Any]) -> str | None:
    """What ``pipelineReference.referenceName`` leads to in an element."""
    for key in str(names[0]).split(".") if names else ():
        item = item.get(key) if isinstance(item, dict) else None
    return item if names and isinstance(item, str) else None


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _deep(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_deep(inner) for inner in value]
    return _literal(value)


def _literal(value: Any) -> Any:
    """What begins and ends with a bracket would be a function: the first bracket is doubled."""
    return f"[{value}" if isinstance(value, str) and value.startswith("[") and value.endswith("]") else value


def _path(kind: Kind, name: str) -> str:
    return f"{ARM_TYPES[kind].split('/', 1)[1]}/{_quoted(name)}"


def _parent(kind: Kind) -> str:
    return "default/" if kind == "managedPrivateEndpoint" else ""


def _quoted(name: str) -> str:
    return name.replace("'", "''")
