"""Azure Policy, as far as it says what may not be written: the assignments that a subscription's conditions name.

Each is one comparison of one type's property; Azure's definitions have a language of their own, which is not here.
What is denied is refused at the PUT (403 RequestDisallowedByPolicy,
https://learn.microsoft.com/azure/governance/policy/concepts/effect-deny), and told beforehand:
https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions/check-at-resource-group-scope. What ``modify``
writes is not written here: only told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError
from toolkit.sandbox.conditions import Policy, conditions_of
from toolkit.sandbox.store import Store


def check_restrictions(store: Store, subscription_id: str, body: Json) -> Json:
    """The answer for a resource that is not there yet."""
    content: Json = (body.get("resourceDetails") or {}).get("resourceContent") or {}
    return {
        "contentEvaluationResult": {
            "policyEvaluations": [
                _evaluation(subscription_id, one) for one in _violated(store, subscription_id, content)
            ]
        },
        "fieldRestrictions": [],
    }


def refuse_denied(store: Store, subscription_id: str, type_: str, name: str, body: Json) -> None:
    """Raises what Azure answers to a PUT that an assignment denies."""
    for one in _violated(store, subscription_id, {**body, "type": type_, "name": name}):
        if one.effect.lower() == "deny":
            raise ArmError(
                403,
                "RequestDisallowedByPolicy",
                f"Resource '{name}' was disallowed by policy. Policy identifiers: '[{{\"policyAssignment\":"
                f'{{"name":"{one.name}","id":"{_assignment(subscription_id, one)}"}}}}]\'.',
            )


def _violated(store: Store, subscription_id: str, content: Json) -> Iterator[Policy]:
    for one in conditions_of(store, subscription_id).policies:
        if one.type.lower() == str(content.get("type", "")).lower() and not _holds(one, _value(content, one.path)):
            yield one


def _holds(policy: Policy, value: Any) -> bool:
    if value is None:
        return False
    return policy.wanted is None or str(value).lower() == policy.wanted.lower()


def _value(content: Mapping[str, Any], path: str) -> Any:
    found: Any = content
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _evaluation(subscription_id: str, one: Policy) -> Json:
    wanted = one.wanted if one.wanted is not None else "a value"
    definitions = f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/policyDefinitions"
    return {
        "policyInfo": {
            "policyAssignmentId": _assignment(subscription_id, one),
            "policyDefinitionId": f"{definitions}/{one.name}",
        },
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"reason": f"{one.path} must be {wanted}"},
        "effectDetails": {"policyEffect": one.effect},
    }


def _assignment(subscription_id: str, one: Policy) -> str:
    return f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/policyAssignments/{one.name}"
