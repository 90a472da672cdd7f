"""What two plans have in common apart from the rules of leases, and which drift is a lease's."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.terraform.leases import digest, key_of, settled_rules, written
from toolkit.terraform.plan import summarise

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/st"
OPEN = {key_of(ID): ("203.0.113.7",)}


def account(*rules: object, **more: object) -> dict[str, Any]:
    """Of azapi's, with an answer that says what was not asked for."""
    body = {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": list(rules)}, **more}}
    return {"id": ID, "body": body, "output": {"etag": str(rules)}}


def rule(address: str) -> dict[str, str]:
    return {"action": "Allow", "value": address}


def plan(before: dict[str, Any], after: dict[str, Any], *drifted: dict[str, Any]) -> dict[str, Any]:
    actions = ["no-op"] if before["body"] == after["body"] else ["update"]
    item = {"mode": "managed", "type": "azapi_resource", "address": "module.storage.azapi_resource.this"}
    known = after["body"]["properties"]["networkAcls"]["ipRules"]
    rules = [{} if isinstance(each, dict) else False for each in known]
    unknown = {"output": True, "body": {"properties": {"networkAcls": {"ipRules": rules}}}}
    change = {
        "actions": actions,
        "before": before,
        "after": {"id": ID, "body": after["body"]},
        "after_unknown": unknown,
    }
    drift = [{**item, "change": {"before": one, "after": before}} for one in drifted]
    return {"resource_changes": [{**item, "change": change}], "resource_drift": drift}


OWN = rule("198.51.100.9")
LEASED = rule("203.0.113.7")


def test_a_plan_that_differs_in_the_rules_of_leases_is_the_same() -> None:
    first = plan(account(OWN), account(OWN, minimumTlsVersion="TLS1_2"))
    second = plan(account(OWN, LEASED), account(OWN, LEASED, minimumTlsVersion="TLS1_2"))
    assert digest(first, {}, OPEN) == digest(second, {}, OPEN)
    assert digest(first, {}) != digest(second, {})


@pytest.mark.parametrize(
    "other",
    [
        plan(account(OWN), account(OWN, minimumTlsVersion="TLS1_3")),
        plan(account(OWN), account(rule("198.51.100.10"), minimumTlsVersion="TLS1_2")),
        plan(account(rule("203.0.113.0/24")), account(OWN, minimumTlsVersion="TLS1_2")),
        plan(account(OWN), account(OWN)),
    ],
    ids=["another value", "another rule of its own", "another value before", "nothing to do"],
)
def test_a_plan_that_differs_in_anything_else_is_another(other: dict[str, Any]) -> None:
    assert digest(plan(account(OWN), account(OWN, minimumTlsVersion="TLS1_2")), OPEN) != digest(other, OPEN)


@pytest.mark.parametrize(
    "leased", [LEASED, {"value": "203.0.113.7/32"}, "203.0.113.7"], ids=["storage", "vault", "text"]
)
def test_a_change_of_a_lease_s_rule_alone_is_nothing_to_do(leased: object) -> None:
    """A lease that was being opened when the plan was made."""
    assert digest(plan(account(OWN), account(OWN, leased)), OPEN) == digest(plan(account(OWN), account(OWN)), OPEN)


def test_what_is_written_is_what_is_there_and_changes() -> None:
    assert written(plan(account(OWN), account())) == {"microsoft.storage/storageaccounts/st"}
    assert written(plan(account(OWN), account(OWN))) == frozenset()


@pytest.mark.parametrize(
    ("document", "drift"),
    [
        pytest.param(plan(account(OWN, LEASED), account(OWN, LEASED), account(OWN)), 0, id="opened since"),
        pytest.param(plan(account(OWN), account(OWN), account(OWN, LEASED)), 0, id="closed since"),
        pytest.param(
            plan(account(OWN, LEASED), account(OWN, LEASED, a=1), account(OWN)), 0, id="beside a change of the data's"
        ),
        pytest.param(plan(account(OWN, LEASED), account(OWN), account(OWN)), 1, id="a person's rule"),
        pytest.param(plan(account(OWN, a=2), account(OWN, a=1), account(OWN, a=1)), 1, id="a person's setting"),
        pytest.param(plan(account(LEASED, a=2), account(LEASED, a=2), account(a=1)), 1, id="a rule and a setting"),
    ],
)
def test_a_lease_is_no_change_outside_terraform(document: dict[str, Any], drift: int) -> None:
    assert len(summarise(document).drift) == drift


def test_settled_rules_of_a_resource_that_the_plan_does_not_name() -> None:
    assert settled_rules({"before": account(OWN), "after": account()}, {})
