"""Microsoft.Resources: deployments to a resource group of templates that have outputs and no resources.

Such a deployment keeps a value in the resource group, for whoever may read it there:
https://learn.microsoft.com/azure/azure-resource-manager/templates/outputs. What deploys something is refused: as Azure
does where the caller may not write it (a deployment has the rights of whoever sends it, and no others:
https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-rest#required-permissions; the words and the
400: Azure-Samples/azure-search-openai-demo issues 242 and 1483), else by name. So are expressions in outputs, except of
the text that ``[[`` begins.

https://learn.microsoft.com/rest/api/resources/deployments (create or update, get, list by resource group, delete);
at most 800 in a group: https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history-deletions.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.access import ASSIGNMENTS
from toolkit.sandbox.arm.errors import bad_request, conflict, not_modelled
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType
from toolkit.sandbox.arm.types.authorization import assignment_facts
from toolkit.sandbox.store import Resource

TYPE = "Microsoft.Resources/deployments"
_NAME = re.compile(r"[-\w._()]{1,64}")
_MOST = 800
_FILE = "types/deployments.py"
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "bool": (bool,),
    "int": (int,),
}


def _checked(call: Call, resource: Resource) -> None:
    sent = call.sent
    if not _NAME.fullmatch(call.id.name):
        raise bad_request(
            "InvalidDeployment",
            f"The deployment name '{call.id.name}' is invalid. It can have at most 64 letters, digits, '-', '_', '.' "
            "and parentheses.",
        )
    if str(sent.get("mode", "")).lower() not in ("incremental", "complete"):
        raise bad_request(
            "InvalidDeployment", "The 'mode' property of the deployment is not 'Incremental' or 'Complete'."
        )
    if sent.get("templateLink") or not isinstance(sent.get("template"), dict):
        raise not_modelled("deployments without a template in the request", _FILE)
    template = sent["template"]
    _require_rights(call, call.id.scope, template)
    if template.get("resources") or str(sent["mode"]).lower() == "complete" or sent.get("parameters"):
        raise not_modelled("deployments of resources, with parameters, or that remove what is not in them", _FILE)
    if call.existing is not None and call.existing.properties.get("provisioningState") in ("Accepted", "Running"):
        raise conflict(
            "DeploymentActive",
            f"Unable to edit or replace deployment '{call.id.name}': previous deployment is still active.",
        )
    if call.creating and len(call.resources.store.under(call.id.parent_id, TYPE)) >= _MOST:
        raise conflict(
            "DeploymentQuotaExceeded",
            f"Creating the deployment '{call.id.name}' would exceed the quota of '{_MOST}'. The current deployment "
            f"count is '{_MOST}'. Please delete some deployments before creating a new one, or see https://aka.ms/800LimitFix.",
        )
    for name, output in (template.get("outputs") or {}).items():
        _output(name, output)


def _require_rights(call: Call, group: str, template: Json) -> None:
    """The caller may write each resource of a template itself, those of templates in it included."""
    for resource in template.get("resources") or []:
        type_, name = str(resource.get("type", "")), str(resource.get("name", ""))
        if "[" in f"{type_}{name}{resource.get('scope', '')}{resource.get('resourceGroup', '')}":
            raise not_modelled("expressions in the names of a template's resources", _FILE)
        namespace, *types = type_.split("/")
        around = group
        if other := resource.get("resourceGroup"):
            around = f"/subscriptions/{call.id.subscription_id}/resourceGroups/{other}"
        if on := str(resource.get("scope") or ""):
            around = on if on.startswith("/subscriptions/") else f"{group}/providers/{on}"
        pairs = "/".join(f"{kind}/{part}" for kind, part in zip(types, name.split("/"), strict=False))
        id_ = f"{around}/providers/{namespace}/{pairs}"
        facts: Json = {}
        if type_.lower() == ASSIGNMENTS.lower():
            inner = replace(call, method="PUT", body={"properties": resource.get("properties") or {}}, existing=None)
            facts = assignment_facts(inner)
        if not call.resources.world.access.allows_action(call.principal, id_, f"{type_}/write", facts):
            who = call.principal.object_id
            raise bad_request(
                "InvalidTemplateDeployment",
                f"The template deployment failed with error: 'Authorization failed for template resource '{name}' of "
                f"type '{type_}'. The client '{call.principal.client_id or who}' with object id '{who}' does not have "
                f"permission to perform action '{type_}/write' at scope '{id_}'.'.",
            )
        if type_.lower() == TYPE.lower():
            _require_rights(call, around, (resource.get("properties") or {}).get("template") or {})


def _output(name: str, output: Json) -> Json:
    kind = str(output.get("type", ""))
    value = output.get("value")
    if not isinstance(value, _KINDS.get(kind.lower(), ())) or (kind.lower() == "int" and isinstance(value, bool)):
        raise bad_request(
            "InvalidTemplate",
            f"Deployment template validation failed: 'The template output '{name}' at line '1' and column '1' is not "
            f"valid: the value is not of type '{kind}'.'.",
        )
    return {"type": kind.capitalize(), "value": _literal(name, value)}


def _literal(name: str, value: Any) -> Any:
    """The value without what a template's syntax adds to it."""
    if isinstance(value, str):
        if value.startswith("[["):
            return value[1:]
        if value.startswith("[") and value.endswith("]"):
            raise not_modelled(f"the expression of the output '{name}'", _FILE)
        return value
    if isinstance(value, list):
        return [_literal(name, each) for each in value]
    if isinstance(value, dict):
        return {key: _literal(name, each) for key, each in value.items()}
    return value


def _deployed(call: Call, resource: Resource) -> None:
    template = call.sent["template"]
    outputs = {name: _output(name, output) for name, output in (template.get("outputs") or {}).items()}
    resource.body["properties"] = {
        "templateHash": str(int(hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16], 16)),
        "mode": "Incremental",
        "timestamp": datetime.now(UTC).isoformat(),
        "duration": "PT0S",
        "correlationId": str(uuid.uuid4()),
        "providers": [],
        "dependencies": [],
        "outputResources": [],
    }
    resource.internal["outputs"] = outputs


def _finished(resource: Resource) -> None:
    """Outputs are there once it has ended: https://learn.microsoft.com/rest/api/resources/deployments/get (inferred
    from the properties of one that is running, which have none)."""
    resource.properties["outputs"] = resource.internal.pop("outputs")


DEPLOYMENTS: tuple[ResourceType, ...] = (
    ResourceType(
        TYPE,
        first_api_version="2015-11-01",
        location="none",
        methods=frozenset({"GET", "PUT", "DELETE"}),
        delete_status=202,
        missing=("DeploymentNotFound", "Deployment '{name}' could not be found."),
        long_running=LongRunning(
            create=2,
            update=2,
            delete=5,
            running="Accepted",
            headers=("Azure-AsyncOperation",),
            delete_headers=("Location",),
        ),
        validate=_checked,
        on_put=_deployed,
        on_finished=_finished,
    ),
)
