"""The service behind ``management.azure.com``: one ordered path from a request to an answer.

Order, as Azure's own refusals show it: api-version, token, subscription and tenant, resource type, registration of
the provider,
role-based access, locks, resource group and parent, and then the type's own behaviour.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from toolkit.records import Json
from toolkit.sandbox.arm.access import ASSIGNMENTS, DEFINITIONS
from toolkit.sandbox.arm.errors import ArmError, bad_request, not_found, not_modelled
from toolkit.sandbox.arm.ids import RESOURCE_GROUPS, SUBSCRIPTIONS, ResourceId, parse
from toolkit.sandbox.arm.locks import Locks
from toolkit.sandbox.arm.operations import Profile
from toolkit.sandbox.arm.providers import Providers
from toolkit.sandbox.arm.registry import PROVIDER_ACTIONS, lookup
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.arm.resources import Resources, require_not_deleting
from toolkit.sandbox.arm.tenant import ROUTES, Route, TenantCall
from toolkit.sandbox.arm.types.authorization import assignment_facts
from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.world import BlobsUnavailable, InvalidToken, World

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview|-privatepreview|-alpha|-beta)?", re.IGNORECASE)
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class ArmService:
    name = "arm"
    hosts: tuple[str, ...] = ("management.azure.com",)

    def __init__(self, world: World, profile: Profile | None = None, clock: Callable[[], float] = time.time) -> None:
        self.world = world
        self.resources = Resources(world, profile, clock)
        self.providers = Providers(world.store)
        self.locks = Locks(world.store)

    async def handle(self, request: Request, origin: Origin) -> Response:
        request_id = str(uuid.uuid4())
        try:
            answer = await self._answer(request)
        except ArmError as error:
            answer = Answer(error.body(), error.status, {**error.headers, "x-ms-failure-cause": "gateway"})
        except BlobsUnavailable as error:
            answer = Answer(ArmError(503, "ServerBusy", f"The sandbox's blob storage: {error}.").body(), 503)
        headers = {**answer.headers, "x-ms-request-id": request_id, "Cache-Control": "no-cache"}
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            headers["x-ms-client-request-id"] = client_id
        if answer.body is None:
            return Response(status_code=answer.status, headers=headers)
        content = b"" if request.method == "HEAD" else json.dumps(answer.body).encode()
        return Response(content, answer.status, headers, "application/json; charset=utf-8")

    async def _answer(self, request: Request) -> Answer:
        path = "/" + request.scope["path"].strip("/")
        query = dict(request.query_params)
        api_version = _api_version(query)
        principal = self._authenticate(request, path)
        await self.resources.operations.settle()
        body = await _body(request)
        for route in ROUTES:
            if route.method == request.method and (match := route.pattern.fullmatch(path)):
                return await self._tenant(route, match.groupdict(), principal, path, query, body)
        headers = {key.lower(): value for key, value in request.headers.items()}
        if request.method == "POST":
            return await self._act(path, principal, api_version, query, headers, body)
        return await self._resource(request.method, path, principal, api_version, query, headers, body)

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _authenticate(self, request: Request, path: str) -> Principal:
        try:
            return self.world.tokens.verify(request.headers.get("authorization"), AUDIENCES)
        except InvalidToken as error:
            subscription = path.split("/")[2] if path.lower().startswith("/subscriptions/") else ""
            tenant = self.world.directory.tenant_of(subscription) or "common"
            missing = request.headers.get("authorization") is None
            code = "AuthenticationFailed" if missing else "InvalidAuthenticationToken"
            message = (
                "Authentication failed. The 'Authorization' header is missing."
                if missing
                else f"The access token is invalid: {error}."
            )
            challenge = _challenge(tenant, message)
            raise ArmError(401, code, message, headers={"WWW-Authenticate": challenge}) from error

    def _tenant_of(self, subscription_id: str | None, principal: Principal) -> str:
        """The subscription's tenant, which must be the token's."""
        if subscription_id is None:
            return principal.tenant_id
        tenant = self.world.directory.tenant_of(subscription_id)
        if tenant is None:
            raise not_found("SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")
        if tenant.lower() != principal.tenant_id.lower():
            message = (
                f"The access token is from the wrong issuer 'https://sts.windows.net/{principal.tenant_id}/'. It "
                "must match the tenant "
                f"'https://sts.windows.net/{tenant}/' associated with this subscription. Please use the authority "
                "(URL) "
                f"'https://login.windows.net/{tenant}' to get the token."
            )
            challenge = _challenge(tenant, message)
            raise ArmError(401, "InvalidAuthenticationTokenTenant", message, headers={"WWW-Authenticate": challenge})
        return tenant

    def _authorize(self, principal: Principal, scope: str, action: str, facts: Mapping[str, str] | None = None) -> None:
        if self.world.access.allows_action(principal, scope, action, facts or {}):
            return
        name = principal.client_id or principal.object_id
        lacking = "does not have authorization"
        if self.world.access.on_condition(principal, scope, action):
            lacking = "has an authorization with ABAC condition that is not fulfilled"
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{name}' with object id '{principal.object_id}' {lacking} to perform "
            f"action '{action}' "
            f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
            "credentials.",
        )

    async def _tenant(
        self,
        route: Route,
        match: Mapping[str, str],
        principal: Principal,
        path: str,
        query: Mapping[str, str],
        body: Json,
    ) -> Answer:
        self._tenant_of(match.get("subscription"), principal)
        if route.action is not None:
            scope = f"/subscriptions/{match['subscription']}"
            if match.get("group"):
                scope += f"/resourceGroups/{match['group']}"
            self._authorize(principal, scope, route.action.format(**match))
        return await route.handler(TenantCall(self.resources, self.providers, principal, match, path, query, body))

    async def _resource(
        self,
        method: str,
        path: str,
        principal: Principal,
        api_version: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Json,
    ) -> Answer:
        target = parse(path)
        call = self._call(target, method, principal, api_version, query, headers, body)
        if target.is_collection:
            if method != "GET":
                raise ArmError(405, "MethodNotAllowed", f"{method} is not allowed on the collection '{path}'.")
            if not (call.type.type == DEFINITIONS and not target.scope):  # built-in roles are everybody's to read
                self._authorize(principal, target.parent_id or "/", f"{_action_type(call.type)}/read")
            self._exists_above(call)
            return self.resources.list(call)
        if not (call.type.type == DEFINITIONS and not target.scope and method == "GET"):
            facts = assignment_facts(call) if call.type.type == ASSIGNMENTS else None
            self._authorize(principal, target.id, f"{_action_type(call.type)}/{_VERBS.get(method, 'read')}", facts)
        self.locks.check(target.id, call.type.type, method)
        self._exists_above(call)
        if method == "HEAD":
            return Answer(None, 204 if call.existing is not None else 404)
        if method == "GET":
            return self.resources.get(call)
        if method == "PUT":
            return await self.resources.put(call)
        if method == "PATCH":
            return await self.resources.patch(call)
        return await self.resources.delete(call)

    async def _act(
        self,
        path: str,
        principal: Principal,
        api_version: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Json,
    ) -> Answer:
        owner, _, action = path.rpartition("/")
        on = parse(path)
        provider_action = (
            PROVIDER_ACTIONS.get(f"{on.namespace}/{action}".lower()) if len(on.types) == 1 and not on.names else None
        )
        if provider_action is not None:
            self._tenant_of(on.subscription_id, principal)
            self._authorize(principal, on.scope or "/", f"{on.namespace}/{action}/action")
            return provider_action(self.world, on, body)
        target = parse(owner)
        call = self._call(target, "POST", principal, api_version, query, headers, body)
        handlers = call.type.collection_actions if target.is_collection else call.type.actions
        handler = next((handler for name, handler in handlers.items() if name.lower() == action.lower()), None)
        if handler is None:
            raise not_modelled(f"the action '{action}' on '{call.type.type}'", _file(call.type.namespace))
        name = next(name for name in handlers if name.lower() == action.lower())
        self._authorize(principal, target.id, f"{_action_type(call.type)}/{name}/action")
        self.locks.check(target.id, call.type.type, "POST")
        self._exists_above(call)
        if call.existing is None:
            raise self.resources.missing(call)
        return await handler(call, call.existing)

    def _call(
        self,
        target: ResourceId,
        method: str,
        principal: Principal,
        api_version: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Json,
    ) -> Call:
        tenant_id = self._tenant_of(target.subscription_id, principal)
        type_ = lookup(target.type)
        if type_ is None:
            raise not_found(
                "InvalidResourceType",
                f"The resource type could not be found in the namespace '{target.namespace}' for api version "
                f"'{api_version}'. "
                f"(The sandbox does not model '{target.type}': add it to "
                f"toolkit/sandbox/arm/{_file(target.namespace)}.)",
            )
        if api_version.lower() < type_.first_api_version:
            raise bad_request(
                "NoRegisteredProviderFound",
                f"No registered resource provider found for location '{body.get('location', '')}' and API version "
                f"'{api_version}' for "
                f"type '{type_.type.split('/', 1)[1]}'. The supported api-versions start with "
                f"'{type_.first_api_version}'.",
            )
        if method not in ("POST", "HEAD") and not target.is_collection and method not in type_.methods:
            raise ArmError(
                405,
                "MethodNotAllowed",
                f"The resource type '{type_.type}' does not support {method} here. If Azure does, add it to "
                f"toolkit/sandbox/arm/{_file(type_.namespace)}.",
            )
        # Reads of an unregistered namespace find nothing, without an error of their own (inferred).
        if target.subscription_id is not None and method in ("PUT", "PATCH", "POST"):
            self.providers.require(target.subscription_id, type_.namespace)
        call = Call(self.resources, target, type_, method, principal, tenant_id, api_version, query, headers, body)
        if not target.is_collection:
            call.existing = type_.find(call) if type_.find is not None else self.world.store.get(target.id)
        return call

    def _exists_above(self, call: Call) -> None:
        """The resource group, the extended resource and the parent must be there."""
        target, store = call.id, self.world.store
        group_id = target.resource_group_id()
        if group_id is not None and call.type.type != RESOURCE_GROUPS:
            group = store.get(group_id)
            if group is None:
                raise not_found(
                    "ResourceGroupNotFound", f"Resource group '{target.resource_group}' could not be found."
                )
            if call.method in ("PUT", "PATCH", "POST"):
                require_not_deleting(group)
        if call.type.place == "extension" and call.method in ("PUT", "PATCH") and "/providers/" in target.scope.lower():
            scope = parse(target.scope)
            if store.get(scope.id) is None and scope.type != SUBSCRIPTIONS:
                raise not_found(
                    "ResourceNotFound",
                    f"The Resource '{scope.type_and_name}' under resource group '{scope.resource_group}' was not "
                    "found. "
                    "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
                )
        if target.is_child and call.type.parent == "checked" and store.get(target.parent_id) is None:
            verb = _VERBS.get(call.method, "write")
            raise not_found(
                "ParentResourceNotFound",
                f"Failed to perform '{verb}' on resource(s) of type '{call.type.type.split('/', 1)[1]}', because the "
                "parent resource "
                f"'{target.parent_id}' could not be found.",
            )


def _challenge(tenant: str, message: str) -> str:
    authority = f"https://login.windows.net/{tenant}"
    return f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'


def _api_version(query: Mapping[str, str]) -> str:
    version = query.get("api-version")
    if not version:
        raise bad_request(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _API_VERSION.fullmatch(version):
        raise bad_request(
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. It must be of the form 'YYYY-MM-DD'.",
        )
    return version


async def _body(request: Request) -> Json:
    content = await request.body()
    if not content.strip():
        return {}
    try:
        body = json.loads(content)
    except ValueError as error:
        raise bad_request(
            "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{error}'."
        ) from error
    if not isinstance(body, dict):
        raise bad_request("InvalidRequestContent", "The request content was invalid: it is not a JSON object.")
    return body


def _action_type(type_: ResourceType) -> str:
    """Resource groups have the type Microsoft.Resources/resourceGroups and the operations of
    Microsoft.Resources/subscriptions/…"""
    return "Microsoft.Resources/subscriptions/resourceGroups" if type_.type == RESOURCE_GROUPS else type_.type


def _file(namespace: str) -> str:
    return f"types/{namespace.rsplit('.', 1)[-1].lower()}.py"
