"""An exception of an Azure SDK as the one error that a command shows."""

from __future__ import annotations

from azure.core.exceptions import AzureError

from toolkit.azure.denial import classify
from toolkit.errors import ToolkitError

_LONGEST = 300


def refused(error: AzureError, what: str, hints: dict[str, str] | None = None) -> ToolkitError:
    """What was tried, why Azure said no, and what to do. ``hints`` say it better for kinds of denial."""
    denial = classify(error)
    said = " ".join(str(word) for word in (denial.status, denial.code) if word)
    message = f"{what}: {denial.cause}" + (f" ({said})" if said else "")
    if denial.kind == "other":
        words = " ".join(str(error.message).split())
        message += f": {words[:_LONGEST]}"
    return ToolkitError(message, hint=(hints or {}).get(denial.kind) or denial.hint or None)
