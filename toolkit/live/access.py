"""Who may do what: exactly the role assignments of both roots, none added anywhere that reaches the platform.

Of the platform's own identities every assignment counts, wherever it is; of strangers those inside its two groups.
https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from azure.core.exceptions import HttpResponseError

from toolkit.azure.api_versions import api_version
from toolkit.live.findings import Finding, compared, unlisted
from toolkit.live.inventory import ASSIGNMENTS, DEFINITIONS, IDENTITIES, Inventory
from toolkit.live.meant import Manifest
from toolkit.records import Json

_PATH = f"/providers/{ASSIGNMENTS}"


def assignments(inventory: Inventory, names: dict[str, str]) -> Iterator[Finding]:
    """``names``: what the principals are called, by their ids in lower case; those are the platform's own."""
    own = {*names, *principals(inventory.manifest)}
    live: dict[str, Json] = {}
    for group in inventory.group_ids:
        # At, above and below the group.
        for found in inventory.view.list(f"{group}{_PATH}"):
            live[str(found["id"]).casefold()] = found
    meant = {one.key: one for one in inventory.manifest.of(ASSIGNMENTS)}
    for key, one in meant.items():
        who = f"{_words(one.body['properties'], names)} on {_scope(one.id)}"
        if (document := live.get(key) or inventory.document(one)) is None:
            yield Finding("missing", ASSIGNMENTS, one.id, who, meant=one.body, address=one.address)
            continue
        if key not in live and _within(inventory, _scope_of(one.id)):
            yield unlisted(one, who)
        for each in compared(one, document):
            yield replace(each, name=who)
    for key, document in live.items():
        properties = document["properties"]
        ours = str(properties["principalId"]).casefold() in own
        if key not in meant and (ours or _within(inventory, str(properties["scope"]))):
            who = f"{_words(properties, names)} on {properties['scope']}"
            yield Finding("extra", ASSIGNMENTS, str(document["id"]), who, live=document)


def elsewhere(inventory: Inventory, names: dict[str, str], subscription: str) -> Iterator[Finding]:
    """What the platform's own identities may do in the rest of the subscription. Raises HttpResponseError for who may
    not read there, as CI's identity."""
    own = {*names, *principals(inventory.manifest)}
    meant = {one.key: one for one in inventory.manifest.of(ASSIGNMENTS)}
    found = inventory.view.list(f"{subscription}{_PATH}")
    if not {str(one["id"]).casefold() for one in found} & set(meant):
        yield unlisted(next(iter(meant.values())), "every role assignment")
    for one in found:
        properties = one["properties"]
        if str(properties["principalId"]).casefold() in own and str(one["id"]).casefold() not in meant:
            yield Finding(
                "extra", ASSIGNMENTS, str(one["id"]), f"{_words(properties, names)} on {properties['scope']}", live=one
            )


def above(inventory: Inventory) -> Iterator[Json]:
    """The assignments at the subscription and above it, which reach everything that is in it."""
    for one in inventory.view.list(f"{inventory.group_ids[0]}{_PATH}"):
        if "/resourcegroups/" not in str(one["properties"]["scope"]).casefold():
            yield one


def definition(inventory: Inventory, role_definition_id: str) -> Json:
    """What a role permits, asked of the group, since CI may read no more."""
    path = f"{inventory.group_ids[0]}/providers/{DEFINITIONS}/{role_definition_id.rsplit('/', 1)[-1]}"
    answer: Json = inventory.view.get(path, api_version(path))["properties"]
    return answer


def named(inventory: Inventory, findings: Iterable[Finding], known: Mapping[str, str]) -> Iterator[Finding]:
    """Assignments by what their roles are called; ``known``: by GUID, where this identity may not read it."""
    for one in findings:
        guid = one.name.partition("role ")[2].partition(" ")[0]
        try:
            name = str(definition(inventory, guid)["roleName"])
        except HttpResponseError:
            name = known.get(guid.casefold(), guid)
        yield replace(one, name=one.name.replace(f"role {guid}", name))


def principals(manifest: Manifest) -> dict[str, str]:
    """What the identities that Terraform made are called, by their object ids in lower case."""
    return {
        str(principal).casefold(): f"the identity {one.id.rsplit('/', 1)[-1]}"
        for one in manifest.of(IDENTITIES)
        if (principal := one.body.get("properties", {}).get("principalId"))
    }


def _within(inventory: Inventory, scope: str) -> bool:
    folded = f"{scope.casefold().rstrip('/')}/"
    return any(folded.startswith(f"{group.casefold()}/") for group in inventory.group_ids)


def _words(properties: Any, names: dict[str, str]) -> str:
    principal = str(properties["principalId"])
    who = names.get(principal.casefold()) or f"the {properties.get('principalType') or 'principal'} {principal}"
    return f"role {str(properties['roleDefinitionId']).rsplit('/', 1)[-1]} of {who}"


def _scope_of(assignment_id: str) -> str:
    return assignment_id.rsplit("/providers/Microsoft.Authorization/", 1)[0]


def _scope(assignment_id: str) -> str:
    return _scope_of(assignment_id).rsplit("/", 1)[-1]
