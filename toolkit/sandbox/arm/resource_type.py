"""How a resource type behaves: one frozen record, and the request as its hooks see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, bad_request
from toolkit.sandbox.arm.ids import ResourceId
from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Answer:
    """What an action answers."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """What a call needs of the engine that carries it out (resources.py)."""

    @property
    def world(self) -> World: ...

    @property
    def store(self) -> Store: ...

    def write(
        self, resource_id: str, type_: str, properties: Json, *, location: str | None = None, **extra: Any
    ) -> Resource:
        """Store a resource that the service itself makes; an older one's ``internal`` is kept."""
        ...

    def touch(self, resource: Resource) -> None:
        """Store a resource that a hook changed, with a new entity tag."""
        ...

    def now(self) -> float: ...

    def scaled(self, seconds: float) -> float:
        """What takes Azure so long takes here; 0 where everything ends at once."""
        ...


@dataclass(slots=True)
class Call:
    """One authorised request on one resource. ``body`` is the parsed JSON ({} when there was none)."""

    resources: Engine
    id: ResourceId
    type: ResourceType
    method: str
    principal: Principal
    tenant_id: str
    api_version: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json
    existing: Resource | None = None

    @property
    def creating(self) -> bool:
        return self.existing is None

    @property
    def sent(self) -> Json:
        """The request's ``properties``, {} when absent."""
        sent: Json = self.body.get("properties") or {}
        return sent

    def referenced(self, resource_id: str, of: str, *, location: str | None = None) -> Resource:
        """The resource that a property of this one names, or 400 InvalidResourceReference; also when it must be in
        ``location`` and is not."""
        found = self.resources.store.get(resource_id)
        if found is None or (location is not None and found.body.get("location") != location):
            raise bad_request(
                "InvalidResourceReference",
                f"Resource {resource_id} referenced by resource {of} was not found. Please make sure that the "
                "referenced resource exists, and that both resources are in the same region.",
            )
        return found

    def require_linked(self, action: str, scope: str) -> None:
        """The right that the caller needs on another resource than the one it writes, or 403 LinkedAuthorizationFailed.

        https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
        """
        if self.resources.world.access.allows_action(self.principal, scope, action):
            return
        name = self.principal.client_id or self.principal.object_id
        raise ArmError(
            403,
            "LinkedAuthorizationFailed",
            f"The client '{name}' with object id '{self.principal.object_id}' has permission to perform action "
            f"'{self.type.type}/write' on scope '{self.id.id}'; however, it does not have permission to perform "
            f"action(s) '{action}' on the linked scope(s) '{scope}' (respectively) or the linked scope(s) are invalid.",
        )


Hook = Callable[[Call, Resource], None]
AsyncHook = Callable[[Call, Resource], Awaitable[None]]
ActionHook = Callable[[Call, Resource], Awaitable[Answer]]
ListHook = Callable[[Call], list[Json]]
Location = Literal["region", "global", "anywhere", "none"]  # anywhere: a region, or global


@dataclass(frozen=True, slots=True)
class LongRunning:
    """How long Azure takes (seconds under the realistic profile at scale 1) and how it says so.

    ``put_status`` / ``delete_status`` are the statuses while the operation runs; ``running`` is the provisioningState
    shown meanwhile. ``headers`` names the polling headers that the first answer carries, ``delete_headers`` those of a
    DELETE where it has others.
    """

    create: float = 0.0
    update: float = 0.0
    delete: float = 0.0
    put_status: int = 201
    delete_status: int = 202
    running: str = "Updating"
    headers: tuple[Literal["Azure-AsyncOperation", "Location"], ...] = ("Azure-AsyncOperation", "Location")
    delete_headers: tuple[Literal["Azure-AsyncOperation", "Location"], ...] = ()


@dataclass(frozen=True, slots=True)
class Singleton:
    """A child that exists with its parent, such as ``blobServices/default``."""

    type: str
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One row of the registry.

    ``place`` says what the resource hangs on; ``defaults`` are the properties that Azure fills in when a client leaves
    them out; ``kept`` (dotted paths under properties) survive a PUT because only the service writes them;
    ``write_only`` are taken into ``internal`` and never answered. ``validate`` refuses; ``on_put`` and ``on_delete``
    run in the store's transaction; ``prepare`` and ``release`` run before it and reach other systems, so they must be
    repeatable. ``on_finished`` runs when a write has ended, which may be later.
    """

    type: str
    first_api_version: str = "2014-04-01"
    place: Literal["tenant", "subscription", "group", "child", "extension"] = "group"
    methods: frozenset[str] = frozenset({"GET", "PUT", "PATCH", "DELETE"})
    location: Location = "region"
    create_status: int = 201
    update_status: int = 200
    delete_status: int = 200
    missing_delete_status: int = 204
    delete_echoes: bool = False  # DELETE answers the body of what was removed
    provisioning_state: bool = True
    etag_in_body: bool = False
    system_data: bool = False
    parent: Literal["checked", "created", "virtual"] = "checked"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    envelope: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    write_only: tuple[str, ...] = ()
    identity: bool = False
    singletons: tuple[Singleton, ...] = ()
    long_running: LongRunning | None = None
    missing: tuple[str, str] | None = None  # code and message (with {name}) where it is not ResourceNotFound
    missing_status: int = 404
    find: Callable[[Call], Resource | None] | None = None  # where the id alone does not lead to the resource
    validate: Hook | None = None
    prepare: AsyncHook | None = None
    on_put: Hook | None = None
    on_finished: Callable[[Resource], None] | None = None
    before_delete: Hook | None = None
    release: AsyncHook | None = None
    on_delete: Hook | None = None
    list: ListHook | None = None
    actions: Mapping[str, ActionHook] = field(default_factory=dict)
    reading: frozenset[str] = frozenset()  # actions whose operation is a read, though they are sent by POST

    @property
    def namespace(self) -> str:
        return self.type.split("/", 1)[0]
