"""What is said of the values of a planned change, and what is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from toolkit.terraform.plan import details, markdown, summarise
from toolkit.terraform.unchangeable import fixed_values
from toolkit.terraform.values import value_changes

ACCOUNT = "Microsoft.Storage/storageAccounts@2026-01-01"
Values = dict[str, Any]


def account(public: str = "Disabled", *rules: str) -> Values:
    acls = {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": rule} for rule in rules]}
    body = {"properties": {"publicNetworkAccess": public, "networkAcls": acls}}
    return {"type": ACCOUNT, "id": "/subscriptions/s", "body": body, "output": {"etag": public}}


def lines(before: Any, after: Any, drift: Values | None = None, **marks: Any) -> list[str]:
    return [str(one) for one in value_changes({"before": before, "after": after, **marks}, drift)]


def test_a_value_and_a_rule() -> None:
    assert lines(account("Enabled", "198.51.100.9"), account("Disabled", "198.51.100.9", "203.0.113.9")) == [
        "networkAcls.ipRules + 203.0.113.9",
        "publicNetworkAccess Enabled -> Disabled",
    ]


def test_what_somebody_changed_in_the_portal_is_told_from_what_the_data_change() -> None:
    """A value that was set, a rule that was added and one that was taken away; the data want another rule besides."""
    applied, there = account("Disabled", "192.0.2.1"), account("Enabled", "203.0.113.9")
    planned = account("Disabled", "192.0.2.1", "192.0.2.77")
    assert lines(there, planned, {"before": applied, "after": there}) == [
        "networkAcls.ipRules - 203.0.113.9 (changed outside Terraform)",
        "networkAcls.ipRules + 192.0.2.1 (changed outside Terraform)",
        "networkAcls.ipRules + 192.0.2.77",
        "publicNetworkAccess Enabled -> Disabled (changed outside Terraform)",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"a": 1}, {"a": None}, ["a 1 -> (not set)"]),
        ({}, {"a": {"b": False, "c": "x"}}, ["a.b (not set) -> false", "a.c (not set) -> x"]),
        ({"tags": None}, {"tags": {}}, ["tags (not set) -> {}"]),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, ["a in another order"]),
        ({"a": ["x", "x"]}, {"a": ["x"]}, ["a - x"]),
        ({"a": [1, 2]}, {"a": None}, ["a - 1", "a - 2"]),
        ({"a": "text"}, {"a": {"b": 1}}, ['a text -> {"b": 1}']),
        ({"a": ""}, {"a": "two\nlines"}, ['a "" -> two lines']),
        (
            {"subnets": [{"name": "a", "properties": {"prefix": "10.0.0.0/24"}}, {"name": "b"}]},
            {
                "subnets": [
                    {"name": "c", "properties": {"nat": {}}},
                    {"name": "a", "properties": {"prefix": "10.1.0.0/24"}},
                ]
            },
            [
                "subnets - b",
                'subnets + c {"properties": {"nat": {}}}',
                "subnets[a].properties.prefix 10.0.0.0/24 -> 10.1.0.0/24",
            ],
        ),
        ({"body": "{}"}, {"body": {"properties": {"x": 1}}}, ['body {} -> {"properties": {"x": 1}}']),
    ],
)  # fmt: skip
def test_forms_of_values(before: Values, after: Values, said: list[str]) -> None:
    assert lines(before, after) == said


def test_what_is_only_known_after_the_apply() -> None:
    unknown = {"id": True, "output": True, "body": {"properties": {"link": True, "rules": [False, True]}}}
    before = {"id": "x", "output": {}, "body": {"properties": {"link": "/a", "rules": ["192.0.2.1"]}}}
    after = {"body": {"properties": {"rules": ["192.0.2.1", None]}}}
    assert lines(before, after, after_unknown=unknown) == [
        "link /a -> (known after apply)",
        "rules + (known after apply)",
    ]


SECRET, OTHER = "hunter2-old", "hunter2-new"
MARKED: list[tuple[Any, Any, Any]] = [
    # before and after with a place for the secret, and the marks of both
    ({"a": SECRET}, {"a": OTHER}, {"a": True}),
    ({"a": {"b": [SECRET]}}, {"a": {"b": [OTHER]}}, {"a": {"b": [True]}}),
    ({"a": {"b": SECRET, "c": 1}}, {"a": {"b": OTHER, "c": 2}}, {"a": {"b": True}}),
    ({"a": [{"name": "x", "v": SECRET}]}, {"a": [{"name": "x", "v": OTHER}]}, {"a": [{"v": True}]}),
    ({"a": []}, {"a": [{"name": "x", "v": OTHER}]}, {"a": [{"v": True}]}),
    ({"a": [{"v": SECRET}]}, {"a": [{"v": OTHER}, {"v": SECRET}]}, {"a": [{"v": True}, {"v": True}]}),
    ({"a": SECRET}, {"a": None}, True),
    ({"body": {"properties": {"x": SECRET}}}, {"body": {"properties": {"x": OTHER}}}, {"body": True}),
]
NAMED: list[tuple[Any, Any]] = [
    # unmarked, but under a secret's name or in its shape
    ({"adminPassword": SECRET}, {"adminPassword": OTHER}),
    ({"a": {"clientSecret": SECRET}}, {"a": {"clientSecret": OTHER}}),
    ({"s": [{"name": "MY_PASSWORD", "value": SECRET}]}, {"s": [{"name": "MY_PASSWORD", "value": OTHER}]}),
    ({"s": []}, {"s": [{"name": "MY_PASSWORD", "value": OTHER}]}),
    ({"s": [{"x": 1, "accountKey": SECRET}]}, {"s": [{"x": 2, "accountKey": OTHER}]}),
    ({"url": f"AccountName=a;AccountKey={SECRET}"}, {"url": f"AccountName=b;AccountKey={OTHER}"}),
]


@pytest.mark.parametrize(("before", "after", "marks"), [*MARKED, *((*pair, False) for pair in NAMED)])
@pytest.mark.parametrize("unknown", [False, True])
def test_no_secret_in_any_form(before: Values, after: Values, marks: Any, unknown: bool) -> None:
    """With a known and an unknown value after it; changed outside as well; of a resource and of an output."""
    change: Values = {"before": before, "after": after, "before_sensitive": marks, "after_sensitive": marks}
    if unknown:
        change["after_unknown"] = dict.fromkeys(after, True)
    item = {"mode": "managed", "type": "t", "address": "t.x", "change": {"actions": ["update"], **change}}
    document = {
        "resource_changes": [item],
        "resource_drift": [{**item, "change": {**change, "before": after, "after": before}}],
        "output_changes": {"o": {"actions": ["update"], **change}},
    }
    summary = summarise(document)
    seen = str([asdict(one) for one in value_changes(change)]) + json.dumps(summary.as_json())
    seen += markdown(summary, "Plan") + str([details(one) for one in summary.changes])
    assert "hunter2" not in seen
    assert summary.changes[0].values, "that something differs is no secret"


@pytest.mark.parametrize("side", ["before_sensitive", "after_sensitive"])
def test_a_value_that_is_sensitive_on_one_side_is_shown_on_none(side: str) -> None:
    assert lines({"a": "x"}, {"a": "y"}, **{side: {"a": True}}) == ["a (sensitive) -> (sensitive)"]


def test_a_value_that_azure_cannot_change_says_so() -> None:
    def workspace(flag: bool) -> Values:
        kind = "Microsoft.MachineLearningServices/workspaces@2025-12-01"
        return {"type": kind, "body": {"properties": {"hbiWorkspace": flag}}}

    change = {"actions": ["update"], "before": workspace(False), "after": workspace(True)}
    item = {"mode": "managed", "type": "azapi_resource", "address": "azapi_resource.this", "change": change}
    document = {"resource_changes": [item]}
    [changed] = summarise(document, notes=fixed_values(document)).changes
    assert details(changed) == ["hbiWorkspace false -> true: Azure cannot change this on an existing workspace"]


def test_markup_in_a_value_stays_a_value() -> None:
    item = {"mode": "managed", "type": "t", "address": "t.x"}
    change = {"actions": ["update"], "before": {"a": "x|`y`\nz"}, "after": {"a": "<b>"}}
    row = markdown(summarise({"resource_changes": [{**item, "change": change}]}), "Plan").splitlines()[-3]
    assert row == r"| update | `t.x` | t | `a x\|'y' z -> <b>` |"
