"""Entra's errors: numbers, sentences and their JSON, in one place.

Numbers and texts: https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The HTTP status of each is
what the token endpoint answers for its OAuth error (RFC 6749 5.2: 401 for invalid_client, else 400).
"""

from __future__ import annotations

import time
import uuid

from starlette.responses import JSONResponse, Response


class EntraError(Exception):
    """An OAuth error with Entra's number."""

    def __init__(self, number: int, error: str, description: str) -> None:
        super().__init__(f"AADSTS{number}: {description}")
        self.number = number
        self.error = error

    @property
    def status(self) -> int:
        return 401 if self.error == "invalid_client" else 400

    def response(self) -> Response:
        trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
        now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        description = f"{self} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {now}"
        body = {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.number],
            "timestamp": now,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        return JSONResponse(body, status_code=self.status, headers={"cache-control": "no-store, no-cache"})


def unknown_tenant(tenant: str, error: str = "invalid_request") -> EntraError:
    return EntraError(
        90002,
        error,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    )


def missing_parameter(name: str) -> EntraError:
    return EntraError(900144, "invalid_request", f"The request body must contain the following parameter: '{name}'.")


def unknown_application(client_id: str, tenant: str) -> EntraError:
    return EntraError(
        700016,
        "unauthorized_client",
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def wrong_secret(client_id: str) -> EntraError:
    return EntraError(
        7000215,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        f"the client secret ID, for a secret added to app '{client_id}'.",
    )


def missing_credential() -> EntraError:
    return EntraError(
        7000216,
        "invalid_client",
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    )


def bad_scope(scope: str) -> EntraError:
    return EntraError(
        1002012,
        "invalid_scope",
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    )


def unknown_resource(resource: str, tenant: str) -> EntraError:
    return EntraError(
        500011,
        "invalid_resource",
        f"The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You might have sent your authentication request to the wrong tenant. (The sandbox knows the "
        "resources listed in toolkit/sandbox/entra/resources.py.)",
    )


def unsupported_grant(grant_type: str) -> EntraError:
    return EntraError(
        70003,
        "unsupported_grant_type",
        f"The app requested an unsupported grant type '{grant_type}'. The sandbox has no users: sign in as its "
        "engineer with the client secret (toolkit sandbox env), or with a federated token or a managed identity.",
    )


def malformed_assertion(reason: str) -> EntraError:
    return EntraError(50027, "invalid_client", f"JWT token is invalid or malformed. {reason}")


def assertion_out_of_time(valid_from: object, expires: object) -> EntraError:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return EntraError(
        700024,
        "invalid_client",
        f"Client assertion is not within its valid time range. Current time: {now}, assertion valid from {valid_from}, "
        f"expiry time of assertion {expires}.",
    )


def assertion_not_signed(issuer: str, reason: str) -> EntraError:
    return EntraError(
        50013,
        "invalid_client",
        f"Assertion failed signature validation. [Reason - {reason}] Assertion issuer: '{issuer}'.",
    )


# https://github.com/Azure/login/issues/515 (since August 2024: …/entra/identity-platform/reference-breaking-changes)
OTHER_CASE = "The subject matches with case-insensitive comparison, but not with case-sensitive comparison. "


def no_federated_identity(number: int, part: str, value: str, why: str = "") -> EntraError:
    """700211 no record with that issuer, 700212 audience, 700213 subject, 7002138 subject in another case."""
    return EntraError(
        number,
        "invalid_client",
        f"No matching federated identity record found for presented assertion {part} '{value}'. {why}Check your "
        "federated identity credential Subject, Audience and Issuer against the presented assertion. "
        "https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
    )
