"""One request to ARM on its way: what came in, and what each step of steps.py found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.records import Json
from toolkit.sandbox.arm.ids import ResourceId
from toolkit.sandbox.arm.locks import Locks
from toolkit.sandbox.arm.providers import Providers
from toolkit.sandbox.arm.registry import ProviderAction
from toolkit.sandbox.arm.resource_type import Answer, Call
from toolkit.sandbox.arm.resources import Resources
from toolkit.sandbox.arm.routes import Route
from toolkit.sandbox.model import Principal
from toolkit.sandbox.world import World


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What the steps work with."""

    world: World
    resources: Resources
    providers: Providers
    locks: Locks


@dataclass(frozen=True, slots=True)
class ToRoute:
    """Not about one resource: a row of routes.py."""

    route: Route
    match: Mapping[str, str]

    @property
    def subscription_id(self) -> str | None:
        return self.match.get("subscription")


@dataclass(frozen=True, slots=True)
class ToProvider:
    """``POST …/providers/{namespace}/{action}``."""

    on: ResourceId
    action: str
    handler: ProviderAction

    @property
    def subscription_id(self) -> str | None:
        return self.on.subscription_id


@dataclass(frozen=True, slots=True)
class ToResource:
    """One resource or one collection; ``action`` is what a POST asks of it, "" for the other methods."""

    id: ResourceId
    action: str

    @property
    def subscription_id(self) -> str | None:
        return self.id.subscription_id


@dataclass(slots=True)
class ArmRequest:
    """The first five members are what came in; each of the others is set by a step.

    ``call`` is there for resources only. ``action`` is the name of the POST's action as its type spells it.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-cased names
    content: bytes
    api_version: str = field(init=False)
    principal: Principal = field(init=False)
    body: Json = field(init=False)
    aim: ToRoute | ToProvider | ToResource = field(init=False)
    tenant_id: str = field(init=False)
    call: Call | None = field(init=False, default=None)
    action: str = field(init=False, default="")
    answer: Answer = field(init=False)

    @property
    def writes(self) -> bool:
        return self.method in ("PUT", "PATCH", "POST")
