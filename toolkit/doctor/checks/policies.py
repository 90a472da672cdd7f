"""Azure Policy: what its assignments would deny, change or note of what is declared.

https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions/check-at-resource-group-scope: Azure evaluates a
resource that is not there yet against every assignment that reaches it, the management groups' included.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from toolkit.azure.api_versions import POLICY_RESTRICTIONS_API_VERSION
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.doctor.context import Context
from toolkit.records import Json
from toolkit.terraform.declared import Declared

_DENYING = ("deny", "denyaction")
_CHANGING = ("modify", "append", "deployifnotexists")


def _asked(context: Context) -> list[tuple[Declared, Json]]:
    """One resource of each kind of body, since a policy looks at types and properties: those with a location of their
    own, and the violations that Azure names for each."""
    return context.run.once("policies", lambda: list(_evaluate(context)))


def _evaluate(context: Context) -> Iterator[tuple[Declared, Json]]:
    group = context.platform_group
    scope = group if context.group_exists(group) else context.subscription
    path = f"{scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
    for one in _different(context.declared()):
        content: dict[str, Any] = {"type": one.resource_type, "name": one.name, "location": one.location}
        content |= {
            key: value for key, value in (one.body or {}).items() if key in ("properties", "sku", "kind", "zones")
        }
        if one.tags:
            content["tags"] = dict(one.tags)
        body: dict[str, Any] = {
            "resourceDetails": {"resourceContent": content, "apiVersion": one.type.partition("@")[2]}
        }
        body["includeAuditEffect"] = True
        ask = partial(context.live.post, path, POLICY_RESTRICTIONS_API_VERSION, body)
        answer = context.asked("policy restrictions", ask)
        for found in (answer.get("contentEvaluationResult") or {}).get("policyEvaluations") or ():
            if found.get("evaluationResult") == "NonCompliant":
                yield one, found


def _different(declared: list[Declared]) -> Iterator[Declared]:
    """Top-level resources of the platform, each body once."""
    seen = set()
    for one in declared:
        if one.root != "platform" or one.kind != "azapi_resource" or not one.location or one.name is None:
            continue
        key = (
            one.resource_type.lower(),
            repr(one.body) if one.resource_type.count("/") == 1 and not _alike(one) else "",
        )
        if key not in seen:
            seen.add(key)
            yield one


def _alike(one: Declared) -> bool:
    """Of these there are many, which differ in ids alone."""
    return one.resource_type.lower() in ("microsoft.network/privateendpoints", "microsoft.network/privatednszones")


def _effect(found: Json) -> str:
    return str((found.get("effectDetails") or {}).get("policyEffect", "")).lower()


def _words(one: Declared, found: Json) -> str:
    info = found.get("policyInfo") or {}
    message = (found.get("evaluationDetails") or {}).get("reason") or ""
    assignment = str(info.get("policyAssignmentId", "")).rsplit("/", 1)[-1]
    return f"{assignment} on {one.address}{f' ({message})' if message else ''}"


def _denied(context: Context) -> Facts:
    found = _asked(context)
    denied = [(one, evaluation) for one, evaluation in found if _effect(evaluation) in _DENYING]
    if denied:
        ids = sorted({str((e.get("policyInfo") or {}).get("policyAssignmentId")) for _, e in denied})
        raise CheckFailed(
            f"Azure Policy would deny {len({one.address for one, _ in denied})} resources: "
            + "; ".join(_words(one, evaluation) for one, evaluation in denied),
            cause="refused",
            hint=f"change {context.data_file} so that it fits, or have the assignment's owner make an exemption: "
            f"az policy exemption create --policy-assignment {ids[0]} --scope {context.platform_group}",
            facts={"assignments": ids},
        )
    return {"evaluated": context.run.once("policies-count", lambda: len(list(_different(context.declared()))))}


def _changed(context: Context) -> Facts:
    """What a policy writes into a resource is drift to the next plan, unless the data says the same."""
    changed = [(one, evaluation) for one, evaluation in _asked(context) if _effect(evaluation) in _CHANGING]
    if changed:
        raise CheckFailed(
            "Azure Policy would change resources: " + "; ".join(_words(one, e) for one, e in changed),
            cause="extra",
            hint=f"say the same in {context.data_file} (tags, above all): else the next plan takes it away again",
        )
    return {}


CHECKS: tuple[Check[Context], ...] = (
    Check(
        "policies-deny",
        "policies",
        "No policy would deny what is declared",
        _denied,
        depends=("subscription-state", "data-declares"),
    ),
    Check(
        "policies-modify",
        "policies",
        "No policy would change what is declared",
        _changed,
        severity="warning",
        depends=("policies-deny",),
    ),
)
