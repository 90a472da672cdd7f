"""The same template in parts that Resource Manager takes, and the master that deploys them one after the other.

https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery-linked-templates; the files' form is that
of published ones (https://github.com/yb-og/adf-cicd-arm has some): a part depends on all parts before it, a resource on
those of its own part only. Where Data Factory cuts is (inferred): it is nowhere written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from toolkit.azure.api_versions import DEPLOYMENTS_API_VERSION
from toolkit.pipelines.templates import LINKED_FOLDER, LINKED_MASTER

MASTER_PARAMETERS = "ArmTemplateParameters_master.json"
_USED = re.compile(r"parameters\('([^']+)'\)")
_CONTAINER = {
    "containerUri": {"type": "string", "metadata": "URI of the container in which the linked templates are"},
    "containerSasToken": {"type": "string", "metadata": "Shared access signature for the container, from ? on"},
}
OWN_PARAMETERS = len(_CONTAINER)
_PART_BYTES, _PART_RESOURCES = 2 * 1024 * 1024, 400  # half of what Resource Manager takes


def linked_files(template: Mapping[str, Any], values: Mapping[str, Any], factory_name: str) -> dict[str, Any]:
    """Their content by name, below ``linkedTemplates``."""
    parts = [_part(template, resources) for resources in _cut(_ordered(template["resources"]))]
    master = {
        **{key: template[key] for key in ("$schema", "contentVersion")},
        "parameters": {**template["parameters"], **_CONTAINER},
        "variables": template["variables"],
        "resources": [_deployment(factory_name, number, part) for number, part in enumerate(parts)],
    }
    given = {**values, **{name: {"value": ""} for name in _CONTAINER}}
    schema = str(template["$schema"]).replace("deploymentTemplate", "deploymentParameters")
    return {
        **{f"{LINKED_FOLDER}/ArmTemplate_{number}.json": part for number, part in enumerate(parts)},
        f"{LINKED_FOLDER}/{LINKED_MASTER}": master,
        f"{LINKED_FOLDER}/{MASTER_PARAMETERS}": {
            "$schema": schema, "contentVersion": "1.0.0.0", "parameters": given,
        },
    }  # fmt: skip


def _ordered(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What others depend on comes first."""
    left = {_id(resource): resource for resource in resources}
    found: list[dict[str, Any]] = []
    while left:
        ready = [key for key, one in left.items() if not any(other.lower() in left for other in one["dependsOn"])]
        for key in ready or list(left):  # a circle, which Data Factory would refuse, stays as it is
            found.append(left.pop(key))
    return found


def _id(resource: Mapping[str, Any]) -> str:
    """As ``dependsOn`` names it, in lower case: ``[concat(variables('factoryId'), '/datasets/x')]``."""
    name = str(resource["name"]).removeprefix("[concat(parameters('factoryName'), '/").removesuffix("')]")
    kinds = str(resource["type"]).split("/")[2:]
    pairs = zip(kinds, name.split("/"), strict=False)
    path = "/".join(f"{kind}/{part}" for kind, part in pairs)
    return f"[concat(variables('factoryId'), '/{path}')]".lower()


def _cut(resources: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    parts: list[list[dict[str, Any]]] = [[]]
    size = 0
    for resource in resources:
        length = len(json.dumps(resource, indent=4, ensure_ascii=False).encode())
        if parts[-1] and (size + length > _PART_BYTES or len(parts[-1]) >= _PART_RESOURCES):
            parts.append([])
            size = 0
        parts[-1].append(resource)
        size += length
    return parts


def _part(template: Mapping[str, Any], resources: list[dict[str, Any]]) -> dict[str, Any]:
    here = {_id(resource) for resource in resources}
    used = {"factoryName", *_USED.findall(json.dumps(resources))}
    kept = [{**one, "dependsOn": [other for other in one["dependsOn"] if other.lower() in here]} for one in resources]
    return {
        **{key: template[key] for key in ("$schema", "contentVersion")},
        "parameters": {name: one for name, one in template["parameters"].items() if name in used},
        "variables": template["variables"],
        "resources": kept,
    }


def _deployment(factory_name: str, number: int, part: Mapping[str, Any]) -> dict[str, Any]:
    uri = f"[concat(parameters('containerUri'), '/ArmTemplate_{number}.json', parameters('containerSasToken'))]"
    before = f"[resourceId('Microsoft.Resources/deployments', '{factory_name}_ArmTemplate_{number - 1}')]"
    return {
        "name": f"{factory_name}_ArmTemplate_{number}",
        "type": "Microsoft.Resources/deployments",
        "apiVersion": DEPLOYMENTS_API_VERSION,
        "properties": {
            "mode": "incremental",
            "templateLink": {"uri": uri, "contentVersion": "1.0.0.0"},
            "parameters": {name: {"value": f"[parameters('{name}')]"} for name in part["parameters"]},
        },
        "dependsOn": [before] if number else [],
    }
