"""How each kind's rules are read and written: what is not a lease's stays where it is, byte for byte."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from toolkit.firewall.kinds import KINDS, PERIMETER, Kind, canonical, target_of

HERE = "203.0.113.10"


def kind_of(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_what_is_added_is_taken_away_again(kind: Kind) -> None:
    rules = [kind.form.rule(text) for text in ("198.51.100.0/28", "198.51.100.77", "203.0.113.99")]
    others: Any = {"other": {"kept": True}}
    whole: Any = rules
    for step in reversed(kind.rules):
        whole = {**deepcopy(others), step: whole}
    resource = {"properties": whole}
    before = deepcopy(resource)
    added = kind.changed(resource, {HERE}, set())
    assert resource == before
    assert list(added["properties"]) == [kind.rules[0]]  # nothing else is sent
    opened = {"properties": {**whole, **added["properties"]}}
    assert kind.addresses(opened) == ["198.51.100.0/28", "198.51.100.77", HERE, "203.0.113.99"]
    closed = kind.changed(opened, set(), {HERE})
    assert {"properties": {**whole, **closed["properties"]}} == before


def test_other_settings_of_the_object_are_sent_along() -> None:
    """Batch's second endpoint stands beside the one whose rules change."""
    nodes = {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "198.51.100.1"}]}
    profile = {"accountAccess": {"defaultAction": "Deny", "ipRules": []}, "nodeManagementAccess": nodes}
    changed = kind_of("Batch account").changed({"properties": {"networkProfile": profile}}, {HERE}, set())
    account = {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": HERE}]}
    sent = {"accountAccess": account, "nodeManagementAccess": nodes}
    assert changed == {"properties": {"networkProfile": sent}}


@pytest.mark.parametrize("name", ["function app", "SCM site of function app"])
def test_rules_that_let_no_address_in_are_nobody_s_address(name: str) -> None:
    kind = kind_of(name)
    denied = {"ipAddress": f"{HERE}/32", "action": "Deny", "priority": 10}
    tag = {"ipAddress": "AzureCloud", "tag": "ServiceTag", "action": "Allow", "priority": 20}
    subnet = {"vnetSubnetResourceId": "/subscriptions/s", "action": "Allow", "priority": 30}
    last = {"ipAddress": "Any", "action": "Deny", "priority": 2147483647}
    settings = {"properties": {kind.rules[0]: [denied, tag, subnet, last]}}
    assert kind.addresses(settings) == []
    assert kind.count(settings) == 3
    changed = kind.changed(settings, {HERE}, {HERE})["properties"][kind.rules[0]]
    assert changed == [denied, tag, subnet, last, kind.form.rule(HERE)]


@pytest.mark.parametrize(
    ("name", "properties", "everybody"),
    [
        ("storage account", {}, True),
        ("storage account", {"networkAcls": {"defaultAction": "Allow", "ipRules": []}}, True),
        ("storage account", {"networkAcls": {"defaultAction": "Deny", "ipRules": []}}, False),
        ("container registry", {"networkRuleSet": {"defaultAction": "Deny"}}, False),
        ("Batch account", {"networkProfile": {"accountAccess": {"defaultAction": "Deny"}}}, False),
        ("Batch account", {"networkProfile": None}, True),
        ("workspace", {"ipAllowlist": []}, True),
        ("workspace", {"ipAllowlist": ["198.51.100.1"]}, False),
        ("function app", {"ipSecurityRestrictions": None}, True),
        ("function app", {"ipSecurityRestrictions": [{"ipAddress": "Any", "action": "Allow"}]}, True),
        ("function app", {"ipSecurityRestrictions": [{"ipAddress": "198.51.100.1/32", "action": "Allow"}]}, False),
        ("function app", {"ipSecurityRestrictionsDefaultAction": "Deny"}, False),
        ("function app", {"ipSecurityRestrictionsDefaultAction": "Allow", "ipSecurityRestrictions": [{}]}, True),
    ],
)
def test_who_is_let_in_without_a_rule(name: str, properties: dict[str, Any], everybody: bool) -> None:
    assert kind_of(name).lets_everybody_in({"properties": properties}) is everybody


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.10/32", HERE),
        (HERE, HERE),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:db8::/32", None),
        ("Any", None),
    ],
)
def test_addresses_have_one_form(text: str, address: str | None) -> None:
    assert canonical(text) == address


def test_a_target_is_found_again_by_what_a_lease_calls_it() -> None:
    group = "/subscriptions/s/resourcegroups/g/providers"
    account = f"{group}/microsoft.storage/storageaccounts/st"
    profile = f"{group}/microsoft.network/networksecurityperimeters/nsp/profiles/platform"
    for key in (account, f"{group}/microsoft.web/sites/func#scm", f"{profile}#{account}"):
        assert target_of(key).key == key
    through = target_of(f"{profile}#{account}")
    assert (through.kind, through.id, through.asked.id) == (PERIMETER, profile, account)
    assert str(through) == "the perimeter nsp of storage account st"


def test_a_profile_s_rules_are_for_all_its_members() -> None:
    group = "/subscriptions/s/resourcegroups/g/providers"
    profile = f"{group}/microsoft.network/networksecurityperimeters/nsp/profiles/platform"
    one, other = (
        target_of(f"{profile}#{group}/microsoft.storage/storageaccounts/{name}") for name in ("first", "second")
    )
    holds = {one.key: {HERE: True}, f"{group}/microsoft.storage/storageaccounts/third": {"198.51.100.1": True}}
    assert (one.held(holds), other.held(holds)) == ({HERE}, {HERE})
