"""Something that was deleted, and that a person can bring back as long as nothing new has its name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Restorable:
    """What a plan creates at ``address`` and that stands deleted; ``restoring`` are the lines that say how it returns.

    ``name`` says which one it is among all of them, ``short_name`` is its own.
    """

    address: str
    kind: Literal["container", "storage account"]
    name: str
    short_name: str
    deleted: datetime
    until: datetime
    restoring: tuple[str, ...]

    @property
    def when(self) -> str:
        return (
            f"the {self.kind} {self.name} was deleted on {self.deleted:%Y-%m-%d %H:%M} UTC, and can be restored until "
            f"{self.until:%Y-%m-%d}"
        )

    @property
    def announcement(self) -> str:
        return (
            f"{self.when}: it is not made anew, which would be empty and keep the old one out; all that does not need "
            "it is applied, and apply ends by saying how it is restored"
        )

    def is_named(self, wanted: str) -> bool:
        return wanted in (self.name, self.short_name)
