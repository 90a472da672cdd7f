"""Azure role-based access control over the role assignments in the store.

An action is allowed when some assignment at the scope or above it names a role whose ``actions`` cover it and whose
``notActions`` do not (https://learn.microsoft.com/azure/role-based-access-control/role-definitions); data actions
likewise. An assignment with a condition grants what its condition lets through (conditions.py). Groups have no members
here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from toolkit.records import Json
from toolkit.sandbox.arm.conditions import Condition, Facts, facts_of_storage, parse_condition
from toolkit.sandbox.arm.ids import within
from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Store

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_NOTHING_KNOWN: Facts = {}


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


@dataclass(frozen=True, slots=True)
class Held:
    """One role assignment of a principal."""

    scope: str
    grants: tuple[Grant, ...]
    condition: Condition | None

    def covers(self, scope: str, action: str, data: bool) -> bool:
        return within(self.scope, scope) and any(grant.allows(action, data) for grant in self.grants)


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
        self._held: dict[str, list[Held]] = {}
        self._answers: dict[tuple[str, str, str, bool], bool] = {}

    def allows_action(
        self, principal: Principal, scope: str, action: str, facts: Mapping[str, str] = _NOTHING_KNOWN
    ) -> bool:
        if not facts:
            return self._allows(principal, scope, action, data=False)
        self._refresh()
        return self._decide(principal, scope, action, False, facts)

    def allows_data_action(self, principal: Principal, scope: str, data_action: str) -> bool:
        return self._allows(principal, scope, data_action, data=True)

    def on_condition(self, principal: Principal, scope: str, action: str) -> bool:
        """Whether some assignment would allow the action if its condition were fulfilled."""
        self._refresh()
        here, wanted = _scope(scope), action.lower()
        held = self._held.get(principal.object_id.lower(), ())
        return any(each.condition is not None and each.covers(here, wanted, False) for each in held)

    def has_any(self, principal: Principal, scope: str) -> bool:
        """Whether the principal holds any role at, above or below ``scope``: who has none does not see a
        subscription in lists."""
        self._refresh()
        here = _scope(scope)
        held = self._held.get(principal.object_id.lower(), ())
        return any(within(each.scope, here) or within(here, each.scope) for each in held)

    def _allows(self, principal: Principal, scope: str, action: str, *, data: bool) -> bool:
        self._refresh()
        key = (principal.object_id, scope, action, data)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._decide(principal, scope, action, data, _NOTHING_KNOWN)
            if len(self._answers) > 20_000:
                self._answers.clear()
            self._answers[key] = answer
        return answer

    def _decide(self, principal: Principal, scope: str, action: str, data: bool, facts: Facts) -> bool:
        here, wanted = _scope(scope), action.lower()
        if data:
            facts = facts_of_storage(here)
        return any(
            each.covers(here, wanted, data) and (each.condition is None or each.condition(wanted, facts))
            for each in self._held.get(principal.object_id.lower(), ())
        )

    def _refresh(self) -> None:
        revision = (self._store.revision(ASSIGNMENTS), self._store.revision(DEFINITIONS))
        if revision == self._revision:
            return
        roles = {guid: compile_permissions(role["properties"]["permissions"]) for guid, role in builtin_roles().items()}
        for definition in self._store.of_type(DEFINITIONS):
            roles[definition.name.lower()] = compile_permissions(definition.properties["permissions"])
        held: dict[str, list[Held]] = {}
        for assignment in self._store.of_type(ASSIGNMENTS):
            properties = assignment.properties
            role = roles.get(properties["roleDefinitionId"].rsplit("/", 1)[-1].lower())
            if role is not None:
                text = properties.get("condition")
                entry = Held(_scope(properties["scope"]), role, parse_condition(text) if text else None)
                held.setdefault(properties["principalId"].lower(), []).append(entry)
        self._held = held
        self._answers = {}
        self._revision = revision


def _scope(scope: str) -> str:
    return scope.rstrip("/").lower()
