"""One thing that drifted, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.live.findings import Finding
from toolkit.live.harm import FATAL, Harm
from toolkit.terraform.workspace import RootName

Decision = Literal["revert", "adopt", "accept"]
DECISIONS: tuple[Decision, ...] = ("revert", "adopt", "accept")


@dataclass(frozen=True, slots=True)
class DataLine:
    """A value that belongs into the environment's data: ``key`` of env.toml or terraform.tfvars gets ``values``."""

    file: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """The newest entry of the activity log about a resource. ``caller`` is an address or an object id, ``name`` what
    the platform calls that principal; ``at`` is ISO 8601 in UTC."""

    caller: str
    name: str
    at: str
    operation: str

    def __str__(self) -> str:
        who = f"{self.name} ({self.caller})" if self.name else self.caller
        return f"{who}, {self.at[:16].replace('T', ' ')} UTC"


@dataclass(frozen=True, slots=True)
class Drift:
    """``seen_by``: the live comparison sees what nobody meant, and what bootstrap made; the plan what Terraform alone
    keeps of a resource. ``who`` is None where the activity log says nothing; ``unknown`` is then the reason.
    """

    finding: Finding
    root: RootName
    seen_by: Literal["live", "plan"]
    decision: Decision
    commands: Mapping[Decision, str] = field(default_factory=dict)
    who: Activity | None = None
    unknown: str = ""
    adoption: DataLine | None = None

    @property
    def harm(self) -> Harm:
        # What the plan alone sees, smoke has looked at and found harmless: it is other than it was.
        return "drift" if self.seen_by == "plan" else self.finding.harm

    @property
    def fatal(self) -> bool:
        return self.harm in FATAL

    @property
    def key(self) -> str:
        """What an ignore list's pattern is held against."""
        return f"{self.finding.id}#{self.finding.path}" if self.finding.path else self.finding.id

    def as_json(self) -> dict[str, Any]:
        """As docs/drift.md and drift.schema.json have it."""
        one = self.finding
        who = self.who
        return {
            "what": one.what,
            "harm": self.harm,
            "root": self.root,
            "address": one.address or None,
            "id": one.id,
            "type": one.type,
            "name": one.name,
            "path": one.path or None,
            "before": one.meant,
            "after": one.live,
            "words": one.words,
            "seen_by": self.seen_by,
            "decision": self.decision,
            "commands": dict(self.commands),
            "who": None
            if who is None
            else {"caller": who.caller, "name": who.name or None, "operation": who.operation},
            "when": None if who is None else who.at,
            "unknown": self.unknown or None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """``ignored``: what the environment's data says is known, with the reason. ``expired`` and ``idle`` are patterns of
    that list whose time is over, and those that nothing fits any more.
    """

    environment: str
    drifts: tuple[Drift, ...]
    ignored: tuple[tuple[Drift, str], ...] = ()
    expired: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "environment": self.environment,
            "verdict": "drift" if self.drifts else "none",
            "drifts": [one.as_json() for one in self.drifts],
            "ignored": [{**one.as_json(), "reason": reason} for one, reason in self.ignored],
            "expired": list(self.expired),
            "idle": list(self.idle),
            "unread": list(self.unread),
        }
