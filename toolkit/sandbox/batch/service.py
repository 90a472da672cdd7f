"""``*.REGION.batch.azure.com``: a Batch account's own host, over the accounts and pools that Terraform made.

The doors, each with its source:

* the account's network: https://learn.microsoft.com/azure/batch/public-network-access and …/private-connectivity
  ((inferred): the refusal's code and sentence, and that the network is asked before the token);
* tokens for https://batch.core.windows.net/, and keys where ``allowedAuthenticationModes`` has SharedKey:
  https://learn.microsoft.com/azure/batch/batch-aad-auth, https://github.com/Azure/BatchExplorer/issues/239;
* roles: https://learn.microsoft.com/azure/batch/batch-role-based-access-control ((inferred): the refusal's words).
"""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from toolkit.records import Json
from toolkit.sandbox.batch.errors import BatchError, serialise, unauthenticated
from toolkit.sandbox.batch.operations import Call, Operation, operation_of
from toolkit.sandbox.batch.scheduling import Scheduler
from toolkit.sandbox.batch.signing import is_signed
from toolkit.sandbox.internal import batch_keys
from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_ACCOUNTS: Final = "Microsoft.Batch/batchAccounts"
_AUDIENCE: Final = "https://batch.core.windows.net"
# 2010-01-01.1.0 and so on, and plain dates: https://learn.microsoft.com/rest/api/batchservice/batch-service-rest-api-versioning
_VERSION: Final = re.compile(r"20\d\d-\d\d-\d\d(\.\d+\.\d+)?")


class BatchService:
    name = "batch"
    hosts: tuple[str, ...] = (f"*.{suffix_of('batchAccount')}",)

    def __init__(self, world: World, scheduler: Scheduler) -> None:
        self._world = world
        self._scheduler = scheduler

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            return await self._decide(request, origin)
        except BatchError as error:
            return serialise(error, request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    async def _decide(self, request: Request, origin: Origin) -> Response:
        host = (request.url.hostname or "").lower()
        account = self._account(host)
        self._pass_network(account, origin, host)
        caller = self._authenticate(account, request)
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        operation, names = operation_of(request.method, path)
        self._authorise(account, caller, operation)
        query = dict(request.query_params)
        version = query.get("api-version", "")
        if not _VERSION.fullmatch(version):
            code = "InvalidQueryParameterValue" if version else "MissingRequiredQueryParameter"
            values = {"QueryParameterName": "api-version", "QueryParameterValue": version}
            raise BatchError(400, code, "The query parameter api-version names no version of the service.", values)
        return await operation.answer(
            Call(
                account,
                host,
                {name: unquote(value) for name, value in names.items()},
                query,
                request.headers,
                await _body(request),
                request.method == "HEAD",
                self._world.store,
                self._scheduler,
            )
        )

    def _account(self, host: str) -> Resource:
        for account in self._world.store.of_type(_ACCOUNTS):
            if str(account.properties.get("accountEndpoint", "")).lower() == host:
                return account
        # On Azure the name would not resolve at all; a client of the sandbox deserves to be told which.
        raise BatchError(404, "AccountNotFound", f"The sandbox has no Batch account at {host}.")

    def _pass_network(self, account: Resource, origin: Origin, host: str) -> None:
        route = self._world.network.route(origin, host)
        if route.unreachable:
            raise BatchError(
                502, "BadGateway", f"{host} cannot be reached from {origin.vantage.name}: {route.unreachable}."
            )
        if route.private_endpoint_target == account.id.lower():
            return
        properties = self._world.front_ends.properties(account)
        enabled = str(properties.get("publicNetworkAccess") or "Enabled").lower() == "enabled"
        rules = (properties.get("networkProfile") or {}).get("accountAccess")
        if route.private_endpoint_target is None and enabled:
            if self._world.network.admits(rules, route.source_ip, origin, _ACCOUNTS):
                return
            detail = f"The client address {route.source_ip} is not allowed by the account's network rules."
        else:
            detail = "Public network access of the account is disabled: use a private endpoint."
        raise BatchError(
            403, "AuthorizationFailure", "This request is not authorized to perform this operation.", {"Reason": detail}
        )

    def _authenticate(self, account: Resource, request: Request) -> Principal | None:
        """Who asks; None for whoever has a key, to whom everything is allowed."""
        authorization = request.headers.get("authorization", "")
        modes = {str(mode).lower() for mode in account.properties.get("allowedAuthenticationModes") or ()}
        if authorization.lower().startswith("sharedkey"):
            if "sharedkey" not in modes:
                raise unauthenticated("The specified type of authentication SharedKey is not allowed for this account.")
            if not is_signed(account.name, batch_keys(account), request):
                detail = "The MAC signature found in the HTTP request is not the same as any computed signature."
                raise unauthenticated(detail)
            return None
        if "aad" not in modes:
            raise unauthenticated("The specified type of authentication AAD is not allowed for this account.")
        try:
            caller = self._world.tokens.verify(authorization or None, (_AUDIENCE,))
        except InvalidToken as error:
            raise BatchError(
                401,
                "AuthenticationFailed",
                "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
                "correctly including the signature.",
                {"AuthenticationErrorDetail": f"The access token is invalid: {error}."},
            ) from error
        tenant = self._world.directory.tenant_of(account.id.split("/")[2])
        if caller.tenant_id.lower() != str(tenant or "").lower():
            raise unauthenticated("The access token is from the wrong tenant.")
        return caller

    def _authorise(self, account: Resource, caller: Principal | None, operation: Operation) -> None:
        if caller is None:
            return
        access = self._world.access
        allows = access.allows_data_action if operation.data else access.allows_action
        if not allows(caller, account.id, operation.action):
            raise BatchError(
                403,
                "PermissionDenied",
                "The user identity used for this operation does not have the required privilege "
                f"{operation.action} on the specified resource {account.id}.",
            )


async def _body(request: Request) -> Json:
    """https://learn.microsoft.com/rest/api/batchservice/ wants odata=minimalmetadata in the type of each body."""
    content = await request.body() if request.method in ("POST", "PUT", "PATCH") else b""
    if not content:
        return {}
    kind = request.headers.get("content-type", "").replace(" ", "").lower()
    if not kind.startswith("application/json;odata=minimalmetadata"):
        raise BatchError(
            400,
            "InvalidHeaderValue",
            "The value provided for one of the HTTP headers was not in the correct format.",
            {"HeaderName": "Content-Type", "HeaderValue": request.headers.get("content-type", "")},
        )
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise BatchError(400, "InvalidRequestBody", "The specified Request Body is not syntactically valid.")
    return body
