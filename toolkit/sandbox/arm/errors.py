"""Azure Resource Manager's errors, raised by the steps and below, serialised once, in service.py.

Shape: ``{"error": {"code", "message", "target"?, "details"?}}``
(https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors).
"""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.records import Json


class ArmError(Exception):
    """One refusal: HTTP status, Azure's error code and sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[Json] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def body(self) -> Json:
        error: Json = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"error": error}


class OperationFailed(Exception):
    """Accepted with 202, then ended in status Failed: what Azure reports through the operation, not through the
    request."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def bad_request(code: str, message: str) -> ArmError:
    return ArmError(400, code, message)


def conflict(code: str, message: str) -> ArmError:
    return ArmError(409, code, message)


def not_found(code: str, message: str) -> ArmError:
    return ArmError(404, code, message)


def resource_not_found(type_and_name: str, resource_group: str | None) -> ArmError:
    """https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found"""
    where = f" under resource group '{resource_group}'" if resource_group else ""
    return not_found(
        "ResourceNotFound",
        f"The Resource '{type_and_name}'{where} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def not_modelled(what: str, file: str) -> ArmError:
    """A gap of the sandbox, loud and by name, with the file that closes it."""
    return ArmError(
        501, "SandboxNotModelled", f"The sandbox does not model {what}. Add it to toolkit/sandbox/arm/{file}."
    )
