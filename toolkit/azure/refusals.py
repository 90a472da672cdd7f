"""An exception of an Azure SDK as the one error that a command shows."""

from __future__ import annotations

import re

from azure.core.exceptions import AzureError

from toolkit.azure.denial import classify
from toolkit.errors import ToolkitError

_LONGEST = 300
# As Azure Resource Manager names what no role allows: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
_ACTION = re.compile(r"to perform action '([^']+)' over scope '([^']+)'")


def refused(error: AzureError, what: str, hints: dict[str, str] | None = None) -> ToolkitError:
    """What was tried, why Azure said no, and what to do. ``hints`` say it better for kinds of denial."""
    denial = classify(error)
    said = " ".join(str(word) for word in (denial.status, denial.code) if word)
    message = f"{what}: {denial.cause}" + (f" ({said})" if said else "")
    if lacking := _ACTION.search(str(error.message)):
        message += f": {lacking[1]} on {lacking[2]}"
    if denial.kind == "other":
        words = " ".join(str(error.message).split())
        message += f": {words[:_LONGEST]}"
    return ToolkitError(message, hint=(hints or {}).get(denial.kind) or denial.hint or None)
