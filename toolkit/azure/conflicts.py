"""Packages that do not go together, and what the traceback of one means.

The one place for pins is pyproject.toml (ranges) with constraints.txt (what was tried). What is listed here is what
somebody meets who installs otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.errors import ToolkitError

INSTALL_BASE = ".venv/bin/pip install --constraint constraints.txt --editable ."
INSTALL_EXTRA = INSTALL_BASE[:-1] + "'.[{extra}]'"
INSTALL = INSTALL_EXTRA.format(extra="ml")


@dataclass(frozen=True, slots=True)
class Conflict:
    """``when`` is found in the error of importing ``module``."""

    module: str
    when: str
    meaning: str
    fix: str
    source: str


CONFLICTS: tuple[Conflict, ...] = (
    Conflict(
        "azure.ai.ml",
        r"No module named 'azure\.ai(\.ml)?'",
        "azure-ai-ml is not installed: it is an extra, which provisioning does without",
        INSTALL,
        "pyproject.toml",
    ),
    Conflict(
        "azure.ai.ml",
        r"FieldInstanceResolutionError|cannot import name '\w+' from 'marshmallow",
        "azure-ai-ml does not work with marshmallow 4; releases up to 1.26.2 let pip install it",
        INSTALL,
        "https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/ml/azure-ai-ml/CHANGELOG.md (1.26.3)",
    ),
    Conflict(
        "azure.ai.ml",
        r"No module named 'six'",
        "azure-ai-ml 1.24 needs the package six, which it does not declare",
        INSTALL,
        "seen with azure-ai-ml 1.24.0",
    ),
    Conflict(
        "azure.mgmt.datafactory",
        r"version 1\d\.",
        "azure-mgmt-datafactory 10 sends wrong types of activities (a WebActivity goes out as Execution)",
        INSTALL_BASE,
        "docs/adr/0002",
    ),
)


def of_version(module: str, version: str) -> Conflict | None:
    """The known conflict of a version that imports, and works wrongly."""
    return next((c for c in CONFLICTS if c.module == module and re.search(c.when, f"version {version}")), None)


def explained(module: str, error: BaseException | str) -> ToolkitError:
    """The error of importing a module, with its meaning and the way out where they are known."""
    text = str(error)
    for conflict in CONFLICTS:
        if conflict.module == module and re.search(conflict.when, text):
            return ToolkitError(conflict.meaning, hint=conflict.fix)
    return ToolkitError(
        f"{module} cannot be imported: {text}", hint=f"{INSTALL}; toolkit doctor --imports shows the rest"
    )
