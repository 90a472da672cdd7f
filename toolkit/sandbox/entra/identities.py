"""The managed identity endpoints that a machine or an app asks from inside: IMDS, App Service, Azure Machine Learning.

* IMDS: https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#get-a-token-using-http
* App Service: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
* Azure Machine Learning: the MSI_ENDPOINT and MSI_SECRET that azure-identity's AzureMLCredential reads (its source).
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.entra import resources
from toolkit.sandbox.entra.directory import Account, EntraDirectory, normal_id, secret_hash
from toolkit.sandbox.entra.errors import EntraError
from toolkit.sandbox.entra.tokens import LIFETIME_SECONDS, EntraTokens
from toolkit.sandbox.model import Origin
from toolkit.sandbox.store import Store

IMDS_HOST = "169.254.169.254"
APP_HOST = "169.254.129.2"  # the link-local address that App Service on Linux gives (inferred)
APP_ENDPOINT = f"http://{APP_HOST}:8081/msi/token"
ML_ENDPOINT = f"http://{APP_HOST}:8081/MSI/auth"
_USER_ASSIGNED = "Microsoft.ManagedIdentity/userAssignedIdentities"
_HOSTED = "managed-identity-secret"


class IdentityError(Exception):
    """A refusal, in the words of the endpoint that was asked."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error

    def imds_response(self) -> Response:
        return JSONResponse({"error": self.error, "error_description": str(self)}, status_code=self.status)

    def app_response(self) -> Response:
        # The two fields that MSAL shows (msal source: managed_identity.py, _obtain_token_on_app_service).
        return JSONResponse({"statusCode": self.status, "message": str(self)}, status_code=self.status)


class ManagedIdentityEndpoints:
    def __init__(self, store: Store, directory: EntraDirectory, tokens: EntraTokens) -> None:
        self._store = store
        self._directory = directory
        self._tokens = tokens

    def open_endpoint(self, resource_id: str, *, workload: bool = False) -> str:
        """The secret header with which code that a resource hosts (an app, a compute) asks for its identities.

        That of a ``workload`` lives as long as it runs: whoever ran it closes the endpoint.
        """
        secret = secrets.token_urlsafe(32)
        self._store.put_document(_HOSTED, secret_hash(secret), {"resource_id": resource_id, "workload": workload})
        return secret

    def close_endpoint(self, secret: str) -> None:
        """The secret opens nothing any more."""
        self._store.delete_document(_HOSTED, secret_hash(secret))

    def close_left(self) -> None:
        """Those of workloads that a killed daemon ran."""
        for key, document in self._store.documents(_HOSTED):
            if document.get("workload"):
                self._store.delete_document(_HOSTED, key)

    def handle(self, request: Request, origin: Origin, host: str) -> Response:
        try:
            if origin.vantage.private_network == "none" and _machine_secret(request) is None:
                # A link-local address is nobody there; a proxy says so by refusing.
                raise IdentityError(
                    403, "unreachable", f"no managed identity endpoint at the vantage {origin.vantage.name}"
                )
            account = self._of_machine(request, origin) if host == IMDS_HOST else self._of_app(request)
            return JSONResponse(self._answer(account, request.query_params.get("resource", ""), origin))
        except IdentityError as error:
            return error.imds_response() if host == IMDS_HOST else error.app_response()

    def _of_machine(self, request: Request, origin: Origin) -> Account:
        path, query = request.scope["path"], request.query_params
        if path != "/metadata/identity/oauth2/token":
            raise IdentityError(404, "not_found", f"the sandbox's IMDS does not serve {path}")
        if request.headers.get("metadata", "").lower() != "true":
            raise IdentityError(400, "bad_request_102", "Required metadata header not specified")
        if not query.get("api-version"):
            raise IdentityError(400, "invalid_request", "Required query variable 'api-version' is missing")
        secret = _machine_secret(request)
        if secret is None:
            return _choose(self._of_subscription(origin.subscription_id), None, query)
        machine = self._store.document(_HOSTED, secret_hash(secret))
        if machine is None:
            raise IdentityError(403, "unreachable", "The sandbox knows no such machine.")
        return _choose(self._of_resource(machine["resource_id"])[0], None, query)

    def _of_app(self, request: Request) -> Account:
        path = request.scope["path"]
        if path not in (urlsplit(APP_ENDPOINT).path, urlsplit(ML_ENDPOINT).path):
            raise IdentityError(404, "not_found", f"the sandbox's identity endpoint does not serve {path}")
        secret = request.headers.get("x-identity-header") or request.headers.get("secret") or ""
        hosted = self._store.document(_HOSTED, secret_hash(secret))
        if hosted is None:
            raise IdentityError(401, "unauthorized", "The identity header is missing or not the one of this app.")
        accounts, default = self._of_resource(hosted["resource_id"])
        return _choose(accounts, default, request.query_params)

    def _answer(self, account: Account, resource: str, origin: Origin) -> Json:
        if not resource:
            raise IdentityError(400, "invalid_request", "Required query variable 'resource' is missing")
        tenant = account.tenant_id or self._directory.tenant_of(origin.subscription_id) or ""
        try:
            audience = resources.audience_of_resource(resource, tenant)
        except EntraError as error:
            raise IdentityError(400, error.error, str(error)) from None
        now = int(time.time())
        return {
            "access_token": self._tokens.issue(account, tenant, audience, by="2"),
            "client_id": account.client_id,
            "expires_in": str(LIFETIME_SECONDS),
            "expires_on": str(now + LIFETIME_SECONDS),
            "ext_expires_in": str(LIFETIME_SECONDS),
            "not_before": str(now),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _of_subscription(self, subscription_id: str) -> list[Account]:
        """A machine in the network is taken to have every user-assigned identity of the subscription."""
        found = self._store.under(f"/subscriptions/{subscription_id}", _USER_ASSIGNED)
        accounts = (self._directory.account_of_resource(identity.id) for identity in found)
        return [account for account in accounts if account]

    def _of_resource(self, resource_id: str) -> tuple[list[Account], Account | None]:
        """(user-assigned, system-assigned) identities of a hosting resource, from its ``identity`` block."""
        resource = self._store.get(resource_id)
        identity = (resource.body.get("identity") if resource else None) or {}
        assigned = (self._directory.account_of_resource(key) for key in identity.get("userAssignedIdentities") or {})
        return [account for account in assigned if account], self._directory.account_of_resource(resource_id)


def _machine_secret(request: Request) -> str | None:
    """Which machine asks: code that the sandbox runs on a resource's machine goes through its proxy with a password."""
    scheme, _, encoded = request.headers.get("proxy-authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded).decode().partition(":")[2]
    except ValueError:
        return None


def _choose(accounts: list[Account], default: Account | None, query: Mapping[str, str]) -> Account:
    client_id = query.get("client_id") or query.get("clientid")
    object_id = query.get("object_id") or query.get("principal_id")
    resource_id = query.get("mi_res_id") or query.get("msi_res_id")
    if not (client_id or object_id or resource_id):
        if default is not None:
            return default
        if len(accounts) > 1:
            raise IdentityError(
                400,
                "invalid_request",
                "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in "
                "the token request",
            )
        if accounts:
            return accounts[0]
    for account in [*accounts, *([default] if default else [])]:
        if client_id and account.client_id.lower() == client_id.lower():
            return account
        if object_id and account.object_id.lower() == object_id.lower():
            return account
        if resource_id and account.resource_id == normal_id(resource_id):
            return account
    raise IdentityError(400, "invalid_request", "Identity not found")
