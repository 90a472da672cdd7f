"""Azure role-based access control over the role assignments in the store.

An action is allowed when some assignment at the scope or above it names a role whose ``actions`` cover it and whose
``notActions`` do not (https://learn.microsoft.com/azure/role-based-access-control/role-definitions); data actions
likewise. Conditions are not evaluated: an assignment that has one grants nothing and is named in the sandbox's log
(inferred: safer than granting). Groups have no members here.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from toolkit.sandbox.arm.ids import within
from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Store

Json = dict[str, Any]
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """One ``permissions`` element of a role definition, compiled."""

    actions: re.Pattern[str]
    not_actions: re.Pattern[str]
    data_actions: re.Pattern[str]
    not_data_actions: re.Pattern[str]

    def allows(self, action: str, data: bool) -> bool:
        allowed, denied = (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        return allowed.fullmatch(action) is not None and denied.fullmatch(action) is None


def compile_permissions(permissions: list[Json]) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            *(_patterns(tuple(p.get(key) or ())) for key in ("actions", "notActions", "dataActions", "notDataActions"))
        )
        for p in permissions
    )


@lru_cache(maxsize=1024)
def _patterns(patterns: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = (
        "".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", p)) for p in patterns
    )
    return re.compile("|".join(a.lower() for a in alternatives) or r"(?!)")


@lru_cache(maxsize=1)
def builtin_roles() -> dict[str, Json]:
    """Role definitions that exist in every tenant, by guid: ``{id, name, type, properties}`` as ARM answers them.

    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
    """
    table = json.loads(Path(__file__).with_name("builtin_roles.json").read_text(encoding="utf-8"))
    return {role["id"]: _definition(role) for role in table}


def _definition(role: Json) -> Json:
    permissions = {key: role.get(key, []) for key in ("actions", "notActions", "dataActions", "notDataActions")}
    return {
        "id": f"/providers/{DEFINITIONS}/{role['id']}",
        "name": role["id"],
        "type": DEFINITIONS,
        "properties": {
            "roleName": role["name"],
            "type": "BuiltInRole",
            "description": role.get("description", ""),
            "assignableScopes": ["/"],
            "permissions": [permissions],
        },
    }


class RoleBasedAccess:
    """The :class:`toolkit.sandbox.world.AccessControl` of the sandbox. Answers are cached until an assignment or
    definition changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._revision: tuple[int, int] = (-1, -1)
        self._grants: dict[str, list[tuple[str, tuple[Grant, ...]]]] = {}
        self._answers: dict[tuple[str, str, str, bool], bool] = {}

    def allows_action(self, principal: Principal, scope: str, action: str) -> bool:
        return self._allows(principal, scope, action, data=False)

    def allows_data_action(self, principal: Principal, scope: str, data_action: str) -> bool:
        return self._allows(principal, scope, data_action, data=True)

    def has_any(self, principal: Principal, scope: str) -> bool:
        """Whether the principal holds any role at, above or below ``scope``: who has none does not see a
        subscription in lists."""
        self._refresh()
        here = _scope(scope)
        return any(within(at, here) or within(here, at) for at, _ in self._grants.get(principal.object_id.lower(), ()))

    def _allows(self, principal: Principal, scope: str, action: str, *, data: bool) -> bool:
        self._refresh()
        key = (principal.object_id, scope, action, data)
        answer = self._answers.get(key)
        if answer is None:
            here, wanted = _scope(scope), action.lower()
            answer = any(
                within(at, here) and any(grant.allows(wanted, data) for grant in grants)
                for at, grants in self._grants.get(principal.object_id.lower(), ())
            )
            if len(self._answers) > 20_000:
                self._answers.clear()
            self._answers[key] = answer
        return answer

    def _refresh(self) -> None:
        revision = (self._store.revision(ASSIGNMENTS), self._store.revision(DEFINITIONS))
        if revision == self._revision:
            return
        roles = {guid: compile_permissions(role["properties"]["permissions"]) for guid, role in builtin_roles().items()}
        for definition in self._store.of_type(DEFINITIONS):
            roles[definition.name.lower()] = compile_permissions(definition.properties["permissions"])
        grants: dict[str, list[tuple[str, tuple[Grant, ...]]]] = {}
        for assignment in self._store.of_type(ASSIGNMENTS):
            properties = assignment.properties
            if properties.get("condition"):
                _log.warning("role assignment %s has a condition and grants nothing in the sandbox", assignment.id)
                continue
            role = roles.get(properties["roleDefinitionId"].rsplit("/", 1)[-1].lower())
            if role is not None:
                grants.setdefault(properties["principalId"].lower(), []).append((_scope(properties["scope"]), role))
        self._grants = grants
        self._answers = {}
        self._revision = revision


def _scope(scope: str) -> str:
    return scope.rstrip("/").lower()
