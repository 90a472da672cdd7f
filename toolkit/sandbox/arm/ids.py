"""Resource ids: parsing a request path into what it names.

``/subscriptions/{s}/resourceGroups/{rg}/providers/{namespace}/{type}/{name}/{type}/{name}…``, where the part before
the last ``/providers/`` is the scope, which for an extension resource is itself a resource id
(https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules,
…/templates/scope-extension-resources).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from toolkit.sandbox.arm.errors import not_found

SUBSCRIPTIONS = "Microsoft.Resources/subscriptions"
RESOURCE_GROUPS = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """One resource, or one collection when there is one name less than type segments.

    ``scope`` is what stands before ``/providers/`` ("" for the tenant); for a resource group it is the subscription.
    """

    id: str
    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    subscription_id: str | None
    resource_group: str | None

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""

    @property
    def is_collection(self) -> bool:
        return len(self.names) < len(self.types)

    @property
    def is_child(self) -> bool:
        return len(self.types) > 1

    @property
    def parent_id(self) -> str:
        """The enclosing resource of a child, else the scope."""
        if not self.is_child:
            return self.scope
        steps = 1 if self.is_collection else 2
        return self.id.rsplit("/", steps)[0]

    @property
    def type_and_name(self) -> str:
        """``Microsoft.Storage/storageAccounts/name``, as ResourceNotFound quotes it."""
        pairs = [f"{type_}/{name}" for type_, name in zip(self.types, self.names, strict=False)]
        return "/".join((self.namespace, *pairs))

    def resource_group_id(self) -> str | None:
        if self.subscription_id is None or self.resource_group is None:
            return None
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"


@lru_cache(maxsize=4096)
def parse(path: str) -> ResourceId:
    """The resource or collection that ``path`` names; a path of another shape is 404 by name."""
    segments = [segment for segment in path.split("/") if segment]
    lowered = [segment.lower() for segment in segments]
    id_ = "/" + "/".join(segments)
    subscription = segments[1] if len(segments) > 1 and lowered[0] == "subscriptions" else None
    in_group = subscription is not None and len(segments) > 3 and lowered[2] == "resourcegroups"
    group = segments[3] if in_group else None
    if "providers" in lowered:
        at = len(lowered) - 1 - lowered[::-1].index("providers")
        rest = segments[at + 1 :]
        if len(rest) > 1:
            scope = "/" + "/".join(segments[:at]) if at else ""
            return ResourceId(id_, scope, rest[0], tuple(rest[1::2]), tuple(rest[2::2]), subscription, group)
    if subscription is not None and len(segments) == 2:
        return ResourceId(id_, "", "Microsoft.Resources", ("subscriptions",), (subscription,), subscription, None)
    if subscription is not None and len(segments) in (3, 4) and lowered[2] == "resourcegroups":
        scope = f"/subscriptions/{subscription}"
        return ResourceId(
            id_, scope, "Microsoft.Resources", ("resourceGroups",), tuple(segments[3:]), subscription, group
        )
    raise not_found("InvalidResourceId", f"The sandbox does not know a resource at the path '{path}'.")


def same(left: str, right: str) -> bool:
    return left.strip("/").lower() == right.strip("/").lower()


def within(scope: str, resource_id: str) -> bool:
    """Whether ``resource_id`` is ``scope`` or below it; both lower-cased, without a trailing slash ("" is the
    tenant)."""
    return resource_id == scope or resource_id.startswith(scope + "/")
