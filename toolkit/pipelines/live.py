"""A factory as Data Factory's own API answers it: what is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from toolkit.pipelines.documents import document_of
from toolkit.pipelines.model import ARM_TYPES, Factory, Kind, Resource

# A path below the factory's id -> the resources there, as JSON: an SDK's models have no place for what it does not
# know, and that is what a linter looks for.
Lister = Callable[[str], Iterable[Mapping[str, Any]]]

_NOT_LISTED: tuple[Kind, ...] = ("factory", "managedPrivateEndpoint", "changeDataCapture")


def read_live(resource: Mapping[str, Any], listed: Lister) -> Factory:
    """``resource`` is the factory itself."""
    name = str(resource["name"])
    factory = Factory(name, "live", f"factory {name}")
    _add(factory, "factory", resource)
    for kind, type_ in ARM_TYPES.items():
        if kind in _NOT_LISTED:
            continue
        for item in listed(type_.split("/")[-1]):
            _add(factory, kind, item)
            if kind == "managedVirtualNetwork":
                for endpoint in listed(f"managedVirtualNetworks/{item['name']}/managedPrivateEndpoints"):
                    _add(factory, "managedPrivateEndpoint", endpoint)
    return factory


def _add(factory: Factory, kind: Kind, item: Mapping[str, Any]) -> None:
    document = document_of(dict(item), f"{factory.name}/{kind}/{item['name']}")
    factory.documents.append(document)
    factory.add(Resource(kind, str(item["name"]), document.root, document.root.at("properties")))
