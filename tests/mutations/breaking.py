"""Ways to break an applied platform as a person with the portal or the API would, and to put it right again."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from tests.contract.smoke_platform import ROLES_API_VERSION, Platform
from toolkit.live.meant import Manifest, Meant, load_manifest
from toolkit.records import Json

Harm = Literal["breach", "outage", "data-loss", "blindness", "cost", "hygiene"]
Break = Callable[["Broken"], AbstractContextManager[None]]

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
STRANGER = "99999999-1111-4222-8333-444444444444"


@dataclass(frozen=True, slots=True)
class Mutation:
    """``check`` must be red (a warning: failed), for ``cause``; ``also`` are patterns of others that may be, too."""

    name: str
    area: str
    harm: Harm
    break_: Break
    check: str
    cause: str = "differs"
    also: tuple[str, ...] = ()


class Broken:
    """A platform, with what is meant on it to find things by."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.manifest: Manifest = load_manifest(platform.connection)

    @property
    def group(self) -> str:
        return str(self.platform.outputs["resource_group_id"])

    @property
    def state_group(self) -> str:
        return next(
            one.id for one in self.manifest.of("Microsoft.Resources/resourceGroups") if one.key != self.group.casefold()
        )

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.platform.connection.environment.subscription_id}"

    def one(self, type_: str, part: str = "") -> Meant:
        """The resource of that type whose id ends in, or else holds, ``part``."""
        found = [one for one in self.manifest.of(type_) if part.casefold() in one.key]
        exact = [one for one in found if one.key.endswith(part.casefold())]
        assert found, f"nothing of type {type_} has {part!r} in its id"
        return (exact or found)[0]

    def principal(self, name: str) -> str:
        if name == "factory":
            return str(self.platform.outputs["data_factory_principal_id"])
        if name in self.platform.outputs["probe_identities"]:
            return self.platform.probe(name)
        if name in self.platform.outputs["identities"]:
            return str(self.platform.outputs["identities"][name]["principal_id"])
        return str(
            self.one("Microsoft.ManagedIdentity/userAssignedIdentities", f"-{name}").body["properties"]["principalId"]
        )


def edited(broken: Broken, one: Meant, edit: Callable[[Json], object]) -> AbstractContextManager[None]:
    return edited_at(broken, one.id, one.api_version, edit)


@contextmanager
def edited_at(broken: Broken, resource_id: str, version: str, edit: Callable[[Json], object]) -> Iterator[None]:
    before = broken.platform.call("GET", resource_id, version)
    after = copy.deepcopy(before)
    edit(after)
    broken.platform.call("PUT", resource_id, version, after)
    try:
        yield
    finally:
        broken.platform.call("PUT", resource_id, version, before)


def put_at(document: Json, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    place: Any = document
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
    if isinstance(place, list):
        place[int(last)] = value
    elif value is None:
        place.pop(last, None)
    else:
        place[last] = value


def sets(type_: str, part: str = "", /, **values: Any) -> Break:
    """Properties (``__`` for a dot) are set on a resource; below ``properties``."""
    return sets_at(type_, part, {f"properties.{name.replace('__', '.')}": value for name, value in values.items()})


def sets_at(type_: str, part: str, values: Json) -> Break:
    def edit(document: Json) -> None:
        for path, value in values.items():
            put_at(document, path, value)

    return lambda broken: edited(broken, broken.one(type_, part), edit)


def appends(type_: str, part: str, path: str, item: Any) -> Break:
    """One more in a list of a resource."""

    def edit(document: Json) -> None:
        place: Any = document
        for name in path.split("."):
            place = (
                place[int(name)]
                if isinstance(place, list)
                else place.setdefault(name, [] if name == path.split(".")[-1] else {})
            )
        place.append(item)

    return lambda broken: edited(broken, broken.one(type_, part), edit)


def cuts(type_: str, part: str, path: str, index: int = 0) -> Break:
    """One less in a list of a resource."""

    def edit(document: Json) -> None:
        place: Any = document
        for name in path.split("."):
            place = place[int(name)] if isinstance(place, list) else place[name]
        del place[index]

    return lambda broken: edited(broken, broken.one(type_, part), edit)


def changes(type_: str, part: str, edit: Callable[[Json], object]) -> Break:
    return lambda broken: edited(broken, broken.one(type_, part), edit)


def replaces(type_: str, part: str, old: str, new: str) -> Break:
    """A text inside of a resource's body."""

    def edit(document: Json) -> None:
        text = json.dumps(document["properties"])
        assert old in text, f"{old} is not in {text}"
        document["properties"] = json.loads(text.replace(old, new))

    return lambda broken: edited(broken, broken.one(type_, part), edit)


def removes(type_: str, part: str = "") -> Break:
    def break_(broken: Broken) -> AbstractContextManager[None]:
        one = broken.one(type_, part)
        return broken.platform.deleted(one.id, one.api_version)

    return break_


def adds(path: str, version: str, body: Json | Callable[[Broken], Json], *, below: str = "", part: str = "") -> Break:
    """A resource nobody meant, below another (by its type), or in the platform's group (``STATE/…`` in the states')."""

    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        parent = (
            broken.one(below, part).id if below else broken.state_group if path.startswith("STATE/") else broken.group
        )
        resource_id = f"{parent}/{path.removeprefix('STATE/')}"
        broken.platform.call("PUT", resource_id, version, body(broken) if callable(body) else body)
        try:
            yield
        finally:
            broken.platform.call("DELETE", resource_id, version)

    return break_


def grants(
    principal: str, role: str, scope: Callable[[Broken], str], kind: str = "ServicePrincipal", **more: Any
) -> Break:
    """A role assignment by hand."""

    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        assignment = f"{scope(broken)}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        definition = f"{broken.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        who = principal if "-" in principal else broken.principal(principal)
        body = {"roleDefinitionId": definition, "principalId": who, "principalType": kind, **more}
        broken.platform.call("PUT", assignment, ROLES_API_VERSION, {"properties": body})
        try:
            yield
        finally:
            broken.platform.call("DELETE", assignment, ROLES_API_VERSION)

    return break_


def both(*breaks: Break) -> Break:
    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        from contextlib import ExitStack

        with ExitStack() as stack:
            for one in breaks:
                stack.enter_context(one(broken))
            yield

    return break_


def posts(type_: str, part: str, action: str, back: str) -> Break:
    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        one = broken.one(type_, part)
        broken.platform.call("POST", f"{one.id}/{action}", one.api_version)
        try:
            yield
        finally:
            broken.platform.call("POST", f"{one.id}/{back}", one.api_version)

    return break_


def without_identity(type_: str, part: str = "") -> Break:
    def edit(document: Json) -> None:
        own = "SystemAssigned" in document["identity"]["type"]  # that one would come back as another
        document["identity"] = {"type": "SystemAssigned" if own else "None"}

    return changes(type_, part, edit)


def another_identity(type_: str, part: str = "") -> Break:
    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        other = broken.one("Microsoft.ManagedIdentity/userAssignedIdentities", "-probe-writer").id

        def edit(document: Json) -> None:
            kept = {name: {} for name in document["identity"].get("userAssignedIdentities") or {}}
            document["identity"] = {**document["identity"], "userAssignedIdentities": {**kept, other: {}}}

        with changes(type_, part, edit)(broken):
            yield

    return break_
