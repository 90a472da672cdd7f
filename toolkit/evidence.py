"""The evidence of a run: ``.toolkit/<env>/evidence/<UTC time>/`` one file per fact, nothing secret in any."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toolkit.environment import Environment
from toolkit.files import disk_errors, write_atomically

# The packages whose behaviour a result depends on.
_PACKAGES = (
    "azure-core",
    "azure-identity",
    "azure-mgmt-authorization",
    "azure-mgmt-datafactory",
    "azure-mgmt-storage",
    "azure-storage-blob",
    "python-terraform",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One folder. The smoke tests write their results into it themselves (toolkit/smoke/report.py)."""

    folder: Path

    def write(self, name: str, value: Any) -> None:
        """``NAME.json``. Raises ToolkitError when the disk refuses."""
        with disk_errors("the evidence"):
            write_atomically(self.folder / f"{name}.json", json.dumps(value, indent=2, sort_keys=True) + "\n", 0o644)


def open_evidence(environment: Environment) -> Evidence:
    """A new folder, named after the time in UTC."""
    folder = environment.evidence_dir / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    with disk_errors("the evidence"):
        folder.mkdir(parents=True)
    return Evidence(folder)


def package_versions(tools: Mapping[str, str]) -> dict[str, str]:
    """``tools`` (what Session.versions says) with Python and the packages that talk to Azure."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {**tools, **found}
