"""What Key Vault's data plane says when it refuses, and the one place that puts it on the wire.

Shapes and codes: https://learn.microsoft.com/azure/key-vault/general/rest-error-codes and …/general/common-error-codes;
the sentences are those that clients print (hashicorp/terraform-provider-azurerm#20742 and #27817).
"""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import SecretRefused

_HELP = "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"


class VaultError(SecretRefused):
    """A refusal in Key Vault's words; ``inner`` is the ``innererror`` code that clients distinguish by."""

    def __init__(
        self, status: int, code: str, message: str, inner: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, code, message)
        self.inner = inner
        self.headers = headers or {}


def serialise(error: VaultError, request: Request) -> Response:
    """The response of a refusal, with the headers of every Key Vault answer."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.inner is not None:
        body["innererror"] = {"code": error.inner}
    return JSONResponse({"error": body}, error.status, {**common_headers(request), **error.headers})


def common_headers(request: Request) -> dict[str, str]:
    headers = {"cache-control": "no-cache", "pragma": "no-cache", "x-ms-request-id": str(uuid.uuid4())}
    if client := request.headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = client
    return headers


def not_served(what: str) -> VaultError:
    """501 for a part of Key Vault that the sandbox does not have, by name."""
    return VaultError(501, "NotImplemented", f"The sandbox does not serve {what}.")


def unauthorised(message: str, tenant_id: str) -> VaultError:
    """401 with the challenge that azure-keyvault's clients wait for before they fetch a token."""
    authority = f"https://login.microsoftonline.com/{tenant_id}"
    challenge = f'Bearer authorization="{authority}", resource="https://vault.azure.net"'
    return VaultError(401, "Unauthorized", message, headers={"www-authenticate": challenge})


def public_access_disabled(vault: Resource, caller: Principal) -> VaultError:
    if _bypasses(vault):
        reason = (
            "Public network access is disabled and request is not from a trusted service nor via an approved private "
            "link."
        )
    else:
        reason = (
            "Connection is not an approved private link and caller was ignored because bypass is not set to "
            "'AzureServices' and PublicNetworkAccess is set to 'Disabled'."
        )
    message = f"{reason}\r\nCaller: {_caller(caller)}\r\nVault: {_place(vault)}"
    return VaultError(403, "Forbidden", message, "ForbiddenByConnection")


def forbidden_by_perimeter(caller: Principal) -> VaultError:
    """The sentence and its code are those of a public Bicep sample's comment about a vault in a perimeter."""
    message = f"The request was forbidden by NSP policy.\r\nCaller: {_caller(caller)}"
    return VaultError(403, "Forbidden", message, "ForbiddenByNsp")


def address_not_authorised(vault: Resource, caller: Principal, address: str) -> VaultError:
    reason = (
        "caller is not a trusted service" if _bypasses(vault) else "caller was ignored because bypass is set to None"
    )
    message = (
        f"Client address is not authorized and {reason}.\r\nClient address: {address}\r\n"
        f"Caller: {_caller(caller)}\r\nVault: {_place(vault)}"
    )
    return VaultError(403, "Forbidden", message, "ForbiddenByFirewall")


def no_role(vault: Resource, caller: Principal, action: str, scope: str) -> VaultError:
    message = (
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
        "definitions were changed recently, please observe propagation time.\r\n"
        f"Caller: {_caller(caller)}\r\nAction: '{action}'\r\nResource: '{scope.lower()}'\r\n"
        f"Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: {_place(vault)}\r\n"
    )
    return VaultError(403, "Forbidden", message, "ForbiddenByRbac")


def not_found(word: str, name: str) -> VaultError:
    """Of a secret or a key: SecretNotFound, KeyNotFound."""
    return VaultError(
        404,
        f"{word}NotFound",
        f"A {word.lower()} with (name/id) {name} was not found in this key vault. If you recently deleted this "
        f"{word.lower()} you may be able to recover it using the correct recovery command. {_HELP}",
    )


def _bypasses(vault: Resource) -> bool:
    acls = vault.properties.get("networkAcls") or {}
    return str(acls.get("bypass", "AzureServices")).lower() == "azureservices"


def _caller(caller: Principal) -> str:
    return f"appid={caller.client_id};oid={caller.object_id};iss=https://sts.windows.net/{caller.tenant_id}/"


def _place(vault: Resource) -> str:
    return f"{vault.name};location={vault.body.get('location', '')}"
