"""Entra ID's endpoints on ``login.microsoftonline.com``, the token issuers and runs of GitHub and Azure DevOps, and the
managed identity endpoints.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.chain import request_host
from toolkit.sandbox.entra import errors, resources
from toolkit.sandbox.entra.azure_devops import AzureDevOps
from toolkit.sandbox.entra.ci_runs import CiRuns
from toolkit.sandbox.entra.directory import Account, EntraDirectory
from toolkit.sandbox.entra.errors import EntraError
from toolkit.sandbox.entra.federation import Federation
from toolkit.sandbox.entra.github import GITHUB_ISSUER, GitHubActions
from toolkit.sandbox.entra.identities import APP_HOST, IMDS_HOST, ManagedIdentityEndpoints
from toolkit.sandbox.entra.keys import ALGORITHM, SigningKey
from toolkit.sandbox.entra.tokens import EntraTokens
from toolkit.sandbox.model import Origin

LOGIN_HOST = "login.microsoftonline.com"
GITHUB_HOST = "token.actions.githubusercontent.com"
GITHUB_API_HOST = "api.github.com"
GITHUB_REQUEST_HOST = "pipelines.actions.githubusercontent.com"
AZURE_DEVOPS_HOST = "dev.azure.com"

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Authorities that stand for no tenant: metadata is public for them, tokens are not (there are no users to find one by).
_ANY_TENANT = ("common", "organizations", "consumers")


Form = dict[str, list[str]]


class EntraService:
    name = "entra"
    hosts: tuple[str, ...] = (
        LOGIN_HOST,
        GITHUB_HOST,
        GITHUB_API_HOST,
        GITHUB_REQUEST_HOST,
        AZURE_DEVOPS_HOST,
        IMDS_HOST,
        APP_HOST,
    )

    def __init__(
        self,
        directory: EntraDirectory,
        tokens: EntraTokens,
        key: SigningKey,
        github: GitHubActions,
        azure_devops: AzureDevOps,
        federation: Federation,
        identities: ManagedIdentityEndpoints,
        ci_runs: CiRuns,
    ) -> None:
        self._directory = directory
        self._tokens = tokens
        self._key = key
        self._github = github
        self._azure_devops = azure_devops
        self._federation = federation
        self._identities = identities
        self._ci_runs = ci_runs

    async def handle(self, request: Request, origin: Origin) -> Response:
        host = request_host(request)
        if host in (IMDS_HOST, APP_HOST):
            return self._identities.handle(request, origin, host)
        if host == GITHUB_HOST:
            return self._github_metadata(request)
        if host == GITHUB_API_HOST:
            return await self._ci_runs.github(request)
        if host == GITHUB_REQUEST_HOST:
            return self._github_token(request)
        if host == AZURE_DEVOPS_HOST:
            return await self._ci_runs.azure_devops(request) or self._azure_devops_token(request)
        try:
            return await self._login(request)
        except EntraError as error:
            return error.response()

    # -- login.microsoftonline.com -----------------------------------------------------------------------------------

    async def _login(self, request: Request) -> Response:
        tenant, _, path = request.scope["path"].lstrip("/").partition("/")
        tenant = tenant.lower()
        match request.method, path:
            case "GET", "discovery/instance":
                return JSONResponse(_instance_metadata())
            case "GET", "v2.0/.well-known/openid-configuration" | ".well-known/openid-configuration":
                return JSONResponse(self._metadata(tenant, v2=path.startswith("v2.0")))
            case "GET", "discovery/v2.0/keys" | "discovery/keys":
                return JSONResponse(self._key.jwks())
            case "POST", "oauth2/v2.0/token" | "oauth2/token":
                return await self._token(request, tenant, v2="v2.0" in path)
            case _, "oauth2/v2.0/devicecode" | "oauth2/devicecode":
                raise errors.unsupported_grant("device_code")
            case _, "oauth2/v2.0/authorize" | "oauth2/authorize":
                raise errors.unsupported_grant("authorization_code")
        where = "see toolkit/sandbox/entra/service.py"
        text = f"The sandbox's Entra does not serve {request.method} /{tenant}/{path}: {where}"
        return JSONResponse({"error": "not_served", "error_description": text}, status_code=404)

    def _metadata(self, tenant: str, *, v2: bool) -> Json:
        """https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#fetch-the-openid-configuration-document"""
        if tenant not in _ANY_TENANT and not self._directory.knows_tenant(tenant):
            raise errors.unknown_tenant(tenant, "invalid_tenant")
        base, version = f"https://{LOGIN_HOST}/{tenant}", "v2.0/" if v2 else ""
        named = "{tenantid}" if tenant in _ANY_TENANT else tenant
        return {
            "token_endpoint": f"{base}/oauth2/{version}token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/{version}keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"https://{LOGIN_HOST}/{named}/v2.0" if v2 else f"https://sts.windows.net/{named}/",
            "authorization_endpoint": f"{base}/oauth2/{version}authorize",
            "device_authorization_endpoint": f"{base}/oauth2/{version}devicecode",
            "end_session_endpoint": f"{base}/oauth2/{version}logout",
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        }

    async def _token(self, request: Request, tenant: str, *, v2: bool) -> Response:
        """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#get-a-token"""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        grant_type = _text(form, "grant_type")
        if not grant_type:
            raise errors.missing_parameter("grant_type")
        if grant_type != "client_credentials":
            raise errors.unsupported_grant(grant_type)
        client_id = _text(form, "client_id")
        if not client_id:
            raise errors.missing_parameter("client_id")
        if not self._directory.knows_tenant(tenant):
            raise errors.unknown_tenant(tenant)
        wanted = _text(form, "scope" if v2 else "resource")
        if not wanted:
            raise errors.missing_parameter("scope" if v2 else "resource")
        audience = (resources.audience_of_scope if v2 else resources.audience_of_resource)(wanted, tenant)
        account = self._directory.account_of_client(client_id, tenant)
        if account is None:
            raise errors.unknown_application(client_id, tenant)
        by = self._authenticate(account, form)
        token = self._tokens.issue(account, tenant, audience, by=by)
        return JSONResponse(
            _token_answer(token, None if v2 else wanted, self._tokens.lifetime),
            headers={"cache-control": "no-store, no-cache"},
        )

    def _authenticate(self, account: Account, form: Form) -> str:
        """Check the client's proof; the answer is the token's ``appidacr``."""
        if assertion := _text(form, "client_assertion"):
            if _text(form, "client_assertion_type") != _JWT_BEARER:
                raise errors.malformed_assertion(f"client_assertion_type must be {_JWT_BEARER}.")
            self._federation.check(account, assertion)
            return "2"
        secret = _text(form, "client_secret")
        if not secret:
            raise errors.missing_credential()
        if not account.has_secret(secret):
            raise errors.wrong_secret(account.client_id)
        return "1"

    # -- GitHub Actions ----------------------------------------------------------------------------------------------

    def _github_metadata(self, request: Request) -> Response:
        match request.scope["path"]:
            case "/.well-known/openid-configuration":
                return JSONResponse(
                    {
                        "issuer": GITHUB_ISSUER,
                        "jwks_uri": f"{GITHUB_ISSUER}/.well-known/jwks",
                        "subject_types_supported": ["public", "pairwise"],
                        "response_types_supported": ["id_token"],
                        "id_token_signing_alg_values_supported": [ALGORITHM],
                        "scopes_supported": ["openid"],
                    }
                )
            case "/.well-known/jwks":
                return JSONResponse(self._github.key.jwks())
        return JSONResponse({"message": "Not Found"}, status_code=404)

    def _github_token(self, request: Request) -> Response:
        scheme, _, request_token = request.headers.get("authorization", "").partition(" ")
        token = None
        if scheme.lower() == "bearer":
            token = self._github.id_token(request_token.strip(), request.query_params.get("audience"))
        if token is None:
            text = "The request token is missing, unknown or too old: it comes from the control API's POST /federation."
            return JSONResponse({"message": text}, status_code=401)
        return JSONResponse({"value": token})

    # -- Azure DevOps ------------------------------------------------------------------------------------------------

    def _azure_devops_token(self, request: Request) -> Response:
        """https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create (errors: inferred)."""
        path = request.scope["path"]
        if request.method != "POST" or not path.lower().endswith("/oidctoken"):
            text = f"The sandbox's Azure DevOps does not serve {request.method} {path}: see entra/service.py"
            return JSONResponse({"message": text}, status_code=404)
        scheme, _, access_token = request.headers.get("authorization", "").partition(" ")
        connection_id = request.query_params.get("serviceConnectionId", "")
        known = scheme.lower() == "bearer"
        token = self._azure_devops.id_token(access_token.strip(), connection_id) if known else None
        if token is None:
            text = f"This job's access token is unknown, or may not use the service connection '{connection_id}'."
            return JSONResponse({"message": text}, status_code=401)
        return JSONResponse({"oidcToken": token})


def _text(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _token_answer(token: str, v1_resource: str | None, seconds: int) -> Json:
    if v1_resource is None:
        lifetime = seconds - 1
        return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}
    now = int(time.time())
    return {
        "token_type": "Bearer",
        "expires_in": str(seconds - 1),
        "ext_expires_in": str(seconds - 1),
        "expires_on": str(now + seconds),
        "not_before": str(now),
        "resource": v1_resource,
        "access_token": token,
    }


def _instance_metadata() -> Json:
    """What MSAL asks to know the authority's aliases (msal source: msal/authority.py, instance discovery)."""
    return {
        "tenant_discovery_endpoint": f"https://{LOGIN_HOST}/common/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {
                "preferred_network": LOGIN_HOST,
                "preferred_cache": "login.windows.net",
                "aliases": [LOGIN_HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"],
            }
        ],
    }
