"""A run's folder while it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.environment import Connection, Environment
from toolkit.evidence.bundle import collect
from toolkit.evidence.origin import circumstances
from toolkit.evidence.page import as_html
from toolkit.evidence.runs import runs
from toolkit.evidence.seal import seal
from toolkit.evidence.signing import SigningKey
from toolkit.evidence.statement import configuration_of
from toolkit.files import disk_errors, write_atomically
from toolkit.records import read_record, write_record


@dataclass(frozen=True, slots=True)
class Evidence:
    """One folder. The smoke tests write their results into it themselves (toolkit/checks/report.py)."""

    folder: Path
    environment: Environment

    def write(self, name: str, value: Any) -> None:
        """``NAME.json``. Raises ToolkitError when the disk refuses."""
        with disk_errors("the evidence"):
            write_record(self.folder / f"{name}.json", value, 0o644, sort_keys=True)

    def write_unproven(self, connection: Connection, what: str, reason: str) -> None:
        """``smoke.json``, ``smoke.md`` and ``smoke.html`` of a run without smoke tests, which say so."""
        facts = {"environment": connection.environment.name, "time": _now(), **circumstances(connection)}
        report = {**facts, "ran": False, "green": None, "reason": reason}
        self.write("smoke", report)
        lines = [
            f"## ⚠️ {what} of {connection.environment.name}: no smoke tests ran",
            "",
            f"{reason}. Nothing was proven.",
            "",
        ]
        lines += [f"* {name}: {value}" for name, value in facts.items()]
        with disk_errors("the evidence"):
            write_atomically(self.folder / "smoke.md", "\n".join(lines) + "\n", 0o644)
            write_atomically(self.folder / "smoke.html", as_html(report), 0o644)

    def write_applied(self, outputs: Mapping[str, Any]) -> None:
        """``applied.json``: which plan made what this run looks at, when this machine applied it: the newest apply that
        left these outputs. Raises ToolkitError when the disk refuses."""
        for earlier in reversed(runs(self.folder.parent)):
            plan = earlier.plan
            if plan.get("plan_sha256") and read_record(earlier.folder / "outputs.json") == outputs:
                self.write("applied", {"run": earlier.name, "plan_sha256": plan["plan_sha256"]})
                return

    def collect(self, bodies: Mapping[str, Any], given: Mapping[str, str]) -> Path:
        """``collected.tar.gz``, before the seal. Raises ToolkitError when the disk refuses."""
        return collect(self.folder, self.environment, bodies, given)

    def seal(self, key: SigningKey | None = None) -> None:
        """The last thing that is written. Raises ToolkitError when the disk refuses."""
        seal(self.folder, configuration_of(self.environment), key)


def open_evidence(environment: Environment) -> Evidence:
    """A new folder, named after the time in UTC."""
    folder = environment.evidence_dir / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    with disk_errors("the evidence"):
        folder.mkdir(parents=True)
    return Evidence(folder, environment)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
