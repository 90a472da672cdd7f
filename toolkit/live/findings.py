"""What on the platform is other than meant: extra, missing, different; each with the harm that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from azure.core.exceptions import ResourceNotFoundError

from toolkit.live.compare import Difference, differences, same
from toolkit.live.filled import DOORS, PINNED
from toolkit.live.harm import Harm, harm_of
from toolkit.live.inventory import (
    BUDGETS,
    COLLECTIONS,
    DIAGNOSTICS,
    LOCKS,
    SINGLES,
    SITES,
    Collection,
    Inventory,
)
from toolkit.live.meant import Meant, masked
from toolkit.records import Json

What = Literal["extra", "missing", "differs"]
_SHOWN = 160
UNLISTED = "(in its list)"


@dataclass(frozen=True, slots=True)
class Finding:
    """``name`` is for people; ``path`` is empty where the whole resource is extra or missing."""

    what: What
    type: str
    id: str
    name: str
    path: str = ""
    meant: Any = None
    live: Any = None
    address: str = ""

    @property
    def harm(self) -> Harm:
        return harm_of(self)

    @property
    def words(self) -> str:
        """One line for people; values are short, and secrets are not among them."""
        kind = self.type.rsplit("/", 1)[-1]
        if self.what == "extra":
            return f"{kind} {self.name} is there, and nobody meant it"
        if self.what == "missing":
            return f"{kind} {self.name} is missing"
        return f"{self.name}: {self.path} is {_shown(self.live)}, not {_shown(self.meant)}"

    def fits(self, pattern: str) -> bool:
        """Whether an id, ``id#path``, or a pattern of them is about this. Both are taken as they stand, too: an element
        in brackets (``ipRules[203.0.113.9]``) would be a set of characters in a pattern."""
        folded = pattern.casefold()
        keys = (self.id.casefold(), f"{self.id}#{self.path}".casefold())
        return folded in keys or any(fnmatchcase(key, folded) for key in keys)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    text = str(masked(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def find(inventory: Inventory, *types: str) -> Iterator[Finding]:
    """Every finding on resources of these types (with ``*`` as a wildcard): those that are there, and those meant."""
    wanted = {one.casefold() for one in types}

    def asked(type_: str) -> bool:
        return any(fnmatchcase(type_.casefold(), one) for one in wanted)

    apart = {single.type.casefold() for single in SINGLES}
    meant = {
        _key(one.type, one.id): one
        for one in inventory.manifest.resources
        if asked(one.type) and one.type.casefold() not in apart and not one.type.endswith("/privateEndpointConnections")
    }
    live: dict[str, Json] = {}
    extra: list[Finding] = []

    def met(type_: str, documents: Iterator[Json]) -> None:
        for document in documents:
            key = _key(type_, str(document["id"]))
            live[key] = document
            if key not in meant:
                extra.append(Finding("extra", type_, str(document["id"]), _name(str(document["id"])), live=document))

    listed: set[str] = set()
    for collection in COLLECTIONS:
        if asked(collection.type):
            listed.add(collection.type.casefold())
            met(collection.type, inventory.members(collection))
    for type_ in (DIAGNOSTICS, LOCKS, BUDGETS):
        if asked(type_):
            listed.add(type_.casefold())
            met(type_, inventory.extensions(type_))
    for one in meant.values():
        document = live.get(_key(one.type, one.id)) or inventory.document(one)
        if document is None:
            yield Finding("missing", one.type, one.id, _title(one), meant=one.body, address=one.address)
            continue
        if one.type.casefold() in listed and _key(one.type, one.id) not in live:
            yield unlisted(one, _name(one.id))
        yield from (each for each in compared(one, document) if not inventory.lets_in_for_a_while(each))
    yield from extra
    yield from _settings(inventory, asked)
    for single in SINGLES:
        if asked(single.type):
            yield from _single(inventory, single)


def unlisted(one: Meant, name: str) -> Finding:
    """What is there and in no list: whoever reads may not see all, and would not see what nobody meant."""
    return Finding("differs", one.type, one.id, name, UNLISTED, "there", None, one.address)


def compared(one: Meant, document: Json) -> Iterator[Finding]:
    """What of one resource is other than meant."""
    for each in _all_differences(one, document):
        yield Finding("differs", one.type, one.id, _title(one), each.path, each.meant, each.live, one.address)


def strangers(inventory: Inventory, known: tuple[str, ...] = ()) -> Iterator[Finding]:
    """What stands in one of the groups and was not made by Terraform."""
    meant = {one.key for one in inventory.manifest.resources}
    seen: set[str] = set()
    for endpoint in inventory.manifest.of("Microsoft.Network/privateEndpoints"):
        document = inventory.document(endpoint) or {}
        interfaces = _lookup(document, "properties.networkInterfaces") or []
        meant |= {str(one["id"]).casefold() for one in interfaces}
    for found in inventory.in_groups():
        seen.add(str(found["id"]).casefold())
        if str(found["id"]).casefold() not in meant and str(found["type"]).casefold() not in known:
            yield Finding("extra", str(found["type"]), str(found["id"]), _name(str(found["id"])), live=found)
    for one in inventory.manifest.resources:
        tops = one.id.count("/") == 8 and "/providers/microsoft.authorization/" not in one.key
        if tops and one.key not in seen and not one.type.casefold().endswith("/budgets") and inventory.document(one):
            yield unlisted(one, _name(one.id))


def _all_differences(one: Meant, document: Json) -> Iterator[Difference]:
    yield from differences(one.type, one.body, document)
    if one.tags is not None:
        tags = document.get("tags") or {}
        for name in sorted({*one.tags, *tags}):
            if one.tags.get(name) != tags.get(name):
                yield Difference(f"tags.{name}", one.tags.get(name), tags.get(name))
    if one.identities is not None:
        attached = (document.get("identity") or {}).get("userAssignedIdentities") or {}
        ours, theirs = ({str(name).casefold(): name for name in some} for some in (one.identities, attached))
        for key in sorted({*ours, *theirs}):
            if (key in ours) != (key in theirs):
                yield Difference(f"identity[{_name(key)}]", ours.get(key), theirs.get(key))
    system = "systemassigned" in str((document.get("identity") or {}).get("type")).casefold().replace(" ", "")
    if (one.identities is not None or one.system_identity) and system != one.system_identity:
        yield Difference("identity.systemAssigned", one.system_identity, system)
    for path, value in PINNED.get(one.type.casefold(), {}).items():
        if (found := _lookup(document, path)) is not None and not same(value, found):
            yield Difference(path, value, found)


def _single(inventory: Inventory, single: Collection) -> Iterator[Finding]:
    """A child that comes with its parent: as the configuration sets it, and otherwise as Azure makes it."""
    said = {one.key: one for one in inventory.manifest.of(single.type)}
    for parent in inventory.manifest.of(single.parent):
        if not parent.whole:
            continue
        path = f"{parent.id}/{single.path}"
        one = said.get(path.casefold())
        if one is not None and one.whole:
            continue
        if one is None:
            one = Meant(parent.root, parent.address, path, single.type, parent.api_version, {})
        if (document := inventory.document(one)) is not None:
            yield from compared(one, document)


def _settings(inventory: Inventory, asked: Any) -> Iterator[Finding]:
    """The settings of an app, which a GET of it does not answer: https://learn.microsoft.com/rest/api/appservice/web-apps/list-application-settings"""
    if not asked(f"{SITES}/config"):
        return
    for site in inventory.manifest.of(SITES):
        config = f"{site.id}/config"
        said = {
            str(one["name"]): str(one["value"])
            for one in (_lookup(site.body, "properties.siteConfig") or {}).get("appSettings") or []
        }
        for name, meant in (("appsettings", said), ("connectionstrings", {})):
            try:
                live = inventory.view.post(f"{config}/{name}/list", site.api_version).get("properties") or {}
            except ResourceNotFoundError:  # a deleted app is another finding
                live = {}
            for key in sorted({*meant, *live}):
                if key not in live or key not in meant or not same(meant[key], live[key]):
                    shown = live.get(key)
                    hidden = None if shown is None else masked({"name": "secret", "value": str(shown)})["value"]
                    yield Finding(
                        "differs",
                        f"{SITES}/config",
                        f"{config}/{name}",
                        _name(site.id),
                        f"{name}.{key}",
                        meant.get(key),
                        hidden,
                        site.address,
                    )
        web = inventory.view.find(f"{config}/web", site.api_version) or {}
        for path, allowed in DOORS[f"{SITES}/config".casefold()].items():
            found = _lookup(web, path)
            if found is not None and not any(same(one, found) for one in allowed):
                yield Finding(
                    "differs", f"{SITES}/config", f"{config}/web", _name(site.id), path, allowed[0], found, site.address
                )


def _key(type_: str, resource_id: str) -> str:
    """Azure names a role definition below the subscription, whatever scope it was made at."""
    if type_.casefold() == "microsoft.authorization/roledefinitions":
        return resource_id.rsplit("/", 1)[-1].casefold()
    return resource_id.casefold()


def _title(one: Meant) -> str:
    """Roles are known by what they are called, everything else by its id."""
    return str(_lookup(one.body, "properties.roleName") or _name(one.id))


def _name(resource_id: str) -> str:
    """The names of a resource and of what it belongs to, without the types between them."""
    tail = resource_id.rsplit("/providers/", 1)[-1]
    names = tail.split("/")[2::2]
    if "/providers/" in resource_id and resource_id.count("/providers/") > 1:
        names = [_name(resource_id.rsplit("/providers/", 1)[0]), *names]
    return "/".join(names) or resource_id.rsplit("/", 1)[-1]


def _lookup(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
