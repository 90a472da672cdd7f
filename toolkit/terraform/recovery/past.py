"""What a past that can be mended may do, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.records import Json
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.session import Session
from toolkit.terraform.workspace import RootName
from toolkit.waiting import Waits


@dataclass(frozen=True, slots=True)
class Failed:
    """A run of ``terraform apply`` that failed: the plan's document, its errors, and how long was waited already."""

    session: Session
    root: RootName
    document: dict[str, Any]
    errors: Sequence[Diagnostic]
    waits: Waits


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done: said to the user; then, after ``pause`` seconds, the rest is planned again and applied.

    ``imports`` (id by address) are taken into the state by that plan instead of being created.
    """

    note: str
    imports: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0


class Past:
    """One thing that may have happened. Each method is a moment at which it can be seen or mended; most do nothing."""

    def before_plan(self, session: Session, root: RootName) -> None:
        """Put the state in order. Raises ToolkitError when that fails."""

    def to_replace(self, session: Session, document: Json) -> Mapping[str, str]:
        """What stands and works no more, by address, each with the reason: a plan of the platform makes it again."""
        return {}

    def to_replace_after(self, session: Session, errors: Sequence[Diagnostic]) -> Mapping[str, str]:
        """The same, told by the errors of a plan of the platform that failed."""
        return {}

    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        """What :meth:`before_apply` will do for this plan, or what is owed after it. Changes nothing."""
        return ()

    def before_apply(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        """Prepare Azure for the apply of a plan of the platform; the resources (id by address) to take into the state.

        Raises ToolkitError when Azure refuses.
        """
        return {}

    def to_hold(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        """What a plan of the platform creates and an apply must not, by address, each with what a person does first."""
        return {}

    def after_apply(self, session: Session, document: dict[str, Any]) -> None:
        """Do what a plan of the platform could not, now that it is applied. Raises ToolkitError when Azure refuses."""

    def after_failure(self, failed: Failed) -> Mended | None:
        """Mend what made an apply fail; None when it is something else."""
        return None
