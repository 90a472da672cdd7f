"""The factory resources of what ``terraform show -json`` prints, of a plan or of a state.

https://developer.hashicorp.com/terraform/internals/json-format; azapi's `body` is an object, and was JSON text before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toolkit.pipelines.documents import Document, InvalidDocument, Node, parse_document
from toolkit.pipelines.model import Factory, Fault, Resource, kind_of_type


def is_terraform(value: Any) -> bool:
    return isinstance(value, dict) and "format_version" in value and ("planned_values" in value or "values" in value)


def read_terraform(document: Document, where: str) -> Factory:
    """Without the factory itself among the resources, what they refer to may well be made elsewhere."""
    factory = Factory("", "terraform", where, documents=[document])
    values = document.root.get("planned_values") or document.root.at("values")
    for resource in _resources(values.get("root_module")):
        if resource.text("type") not in ("azapi_resource", "azapi_update_resource") or resource.text("mode") == "data":
            continue
        kind = kind_of_type((resource.text("values", "type") or "").split("@")[0])
        body, name = resource.at("values", "body"), resource.text("values", "name")
        if kind is None or not name:
            continue
        if isinstance(body.value, str):
            try:
                inner = parse_document(body.value, f"{document.file} ({resource.text('address')})")
            except InvalidDocument as error:
                factory.faults.append(Fault("invalid", error.file, error.what, error.line, error.column))
                continue
            factory.documents.append(inner)
            body = inner.root
        if isinstance(body.at("properties").value, dict):
            factory.add(Resource(kind, name, body, body.at("properties")))
        elif kind == "factory":
            factory.add(Resource(kind, name, body, Node(body.document, body.path, {})))
    factories = factory.of("factory")
    factory.complete = bool(factories)
    factory.name = factories[0].name if factories else where
    return factory


def _resources(module: Node | None) -> Iterator[Node]:
    if module is None:
        return
    yield from module.at("resources").items()
    for child in module.at("child_modules").items():
        yield from _resources(child)
