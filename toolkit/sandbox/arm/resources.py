"""What every resource type has in common: PUT, PATCH, GET, list and DELETE over the store."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import (
    ArmError,
    OperationFailed,
    bad_request,
    conflict,
    not_modelled,
    resource_not_found,
)
from toolkit.sandbox.arm.identity import apply_identity
from toolkit.sandbox.arm.ids import RESOURCE_GROUPS, parse
from toolkit.sandbox.arm.locations import moved, require_available
from toolkit.sandbox.arm.merge import keep, over, patched, take
from toolkit.sandbox.arm.operations import Operations, Profile, stored_profile
from toolkit.sandbox.arm.registry import lookup
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Resource, new_etag
from toolkit.sandbox.world import World

_OURS = frozenset({"id", "name", "type", "etag", "systemData"})  # top-level members that a client cannot set
_SERVICE = Principal(object_id="", tenant_id="", kind="ServicePrincipal", display_name="the service itself")


class Resources:
    def __init__(self, world: World, profile: Profile | None, clock: Callable[[], float]) -> None:
        self.world = world
        self.store = world.store
        self._profile = profile
        self._clock = clock
        self.operations = Operations(world.store, self._finish, clock)

    @property
    def profile(self) -> Profile:
        """How long operations take: what this engine was made with, or what the store says."""
        return self._profile or stored_profile(self.store)

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, call: Call) -> Answer:
        if call.existing is None:
            raise self.missing(call)
        headers = {"ETag": call.existing.etag}
        if call.headers.get("if-none-match") == call.existing.etag:
            return Answer(None, 304, headers)
        return Answer(call.existing.body, 200, headers)

    def list(self, call: Call) -> Answer:
        if call.type.list is not None:
            found = call.type.list(call)
        elif "$filter" in call.query:
            raise not_modelled(f"$filter on lists of '{call.type.type}'", "resources.py")
        else:
            found = [resource.body for resource in self.store.under(call.id.parent_id, call.type.type)]
            if call.type.place == "extension":  # those of this scope only, not of what is below it
                found = [body for body in found if body["id"].lower().startswith(call.id.id.lower() + "/")]
        return Answer({"value": top(found, call)})

    def missing(self, call: Call) -> ArmError:
        if call.type.missing is not None:
            code, message = call.type.missing
            return ArmError(call.type.missing_status, code, message.format(name=call.id.name))
        return resource_not_found(call.id.type_and_name, call.id.resource_group)

    # -- writing -------------------------------------------------------------------------------------------------------

    async def put(self, call: Call) -> Answer:
        if call.existing is not None:
            require_not_deleting(call.existing)
        self._precondition(call)
        return await self._save(call, self._from_put(call))

    async def patch(self, call: Call) -> Answer:
        if call.existing is None:
            raise self.missing(call)
        require_not_deleting(call.existing)
        self._precondition(call)
        resource = deepcopy(call.existing)
        tags = call.body.get("tags")
        sent = {key: value for key, value in call.body.items() if key not in _OURS and key != "tags"}
        resource.body = patched(resource.body, sent)
        if tags is not None:
            resource.body["tags"] = tags
        self._hide(call.type, resource)
        return await self._save(call, resource)

    async def delete(self, call: Call) -> Answer:
        resource = call.existing
        if resource is None:
            return Answer(None, call.type.missing_delete_status)
        self._precondition(call)
        if call.type.before_delete is not None:
            call.type.before_delete(call, resource)
        seconds = self.profile.seconds(call.type.long_running, "delete")
        if seconds == 0:
            await self.remove(call, resource)
            return Answer(resource.body if call.type.delete_echoes else None, call.type.delete_status)
        long_running = call.type.long_running
        assert long_running is not None
        with self.store.transaction():
            resource.properties["provisioningState"] = "Deleting"
            self.store.put(resource)
            operation = self._start(call, resource, seconds)
        names = long_running.delete_headers or long_running.headers
        return Answer(None, long_running.delete_status, self.operations.headers(operation, call.api_version, names))

    async def remove(self, call: Call, resource: Resource) -> None:
        """Delete a resource and everything under it, the deepest first; other systems are told before the store
        forgets."""
        for each in (resource, *self.store.under(resource.id)):
            inner = self.call_for(each, call)
            if inner.type.release is not None:
                await inner.type.release(inner, each)
        with self.store.transaction():
            # Looked up again: something may have been made under it while the other systems answered.
            for each in reversed((resource, *self.store.under(resource.id))):
                inner = self.call_for(each, call)
                if inner.type.on_delete is not None:
                    inner.type.on_delete(inner, each)
                if "principalId" in each.body.get("identity", {}):
                    self.world.directory.delete_managed_identity(each.id)
                self.store.delete(each.id)

    # -- for the hooks of types ----------------------------------------------------------------------------------------

    def call_for(self, resource: Resource, cause: Call) -> Call:
        """The call that a hook sees when its resource is touched on behalf of another request."""
        type_ = lookup(resource.type) or ResourceType(resource.type)
        return Call(
            self,
            parse(resource.id),
            type_,
            cause.method,
            cause.principal,
            cause.tenant_id,
            cause.api_version,
            cause.query,
            cause.headers,
            {},
            resource,
        )

    def write(
        self, resource_id: str, type_: str, properties: Json, *, location: str | None = None, **extra: Any
    ) -> Resource:
        """Store a resource that the service itself makes; an older one's ``internal`` is kept."""
        standing = self.store.get(resource_id)
        known = lookup(type_)
        body: Json = {"id": resource_id, "name": resource_id.rsplit("/", 1)[-1], "type": known.type if known else type_}
        if location is not None:
            body["location"] = location
        body |= extra
        body["properties"] = properties
        resource = Resource(resource_id, body["type"], body, standing.internal if standing else {})
        if known is not None and known.etag_in_body:
            body["etag"] = resource.etag
        self.store.put(resource)
        return resource

    def touch(self, resource: Resource) -> None:
        """Store a resource that a hook changed, with a new entity tag."""
        resource.etag = new_etag()
        if "etag" in resource.body:
            resource.body["etag"] = resource.etag
        self.store.put(resource)

    def now(self) -> float:
        return self._clock()

    def scaled(self, seconds: float) -> float:
        """What takes Azure so long takes here; 0 where everything ends at once."""
        return seconds * self.profile.scale

    # -- inside --------------------------------------------------------------------------------------------------------

    def _from_put(self, call: Call) -> Resource:
        type_, existing = call.type, call.existing
        resource_id = existing.id if existing else call.id.id
        body: Json = {"id": resource_id, "name": resource_id.rsplit("/", 1)[-1], "type": type_.type}
        sent = {key: deepcopy(value) for key, value in call.body.items() if key not in _OURS and value is not None}
        body |= over(type_.envelope, sent)
        properties = sent.get("properties", {})
        if not isinstance(properties, dict):
            raise bad_request(
                "InvalidRequestContent", "The request content was invalid: 'properties' is not an object."
            )
        body["properties"] = over(type_.defaults, properties)
        self._locate(call, body)
        resource = Resource(resource_id, type_.type, body, deepcopy(existing.internal) if existing else {})
        self._hide(type_, resource)
        if existing is not None:
            for path in type_.kept:
                keep(body["properties"], existing.properties, path)
        return resource

    def _hide(self, type_: ResourceType, resource: Resource) -> None:
        for path in type_.write_only:
            value = take(resource.properties, path)
            if value is not None:
                resource.internal[path] = value

    def _locate(self, call: Call, body: Json) -> None:
        if call.type.location == "none":
            return
        sent = body.get("location") or (call.existing.body.get("location") if call.existing else None)
        if not sent:
            raise bad_request("LocationRequired", "The location property is required for this definition.")
        standing = conditions_of(self.store, call.id.subscription_id or "")
        location = require_available(call.type, str(sent), standing.lacking(call.type.type))
        if call.existing is not None and location != call.existing.body.get("location", location):
            raise moved(call, location)
        body["location"] = location

    def _precondition(self, call: Call) -> None:
        if_match, existing = call.headers.get("if-match"), call.existing
        if if_match is not None and if_match != "*" and (existing is None or existing.etag != if_match):
            raise ArmError(
                412, "PreconditionFailed", f"The condition '{if_match}' in the If-Match header was not satisfied."
            )
        if if_match == "*" and existing is None:
            raise ArmError(412, "PreconditionFailed", "The condition '*' in the If-Match header was not satisfied.")
        if call.headers.get("if-none-match") == "*" and existing is not None:
            raise ArmError(
                412, "PreconditionFailed", "The condition '*' in the If-None-Match header was not satisfied."
            )

    async def _save(self, call: Call, resource: Resource) -> Answer:
        type_, creating = call.type, call.existing is None
        if type_.validate is not None:
            type_.validate(call, resource)
        if type_.identity:
            apply_identity(call, resource)
        if type_.prepare is not None:
            await type_.prepare(call, resource)
            standing = self.store.get(resource.id)  # may have changed while the other system answered
            if standing is not None:
                for path in type_.kept:
                    keep(resource.properties, standing.properties, path)
        seconds = self.profile.seconds(type_.long_running, "create" if creating else "update")
        operation: Json | None = None
        try:
            with self.store.transaction():
                if type_.on_put is not None:
                    type_.on_put(call, resource)
                if type_.provisioning_state:
                    state = type_.long_running.running if seconds and type_.long_running else "Succeeded"
                    resource.properties["provisioningState"] = state
                if type_.system_data:
                    resource.body["systemData"] = self._system_data(call)
                resource.etag = new_etag()
                if type_.etag_in_body:
                    resource.body["etag"] = resource.etag
                if not seconds and type_.on_finished is not None:
                    type_.on_finished(resource)
                self.world.front_ends.note(resource, call.existing, self.profile.name, self.profile.scale)
                self.store.put(resource)
                if creating:
                    for child in type_.singletons:
                        self._singleton(resource, child.type, child.name, dict(child.properties))
                if seconds:
                    operation = self._start(call, resource, seconds)
        except OperationFailed as failed:
            operation = self._start(call, resource, 0.0, {"code": failed.code, "message": failed.message})
            names = type_.long_running.headers if type_.long_running else ("Azure-AsyncOperation",)
            return Answer(None, 202, self.operations.headers(operation, call.api_version, names))
        headers = {"ETag": resource.etag}
        if operation is None or type_.long_running is None:
            return Answer(resource.body, type_.create_status if creating else type_.update_status, headers)
        status = type_.long_running.put_status
        if status == 201 and not creating:
            status = 200
        headers |= self.operations.headers(operation, call.api_version, type_.long_running.headers)
        return Answer(None if status == 202 else resource.body, status, headers)

    def _singleton(self, parent: Resource, type_: str, name: str, properties: Json) -> None:
        child_id = f"{parent.id}/{type_.rsplit('/', 1)[-1]}/{name}"
        if self.store.get(child_id) is None:
            self.write(child_id, type_, properties)

    def _system_data(self, call: Call) -> Json:
        now = datetime.now(UTC).isoformat()
        who = call.principal.client_id or call.principal.object_id
        by = {"lastModifiedBy": who, "lastModifiedByType": "Application", "lastModifiedAt": now}
        if call.existing is not None:
            return {**call.existing.body.get("systemData", {}), **by}
        return {"createdBy": who, "createdByType": "Application", "createdAt": now, **by}

    def _start(self, call: Call, resource: Resource, seconds: float, error: Json | None = None) -> Json:
        return self.operations.start(
            subscription_id=call.id.subscription_id or "",
            namespace=call.type.namespace,
            location=resource.body.get("location", ""),
            resource_id=resource.id,
            method=call.method,
            seconds=seconds,
            error=error,
            query=dict(call.query),
            tenant_id=call.tenant_id,
            api_version=call.api_version,
        )

    async def _finish(self, operation: Json) -> None:
        resource = self.store.get(operation["resourceId"])
        if resource is None:
            return
        type_ = lookup(resource.type)
        assert type_ is not None
        if operation["method"] != "DELETE":
            if type_.provisioning_state:
                resource.properties["provisioningState"] = "Succeeded"
            if type_.on_finished is not None:
                type_.on_finished(resource)
            if type_.provisioning_state or type_.on_finished is not None:
                self.store.put(resource)
            return
        call = Call(
            self,
            parse(resource.id),
            type_,
            "DELETE",
            _SERVICE,
            operation["tenantId"],
            operation["apiVersion"],
            operation["query"],
            {},
            {},
            resource,
        )
        await self.remove(call, resource)


def require_not_deleting(resource: Resource) -> None:
    """409 while a deletion runs that would take along what is written now.

    ResourceGroupBeingDeleted: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
    The code of other resources differs by provider (inferred: the network provider's).
    """
    if resource.properties.get("provisioningState") != "Deleting":
        return
    if resource.type == RESOURCE_GROUPS:
        raise conflict(
            "ResourceGroupBeingDeleted",
            f"The resource group '{resource.name}' is in deprovisioning state and cannot perform this operation.",
        )
    raise conflict(
        "AnotherOperationInProgress",
        f"Another operation on this or dependent resource is in progress: {resource.id} is being deleted.",
    )


def top(found: list[Json], call: Call) -> list[Json]:
    limit = call.query.get("$top")
    return found[: int(limit)] if limit is not None and limit.isdigit() else found
