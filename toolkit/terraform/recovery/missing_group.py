"""The platform's resource group, deleted by hand with all that was in it: the bootstrap makes it again, with its roles.

It is the bootstrap's (docs/bootstrap.md), so that no apply can make it: everything in it would be refused with
``ResourceGroupNotFound``, and a deleted key vault cannot be recovered into it either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import arm_client
from toolkit.environment import Connection
from toolkit.errors import ToolkitError
from toolkit.records import Json
from toolkit.terraform.recovery.looking import Looker
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.session import Session

_API = API_VERSIONS["microsoft.resources/resourcegroups"]
_GROUPS = "/resourcegroups/"
_RIGHT = "Microsoft.Resources/subscriptions/resourceGroups/read"


class MissingGroup(Past):
    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        name = session.environment.name
        return [
            f"{message(group)}: toolkit bootstrap {name} makes it again before an apply"
            for group in missing_groups(session.connection, document)
        ]

    def before_apply(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        missing = missing_groups(session.connection, document)
        if missing:
            raise ToolkitError(
                f"{', '.join(message(group) for group in missing)}: nothing was applied",
                hint=f"an operator runs `toolkit bootstrap {session.environment.name}`, which makes it again",
            )
        return {}


def message(group: str) -> str:
    return f"the resource group {group.rsplit('/', 1)[-1]} is gone, with all that was in it"


def missing_groups(connection: Connection, document: Json) -> list[str]:
    """Resource groups that are not there, although a plan (its JSON document) creates resources in them."""
    groups = sorted(_groups(document))
    if not groups:
        return []
    with arm_client(connection) as client:
        looker = Looker(client, connection.environment.name)
        return [group for group in groups if looker.one(f"{group}?api-version={_API}", _what(group), _RIGHT) is None]


def _what(group: str) -> str:
    return f"whether the resource group {group.rsplit('/', 1)[-1]} is there"


def _groups(document: Json) -> set[str]:
    groups: set[str] = set()
    for item in document.get("resource_changes", []):
        parent = str((item["change"].get("after") or {}).get("parent_id") or "")
        # Directly in the group: what is deeper has its group from there.
        if "create" in item["change"]["actions"] and parent.lower().count("/") == 4 and _GROUPS in parent.lower():
            groups.add(parent)
    return groups
