"""How much a finding matters, and that every kind of resource is some check's."""

from __future__ import annotations

import pytest

from toolkit.live.findings import Finding
from toolkit.live.harm import FATAL, RULES
from toolkit.live.inventory import BUDGETS, COLLECTIONS, DIAGNOSTICS, LOCKS, SINGLES
from toolkit.smoke.areas import AREAS
from toolkit.smoke.checks.exact import _typed

STORAGE, FACTORY = "Microsoft.Storage/storageAccounts", "Microsoft.DataFactory/factories"


@pytest.mark.parametrize(
    ("finding", "harm"),
    [
        (Finding("extra", "Microsoft.Authorization/roleAssignments", "/x", "x"), "breach"),
        (Finding("missing", "Microsoft.Authorization/roleAssignments", "/x", "x"), "outage"),
        (Finding("missing", f"{STORAGE}/blobServices/containers", "/x", "x"), "data-loss"),
        (Finding("differs", STORAGE, "/x", "x", "tags.owner", "a", "b"), "hygiene"),
        (Finding("differs", STORAGE, "/x", "x", "properties.networkAcls.ipRules[203.0.113.9]", None, {}), "breach"),
        (Finding("differs", STORAGE, "/x", "x", "properties.isSftpEnabled", None, True), "breach"),
        (Finding("differs", STORAGE, "/x", "x", "properties.somethingNew", None, True), "drift"),
        (Finding("differs", STORAGE, "/x", "x", "properties.somethingSaid", 1, 2), "outage"),
        (Finding("extra", f"{FACTORY}/pipelines", "/x", "x", live={}), "hygiene"),
        (
            Finding("extra", f"{FACTORY}/triggers", "/x", "x", live={"properties": {"runtimeState": "Started"}}),
            "breach",
        ),
        (
            Finding("extra", f"{FACTORY}/triggers", "/x", "x", live={"properties": {"runtimeState": "Stopped"}}),
            "hygiene",
        ),
        (Finding("extra", LOCKS, "/x", "x", live={"properties": {"level": "ReadOnly"}}), "outage"),
        (Finding("extra", LOCKS, "/x", "x", live={"properties": {"level": "CanNotDelete"}}), "hygiene"),
        (
            Finding("differs", "Microsoft.Insights/metricAlerts", "/x", "x", "properties.enabled", True, False),
            "blindness",
        ),
        (Finding("differs", "Microsoft.Consumption/budgets", "/x", "x", "properties.amount", 1, 2), "cost"),
        (Finding("extra", "Microsoft.Compute/virtualMachines", "/x", "x"), "breach"),
    ],
)
def test_harm(finding: Finding, harm: str) -> None:
    assert finding.harm == harm


def test_every_rule_can_be_reached_by_some_finding() -> None:
    assert len({(rule.what, rule.type, rule.path, rule.harm, rule.when) for rule in RULES}) == len(RULES)
    assert {rule.harm for rule in RULES} >= set(FATAL)


def test_every_collection_is_some_checks() -> None:
    """What no area names would be read by the warnings alone, and a breach there would make no run red."""
    types = {*(one.type for one in (*COLLECTIONS, *SINGLES)), DIAGNOSTICS, LOCKS}
    assert [
        one for one in sorted(types) if not any(_typed(one, area.types) for area in AREAS if area.place != "state")
    ] == []
    assert BUDGETS not in types  # a warning by itself: governance-costs


def test_words_name_the_resource_what_it_is_and_what_was_meant_and_no_secret() -> None:
    one = Finding(
        "differs", STORAGE, f"/subscriptions/s/resourceGroups/g/providers/{STORAGE}/a", "a", "properties.x", 1, 2
    )
    assert one.words == "a: properties.x is 2, not 1"
    secret = Finding("differs", STORAGE, "/x", "a", "p", None, {"accountKey": "a2V5"})
    assert "a2V5" not in secret.words
