"""The closed world: on each part of the platform stands what is meant, as it is meant, and nothing else.

The rows are toolkit/smoke/areas.py; what is compared with what, and how much a difference matters, toolkit/live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import TypeVar

from azure.core.exceptions import HttpResponseError

from toolkit.azure.codes import ROLE_SECONDS
from toolkit.checks.causes import Cause
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts, Severity
from toolkit.live import access, endpoints
from toolkit.live.findings import Finding, What, find, strangers
from toolkit.live.harm import FATAL, Harm
from toolkit.live.inventory import ASSIGNMENTS, Inventory
from toolkit.smoke.areas import AREAS, Area
from toolkit.smoke.checks.rbac import BROAD_ROLES, broad_permission
from toolkit.smoke.context import Context

T = TypeVar("T")
_MOST = 8
_CAUSES: dict[What, Cause] = {"extra": "extra", "missing": "absent", "differs": "differs"}
_GROUP = ("resource_group_id",)
_PRINCIPALS = ("identities", "probe_identities", "data_factory_principal_id")


def area_is_as_meant(context: Context, area: Area) -> Facts:
    inventory = _inventory(context, area.place)
    found = _read(lambda: list(_of_area(context, inventory, area)))
    fail_on(context, (one for one in found if one.harm in FATAL), hint=area.fix)
    return {"compared": len([one for one in inventory.manifest.resources if _typed(one.type, area.types)])}


def _of_area(context: Context, inventory: Inventory, area: Area) -> Iterator[Finding]:
    for one in find(inventory, *map(_pattern, area.types)):
        if _placed(context, one.id, area.place) and _pathed(one, area):
            yield one


def connections_are_ours(context: Context) -> Facts:
    inventory = _inventory(context, "platform")
    found = _read(lambda: list(endpoints.connections(inventory)))
    fail_on(
        context,
        found,
        hint="reject and delete the connection on its target, or allow it with a reason "
        "(smoke.allowed_extras in env.toml); a rejected one of ours is made again: delete the endpoint, then apply",
    )
    return {"targets": len(inventory.manifest.of(*endpoints.TARGETS))}


def records_are_exact(context: Context) -> Facts:
    inventory = _inventory(context, "platform")
    found = _read(lambda: list(endpoints.records(inventory)))
    fail_on(
        context,
        found,
        hint="write the zone group of the endpoint again (delete it, then toolkit apply), which "
        "writes its records; delete what nobody meant",
        retry_seconds=context.check.retry_seconds,
    )
    return {"zones": len(inventory.manifest.of("Microsoft.Network/privateDnsZones"))}


def roles_are_exact(context: Context) -> Facts:
    inventory = _inventory(context, "anywhere")
    found = _read(lambda: list(access.assignments(inventory, _names(context))))
    fail_on(
        context,
        access.named(inventory, found, BROAD_ROLES),
        retry_seconds=context.check.retry_seconds,
        hint="toolkit apply and toolkit bootstrap make what is missing; delete what nobody meant "
        "(az role assignment delete --ids …)",
    )
    return {"assignments": len(inventory.manifest.of(ASSIGNMENTS))}


def identities_have_nothing_elsewhere(context: Context) -> Facts:
    inventory = _inventory(context, "anywhere")
    subscription = f"/subscriptions/{context.environment.subscription_id}"
    found = _read(lambda: list(access.elsewhere(inventory, _names(context), subscription)))
    fail_on(
        context,
        access.named(inventory, found, BROAD_ROLES),
        hint="delete what nobody meant, or make it in Terraform",
        retry_seconds=context.check.retry_seconds,
    )
    return {"assignments": len(inventory.manifest.of(ASSIGNMENTS))}


def nobody_new_stands_above(context: Context) -> Facts:
    """Against those who stood there when the platform was last applied: who should be, the platform cannot know. On the
    subscription itself who reads everything counts, too; roles of single operations are other environments' own."""
    inventory = _inventory(context, "anywhere")
    known = inventory.manifest.above
    if known is None:
        reason = "no apply from this machine has noted who stood above the platform: toolkit apply does"
        raise CheckSkipped("right:read", reason, meant=True)
    found = []
    subscription = f"/subscriptions/{context.environment.subscription_id}".casefold()
    standing = _read(lambda: list(access.above(inventory)))
    if known and not standing:
        raise CheckSkipped("right:read", "no role assignment above the platform can be seen")
    for one in standing:
        properties = one["properties"]
        if str(one["id"]).casefold() in known:
            continue
        why = _why_broad(inventory, str(properties["roleDefinitionId"]))
        if not why and str(properties["scope"]).casefold() == subscription:
            why = _why_wide(inventory, str(properties["roleDefinitionId"]))
        if why:
            who = (
                f"{properties.get('principalType', 'principal')} {properties['principalId']} on {properties['scope']}, "
            )
            found.append(Finding("extra", ASSIGNMENTS, str(one["id"]), f"of {who}whose role {why}", live=one))
    fail_on(
        context,
        found,
        hint="who stands above the platform reaches all of it: delete the assignment, or run "
        "toolkit apply once it is known to be meant",
    )
    return {"above": len(known)}


def groups_hold_nothing_else(context: Context) -> Facts:
    inventory = _inventory(context, "anywhere")
    found = [one for one in _everything(context)[1] if one.harm in FATAL]
    fail_on(context, found, hint="delete it, move it, or allow it with a reason (smoke.allowed_extras in env.toml)")
    return {"groups": len(inventory.group_ids)}


def none_of(context: Context, harms: tuple[Harm, ...], kinds: tuple[What, ...], hint: str) -> Facts:
    """What makes no run red, of the whole platform."""
    inventory = _inventory(context, "platform")
    found = [one for some in _everything(context) for one in some if one.harm in harms and one.what in kinds]
    fail_on(context, found, hint=hint)
    return {"resources": len(inventory.manifest.resources)}


def _everything(context: Context) -> tuple[list[Finding], list[Finding]]:
    """Every finding on what is known, and what is foreign; compared once per run, since several checks sort it."""

    def compare() -> tuple[list[Finding], list[Finding]]:
        inventory = _inventory(context, "platform")
        return _read(lambda: list(find(inventory, "*"))), _read(lambda: list(strangers(inventory)))

    return context.run.once("findings", compare)


def fail_on(context: Context, findings: Iterable[Finding], *, hint: str, retry_seconds: float = 0) -> None:
    """Raises CheckFailed that names what was found, but for what env.toml allows."""
    allowed = context.environment.allowed_extras
    left = [one for one in findings if not any(one.fits(pattern) for pattern in allowed)]
    if not left:
        return
    words = [one.words for one in left[:_MOST]]
    if len(left) > _MOST:
        words.append(f"and {len(left) - _MOST} more")
    kinds = [one.what for one in left]
    first = next(kind for kind in ("extra", "missing", "differs") if kind in kinds)
    raise CheckFailed(
        "; ".join(words),
        cause=_CAUSES[first],
        hint=hint,
        retry_seconds=retry_seconds,
        facts={
            "findings": [{"what": o.what, "harm": o.harm, "id": o.id, "path": o.path, "words": o.words} for o in left]
        },
    )


def _inventory(context: Context, place: str) -> Inventory:
    """Raises CheckSkipped when a state that it needs could not be read: nothing is proven without it."""
    manifest = context.run.manifest()
    needed = ("platform",) if place == "platform" else ("bootstrap",) if place == "state" else ("bootstrap", "platform")
    for root in needed:
        if why := manifest.missing.get(root):
            raise CheckSkipped("right:read", f"what {root} made is not known here: {why}")
    groups = [one.id for one in manifest.of("Microsoft.Resources/resourceGroups")]
    return Inventory(context.live, manifest, groups or [str(context.output("resource_group_id"))])


def _read(read: Callable[[], T]) -> T:
    """Raises CheckSkipped when the runner may not look: that is neither a pass nor a fault of the platform's."""
    try:
        return read()
    except HttpResponseError as error:
        if error.status_code != 403:
            raise
        where = str(getattr(error.response, "request", None) and error.response.request.url).split("?")[0]  # type: ignore[union-attr]
        raise CheckSkipped(
            "right:read",
            f"the runner may not read {where.partition('/subscriptions/')[2] or where}: "
            "run it as CI, or with the role Reader on both resource groups (docs/rbac.md)",
        ) from error


def _names(context: Context) -> dict[str, str]:
    ours = {
        **{f"the identity {name}": one["principal_id"] for name, one in context.output("identities").items()},
        **{f"the probe {name}": one["principal_id"] for name, one in context.output("probe_identities").items()},
        "the data factory": context.output("data_factory_principal_id"),
    }
    return {str(principal).casefold(): name for name, principal in ours.items()}


def _why_broad(inventory: Inventory, role_definition_id: str) -> str | None:
    permissions = access.definition(inventory, role_definition_id)["permissions"]
    return broad_permission(
        [action for one in permissions for action in one.get("actions") or []],
        [action for one in permissions for action in one.get("dataActions") or []],
    )


def _why_wide(inventory: Inventory, role_definition_id: str) -> str | None:
    permissions = access.definition(inventory, role_definition_id)["permissions"]
    wide = (action for one in permissions for action in one.get("actions") or [] if str(action).startswith("*"))
    return next((f"permits {action}" for action in wide), None)


def _pathed(finding: Finding, area: Area) -> bool:
    path = finding.path.casefold()
    if area.only:
        return bool(path) and any(fnmatchcase(path, one) for one in area.only)
    return not any(fnmatchcase(path, one) for one in area.but)


def _placed(context: Context, resource_id: str, place: str) -> bool:
    if place == "anywhere":
        return True
    platform = f"{context.output('resource_group_id')}/".casefold()
    return resource_id.casefold().startswith(platform) == (place == "platform")


def _typed(type_: str, types: Iterable[str]) -> bool:
    return any(fnmatchcase(type_.casefold(), _pattern(one)) for one in types)


def _pattern(type_: str) -> str:
    folded = type_.casefold()
    return folded if folded.startswith(("microsoft.", "*")) else f"*/{folded}"


def _check(area: Area) -> Check[Context]:
    return Check(
        id=area.id,
        category=area.category,
        title=area.title,
        function=partial(area_is_as_meant, area=area),
        outputs=_GROUP,
        feature=area.feature,
        controls=area.controls,
    )


def _whole(
    id: str,
    title: str,
    function: Callable[[Context], Facts],
    controls: tuple[str, ...],
    *,
    outputs: tuple[str, ...] = (),
    severity: Severity = "fatal",
    retry_seconds: float = 0,
) -> Check[Context]:
    return Check(
        id=id,
        category=id.partition("-")[0],
        title=title,
        function=function,
        outputs=(*_GROUP, *outputs),
        severity=severity,
        retry_seconds=retry_seconds,
        controls=controls,
    )


_WHOLE: tuple[Check[Context], ...] = (
    _whole(
        "dns-records-exact",
        "Every record of the private zones is an endpoint's, with that endpoint's own address",
        records_are_exact,
        ("NS-10", "SC-20"),
    ),
    _whole(
        "network-connections",
        "Every service is connected to the platform's own endpoints only, and each is approved",
        connections_are_ours,
        ("NS-2", "AC-4"),
    ),
    _whole(
        "rbac-exact",
        "Exactly the role assignments that are meant reach the platform",
        roles_are_exact,
        ("PA-7", "AC-6"),
        outputs=_PRINCIPALS,
        retry_seconds=ROLE_SECONDS,
    ),
    _whole(
        "rbac-elsewhere",
        "The platform's identities may do nothing elsewhere in the subscription",
        identities_have_nothing_elsewhere,
        ("PA-7", "AC-6"),
        outputs=_PRINCIPALS,
        retry_seconds=ROLE_SECONDS,
    ),
    _whole(
        "rbac-above",
        "Nobody new has a role on the subscription, or above it, that reaches all of the platform",
        nobody_new_stands_above,
        ("PA-1", "AC-2"),
    ),
    _whole(
        "governance-nothing-else",
        "Nothing foreign stands in the platform's resource groups",
        groups_hold_nothing_else,
        ("AM-2", "CM-8"),
    ),
    _whole(
        "governance-unmanaged",
        "Nothing was added by hand that Terraform does not know",
        partial(
            none_of,
            harms=("hygiene", "drift", "cost"),
            kinds=("extra",),
            hint="write it into the configuration, delete it, or allow it with a reason",
        ),
        ("AM-2", "CM-8"),
        severity="warning",
    ),
    _whole(
        "governance-costs",
        "Nothing costs more than is meant",
        partial(none_of, harms=("cost",), kinds=("differs", "missing"), hint="toolkit apply sets it back"),
        ("AM-3", "SC-6"),
        severity="warning",
    ),
    _whole(
        "governance-tidy",
        "Tags, descriptions and folders are as they are meant",
        partial(none_of, harms=("hygiene",), kinds=("differs", "missing"), hint="toolkit apply sets it back"),
        ("AM-3", "CM-8"),
        severity="warning",
    ),
    _whole(
        "governance-drift",
        "Nothing else was set by hand that the configuration leaves unsaid",
        partial(
            none_of,
            harms=("drift",),
            kinds=("differs", "missing"),
            hint="say it in the configuration, or set it back by hand: toolkit apply does not touch it",
        ),
        ("PV-2", "CM-3"),
        severity="warning",
    ),
)

CHECKS: tuple[Check[Context], ...] = (*map(_check, AREAS), *_WHOLE)


def of(category: str) -> tuple[Check[Context], ...]:
    """The checks of one category, in order."""
    return tuple(check for check in CHECKS if check.category == category)
