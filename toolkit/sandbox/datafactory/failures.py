"""What an activity's failure is: a code, a sentence, and whose fault it is.

Codes and sentences: https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide
"""

from __future__ import annotations

from typing import Any, Literal

from toolkit.records import Json

FailureType = Literal["UserError", "SystemError"]

# No code of Azure's: what the sandbox cannot do fails under these names.
NOT_MODELLED = "SandboxNotModelled"
STOPPED = "SandboxStopped"


class ActivityFailed(Exception):
    """``output`` is what the activity shows beside its error, as some do."""

    def __init__(
        self, code: str, message: str, kind: FailureType = "UserError", *, details: Any = "", output: Json | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.kind = kind
        self.details = details
        self.output = output

    def error(self, target: str) -> Json:
        """As activity runs show it."""
        return {
            "errorCode": self.code,
            "message": self.message,
            "failureType": self.kind,
            "target": target,
            "details": self.details,
        }


def not_modelled(what: str) -> ActivityFailed:
    return ActivityFailed(NOT_MODELLED, f"The sandbox does not run {what}; add it to toolkit/sandbox/datafactory.")


def required(name: str) -> ActivityFailed:
    return ActivityFailed("2103", f"Please provide value for the required property '{name}'.")


def wrong_type(name: str, expected: str) -> ActivityFailed:
    return ActivityFailed("2111", f"The type of the property '{name}' is incorrect. The expected type is {expected}.")
