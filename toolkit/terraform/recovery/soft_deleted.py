"""Deleted storage whose names a plan wants: a person restores it, an apply does not make it anew and empty.

Whether what was deleted is wanted back is for a person to say: the plan says it, and the apply leaves it out, with what
hangs on it, and ends with what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.records import Json
from toolkit.terraform.plan import prior_resources
from toolkit.terraform.recovery.deleted_account import deleted_accounts
from toolkit.terraform.recovery.deleted_container import deleted_containers
from toolkit.terraform.recovery.looking import MayNotLookError
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.recovery.restorable import Restorable
from toolkit.terraform.session import Session
from toolkit.terraform.workspace import RootName


@dataclass(frozen=True, slots=True)
class SoftDeleted(Past):
    root: RootName

    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        try:
            found = _found(session, document)
        except MayNotLookError as denied:
            if session.recreate_empty or self._stands(document):
                raise
            return [f"make all of it without a look at what was deleted: {denied.message}"]
        if self.root == "platform":
            _check_names(session, found)
        return [self._announcement(session, document, each) for each in found]

    def to_hold(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        if not self._stands(document):
            return {}
        return {
            each.address: "\n    ".join((f"{each.when}:", *each.restoring, self._recreating(session, each)))
            for each in _found(session, document)
            if not _recreated(session, each)
        }

    def _stands(self, document: Json) -> bool:
        """Whether the root was applied and not destroyed: who destroyed it does not want back what it held.

        The bootstrap's own state is in an account: with that, what tells it apart is gone, too. What the plan takes
        into the state, such as a vault that was just recovered after a destroy, is no sign of a platform that stands.
        """
        imported = {item["address"] for item in document.get("resource_changes", []) if item["change"].get("importing")}
        known = {item["address"] for item in (*prior_resources(document), *document.get("resource_drift", []))}
        return self.root == "bootstrap" or bool(known - imported)

    def _announcement(self, session: Session, document: Json, one: Restorable) -> str:
        if _recreated(session, one):
            why = ", as --recreate-empty says"
        elif not self._stands(document):
            why = ", after the destroy"
        else:
            return one.announcement
        return f"make the {one.kind} {one.name} anew and empty{why}: {_ENDS}"

    def _recreating(self, session: Session, one: Restorable) -> str:
        command = "apply" if self.root == "platform" else "bootstrap"
        return (
            f"or, to have it empty and lose what it held: toolkit {command} {session.environment.name} "
            f"--recreate-empty {one.name}"
        )


_ENDS = "the deleted one cannot be restored while the new one has its name"


def _found(session: Session, document: Json) -> list[Restorable]:
    connection = session.connection
    return [*deleted_accounts(connection, document), *deleted_containers(connection, document)]


def _recreated(session: Session, one: Restorable) -> bool:
    return any(one.is_named(name) for name in session.recreate_empty)


def check_names(session: Session, document: Json) -> None:
    """Raises UsageError when ``--recreate-empty`` names something else than what this plan makes."""
    if session.recreate_empty:
        _check_names(session, _found(session, document))


def _check_names(session: Session, found: Sequence[Restorable]) -> None:
    for name in sorted(session.recreate_empty):
        if not any(each.is_named(name) for each in found):
            known = ", ".join(each.name for each in found) or "none"
            raise UsageError(
                f"--recreate-empty {name}: this plan makes nothing of that name that could be restored",
                hint=f"those are: {known}",
            )
