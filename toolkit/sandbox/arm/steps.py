"""The steps of a request to ARM, in the order in which Azure's own refusals show them. Each may refuse.

What faults, throttling, policies or an activity log need is one more function here, and one more line in STEPS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

from toolkit.sandbox.arm import activity_log
from toolkit.sandbox.arm.access import ASSIGNMENTS, DEFINITIONS
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict, not_found, not_modelled, resource_not_found
from toolkit.sandbox.arm.ids import RESOURCE_GROUPS, SUBSCRIPTIONS, ResourceId, parse
from toolkit.sandbox.arm.policies import refuse_denied
from toolkit.sandbox.arm.provider_operations import exists
from toolkit.sandbox.arm.registry import PROVIDER_ACTIONS, lookup
from toolkit.sandbox.arm.request import ArmRequest, ControlPlane, ToProvider, ToResource, ToRoute
from toolkit.sandbox.arm.resource_type import Answer, Call
from toolkit.sandbox.arm.resources import require_not_deleting
from toolkit.sandbox.arm.routes import ROUTES, RouteCall
from toolkit.sandbox.arm.types.authorization import assignment_facts
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.world import InvalidToken

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview|-privatepreview|-alpha|-beta)?", re.IGNORECASE)
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


async def api_version(plane: ControlPlane, request: ArmRequest) -> None:
    version = request.query.get("api-version")
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
    request.api_version = version


async def principal(plane: ControlPlane, request: ArmRequest) -> None:
    """The token's."""
    authorization = request.headers.get("authorization")
    try:
        request.principal = plane.world.tokens.verify(authorization, AUDIENCES)
    except InvalidToken as error:
        subscription = request.path.split("/")[2] if request.path.lower().startswith("/subscriptions/") else ""
        tenant = plane.world.directory.tenant_of(subscription) or "common"
        code, message = "InvalidAuthenticationToken", f"The access token is invalid: {error}."
        if authorization is None:
            code = "AuthenticationFailed"
            message = "Authentication failed. The 'Authorization' header is missing."
        raise ArmError(401, code, message, headers={"WWW-Authenticate": _challenge(tenant, message)}) from error


async def finished_operations(plane: ControlPlane, request: ArmRequest) -> None:
    """What other requests began and what is over by now is so for this one."""
    await plane.resources.operations.settle()


async def body(plane: ControlPlane, request: ArmRequest) -> None:
    request.body = {}
    if not request.content.strip():
        return
    try:
        parsed = json.loads(request.content)
    except ValueError as error:
        raise bad_request(
            "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{error}'."
        ) from error
    if not isinstance(parsed, dict):
        raise bad_request("InvalidRequestContent", "The request content was invalid: it is not a JSON object.")
    request.body = parsed


async def aim(plane: ControlPlane, request: ArmRequest) -> None:
    """What the method and the path are about."""
    for route in ROUTES:
        if route.method == request.method and (match := route.pattern.fullmatch(request.path)):
            request.aim = ToRoute(route, match.groupdict())
            return
    named = parse(request.path)
    if request.method != "POST":
        request.aim = ToResource(named, "")
        return
    owner, _, action = request.path.rpartition("/")
    if len(named.types) == 1 and not named.names:
        handler = PROVIDER_ACTIONS.get(f"{named.namespace}/{action}".lower())
        if handler is not None:
            request.aim = ToProvider(named, action, handler)
            return
    request.aim = ToResource(parse(owner), action)


async def tenant(plane: ControlPlane, request: ArmRequest) -> None:
    """The subscription is known, and its tenant is the token's."""
    request.tenant_id = request.principal.tenant_id
    subscription_id = request.aim.subscription_id
    if subscription_id is None:
        return
    owner = plane.world.directory.tenant_of(subscription_id)
    if owner is None:
        raise not_found("SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")
    if owner.lower() != request.principal.tenant_id.lower():
        message = (
            f"The access token is from the wrong issuer 'https://sts.windows.net/{request.principal.tenant_id}/'. "
            f"It must match the tenant 'https://sts.windows.net/{owner}/' associated with this subscription. "
            f"Please use the authority (URL) 'https://login.windows.net/{owner}' to get the token."
        )
        headers = {"WWW-Authenticate": _challenge(owner, message)}
        raise ArmError(401, "InvalidAuthenticationTokenTenant", message, headers=headers)
    request.tenant_id = owner


async def standing(plane: ControlPlane, request: ArmRequest) -> None:
    """A disabled subscription takes no writes; what is in it can be read and deleted.

    https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states; code and sentence:
    https://github.com/microsoft/vscode-azureappservice/issues/1646
    """
    subscription_id = request.aim.subscription_id
    if subscription_id is None or request.method not in ("PUT", "PATCH"):
        return
    if conditions_of(plane.world.store, subscription_id).state == "Disabled":
        raise conflict(
            "ReadOnlyDisabledSubscription",
            f"The subscription '{subscription_id}' is disabled and therefore marked as read only. You cannot perform "
            "any write actions on this subscription until it is re-enabled.",
        )


async def resource_type(plane: ControlPlane, request: ArmRequest) -> None:
    """The type is there, in this api-version and with this method; the call on a resource begins."""
    if not isinstance(request.aim, ToResource):
        return
    target = request.aim.id
    type_ = lookup(target.type)
    if type_ is None:
        raise not_found(
            "InvalidResourceType",
            f"The resource type could not be found in the namespace '{target.namespace}' for api version "
            f"'{request.api_version}'. (The sandbox does not model '{target.type}': add it to "
            f"toolkit/sandbox/arm/{_file(target.namespace)}.)",
        )
    if request.api_version.lower() < type_.first_api_version:
        raise bad_request(
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{request.body.get('location', '')}' and API "
            f"version '{request.api_version}' for type '{type_.type.split('/', 1)[1]}'. The supported api-versions "
            f"start with '{type_.first_api_version}'.",
        )
    if request.method not in ("POST", "HEAD") and not target.is_collection and request.method not in type_.methods:
        raise ArmError(
            405,
            "MethodNotAllowed",
            f"The resource type '{type_.type}' does not support {request.method} here. If Azure does, add it to "
            f"toolkit/sandbox/arm/{_file(type_.namespace)}.",
        )
    request.call = Call(
        plane.resources,
        target,
        type_,
        request.method,
        request.principal,
        request.tenant_id,
        request.api_version,
        request.query,
        request.headers,
        request.body,
    )


async def registration(plane: ControlPlane, request: ArmRequest) -> None:
    """Reads of an unregistered namespace find nothing, without an error of their own (inferred)."""
    call = request.call
    if call is not None and request.writes and call.id.subscription_id is not None:
        plane.providers.require(call.id.subscription_id, call.type.namespace)


async def existing(plane: ControlPlane, request: ArmRequest) -> None:
    call = request.call
    if call is not None and not call.id.is_collection:
        call.existing = call.type.find(call) if call.type.find is not None else plane.world.store.get(call.id.id)


async def action(plane: ControlPlane, request: ArmRequest) -> None:
    """What is asked of a collection or by a POST is something that can be asked."""
    call = request.call
    if call is None or not isinstance(request.aim, ToResource):
        return
    if request.method == "POST":
        known = {} if call.id.is_collection else {name.lower(): name for name in call.type.actions}
        asked = known.get(request.aim.action.lower())
        if asked is None:
            raise not_modelled(f"the action '{request.aim.action}' on '{call.type.type}'", _file(call.type.namespace))
        request.action = asked
    elif call.id.is_collection and request.method != "GET":
        raise ArmError(405, "MethodNotAllowed", f"{request.method} is not allowed on the collection '{request.path}'.")


async def authorisation(plane: ControlPlane, request: ArmRequest) -> None:
    """Role-based access, on the scope and with the operation's name that Azure asks for."""
    right = _right(request)
    if right is None:
        return
    scope, operation = right
    call, who, access = request.call, request.principal, plane.world.access
    facts = assignment_facts(call) if call is not None and call.type.type == ASSIGNMENTS else {}
    if access.allows_action(who, scope, operation, facts):
        return
    lacking = "does not have authorization"
    if access.on_condition(who, scope, operation):
        lacking = "has an authorization with ABAC condition that is not fulfilled"
    raise ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{who.client_id or who.object_id}' with object id '{who.object_id}' {lacking} to perform action "
        f"'{operation}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.",
    )


def _right(request: ArmRequest) -> tuple[str, str] | None:
    """Scope and operation that the principal must be allowed; None where having a token is enough."""
    match request.aim:
        case ToRoute(route, found):
            if route.action is None:
                return None
            group = f"/resourceGroups/{found['group']}" if found.get("group") else ""
            return f"/subscriptions/{found['subscription']}{group}", route.action.format(**found)
        case ToProvider(on, asked, _):
            # Asking whether a name is free is a read, although it is posted (provider_operations.json).
            operation = f"{on.namespace}/{asked}"
            return on.scope or "/", f"{operation}/{'read' if exists(f'{operation}/read', 'actions') else 'action'}"
        case ToResource(target, _):
            return _resource_right(request, target)


def _resource_right(request: ArmRequest, target: ResourceId) -> tuple[str, str] | None:
    assert request.call is not None
    type_ = request.call.type
    if type_.type == DEFINITIONS and not target.scope and request.method == "GET":
        return None  # built-in roles are everybody's to read
    # Resource groups have the operations of Microsoft.Resources/subscriptions/….
    operations = "Microsoft.Resources/subscriptions/resourceGroups" if type_.type == RESOURCE_GROUPS else type_.type
    if request.method == "POST":
        verb = "read" if request.action in type_.reading else "action"
        return target.id, f"{operations}/{request.action}/{verb}"
    scope = (target.parent_id or "/") if target.is_collection else target.id
    return scope, f"{operations}/{_VERBS.get(request.method, 'read')}"


async def locks(plane: ControlPlane, request: ArmRequest) -> None:
    if request.call is not None:
        plane.locks.check(request.call.id.id, request.call.type.type, request.method)


async def what_is_above(plane: ControlPlane, request: ArmRequest) -> None:
    """The resource group, the extended resource and the parent are there."""
    if request.call is None:
        return
    target, type_, store = request.call.id, request.call.type, plane.world.store
    group_id = target.resource_group_id()
    if group_id is not None and type_.type != RESOURCE_GROUPS:
        group = store.get(group_id)
        if group is None:
            raise not_found("ResourceGroupNotFound", f"Resource group '{target.resource_group}' could not be found.")
        if request.writes:
            require_not_deleting(group)
    if type_.place == "extension" and request.method in ("PUT", "PATCH") and "/providers/" in target.scope.lower():
        scope = parse(target.scope)
        if store.get(scope.id) is None and scope.type != SUBSCRIPTIONS:
            raise resource_not_found(scope.type_and_name, scope.resource_group)
    if target.is_child and type_.parent == "checked" and store.get(target.parent_id) is None:
        verb = _VERBS.get(request.method, "write")
        raise not_found(
            "ParentResourceNotFound",
            f"Failed to perform '{verb}' on resource(s) of type '{type_.type.split('/', 1)[1]}', because the parent "
            f"resource '{target.parent_id}' could not be found.",
        )


async def answer(plane: ControlPlane, request: ArmRequest) -> None:
    """The type's, the route's or the provider's own behaviour."""
    match request.aim:
        case ToRoute(route, found):
            request.answer = await route.handler(
                RouteCall(
                    plane.resources,
                    plane.providers,
                    request.principal,
                    found,
                    request.path,
                    request.query,
                    request.body,
                )
            )
        case ToProvider(on, _, handler):
            request.answer = handler(plane.world, on, request.body)
        case ToResource():
            request.answer = await _resource_answer(plane, request)


async def activity(plane: ControlPlane, request: ArmRequest) -> None:
    """What has been changed is in the activity log."""
    if request.call is not None:
        activity_log.record(plane.resources, request.call, request.action, request.headers)


async def _resource_answer(plane: ControlPlane, request: ArmRequest) -> Answer:
    call, resources = request.call, plane.resources
    assert call is not None
    if call.id.is_collection:
        return resources.list(call)
    match request.method:
        case "POST":
            if call.existing is None:
                raise resources.missing(call)
            return await call.type.actions[request.action](call, call.existing)
        case "HEAD":
            return Answer(None, 204 if call.existing is not None else 404)
        case "GET":
            return resources.get(call)
        case "PUT":
            if call.id.subscription_id:
                refuse_denied(plane.world.store, call.id.subscription_id, call.type.type, call.id.name, call.body)
            return await resources.put(call)
        case "PATCH":
            return await resources.patch(call)
        case _:
            return await resources.delete(call)


Step = Callable[[ControlPlane, ArmRequest], Awaitable[None]]

STEPS: tuple[Step, ...] = (
    api_version,
    principal,
    finished_operations,
    body,
    aim,
    tenant,
    standing,
    resource_type,
    registration,
    existing,
    action,
    authorisation,
    locks,
    what_is_above,
    answer,
    activity,
)


def _challenge(tenant: str, message: str) -> str:
    authority = f"https://login.windows.net/{tenant}"
    return f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'


def _file(namespace: str) -> str:
    return f"types/{namespace.rsplit('.', 1)[-1].lower()}.py"
