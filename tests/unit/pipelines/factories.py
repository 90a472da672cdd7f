"""Factories for tests, written to disk as each of the places that a factory can be read from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.pipelines.model import ARM_TYPES, PROVIDER, Kind

Resources = Mapping[str, Mapping[str, Any]]  # kind -> name -> properties


def git_folder(root: Path, resources: Resources) -> Path:
    """As Git mode keeps it."""
    for kind, named in resources.items():
        for name, properties in named.items():
            file = root / kind / f"{name}.json"
            if kind == "managedPrivateEndpoint":
                file = root / "managedVirtualNetwork" / "default" / kind / f"{name}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"name": name, "properties": properties}, indent="\t"), encoding="utf-8")
    root.mkdir(parents=True, exist_ok=True)
    return root


def template(resources: Resources, factory: str = "adf-test") -> dict[str, Any]:
    """As publishing writes it into adf_publish."""
    return {
        "$schema": "http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"factoryName": {"type": "string", "metadata": "Data Factory name", "defaultValue": factory}},
        "variables": {"factoryId": "[concat('Microsoft.DataFactory/factories/', parameters('factoryName'))]"},
        "resources": [
            {
                "name": _name(kind, name),
                "type": PROVIDER + ARM_TYPES[kind],
                "apiVersion": "2018-06-01",
                "properties": properties,
            }
            for kind in ARM_TYPES
            for name, properties in resources.get(kind, {}).items()
        ],
    }


def terraform_state(resources: Resources, *, text: bool = False) -> dict[str, Any]:
    """As `terraform show -json` prints a state; ``text``: azapi's body as JSON text."""
    return {
        "format_version": "1.0",
        "values": {
            "root_module": {
                "child_modules": [
                    {
                        "resources": [
                            {
                                "address": f'module.pipelines.azapi_resource.one["{name}"]',
                                "mode": "managed",
                                "type": "azapi_resource",
                                "values": {
                                    "name": name,
                                    "type": f"{PROVIDER}{ARM_TYPES[kind]}@2018-06-01",
                                    "body": json.dumps({"properties": properties})
                                    if text
                                    else {"properties": properties},
                                },
                            }
                            for kind in ARM_TYPES
                            for name, properties in resources.get(kind, {}).items()
                        ]
                    }
                ]
            }
        },
    }


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2), encoding="utf-8")
    return path


def _name(kind: Kind, name: str) -> str:
    if kind == "factory":
        return "[parameters('factoryName')]"
    middle = "/default" if kind == "managedPrivateEndpoint" else ""
    return f"[concat(parameters('factoryName'), '{middle}/{name}')]"
