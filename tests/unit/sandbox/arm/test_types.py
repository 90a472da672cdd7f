"""What the other types refuse and remember, where other parts of the product rely on it."""

from __future__ import annotations

from typing import Any

from tests.unit.sandbox.arm.conftest import PLAIN, RG, Arm
from tests.unit.sandbox.arm.test_platform import (
    ACCOUNT,
    make_account,
)


def test_federated_credentials(arm: Arm) -> None:
    identity = f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci"
    arm.ok("PUT", identity, PLAIN)
    sent = {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:o/r:ref:main", "audiences": ["a"]}
    credentials = f"{identity}/federatedIdentityCredentials"
    arm.ok("PUT", f"{credentials}/main", {"properties": sent})
    assert arm.refused("PUT", f"{credentials}/again", {"properties": sent}) == (409, "Conflict")
    assert arm.refused("PUT", f"{credentials}/bad", {"properties": {**sent, "subject": ""}}) == (400, "BadRequest")


def test_budget_starts_on_the_first_of_a_month(arm: Arm) -> None:
    budget = f"{RG}/providers/Microsoft.Consumption/budgets/monthly"

    def body(start: str) -> Any:
        contact = {"enabled": True, "operator": "GreaterThan", "threshold": 80, "contactEmails": ["ops@example.com"]}
        period = {"startDate": start, "endDate": "2031-01-01T00:00:00Z"}
        return {
            "properties": {
                "amount": 10,
                "category": "Cost",
                "timeGrain": "Monthly",
                "timePeriod": period,
                "notifications": {"n": contact},
            }
        }

    assert arm.refused("PUT", budget, body("2026-01-02T00:00:00Z"))[0] == 400
    assert arm("PUT", budget, body("2026-01-01T00:00:00Z")).status_code == 201


def test_diagnostic_settings_share_no_sink(arm: Arm) -> None:
    make_account(arm)
    workspace = f"{RG}/providers/Microsoft.OperationalInsights/workspaces/log"
    settings = f"{ACCOUNT}/providers/Microsoft.Insights/diagnosticSettings"
    sent = {"properties": {"workspaceId": workspace, "metrics": [{"category": "Transaction", "enabled": True}]}}
    assert arm.refused("PUT", f"{settings}/one", sent) == (400, "InvalidResourceReference")
    arm.ok("PUT", workspace, PLAIN)
    arm.ok("PUT", f"{settings}/one", sent)
    assert arm.refused("PUT", f"{settings}/two", sent) == (409, "Conflict")
    below = settings.replace(ACCOUNT, f"{ACCOUNT}/blobServices/default")
    arm.ok("PUT", f"{below}/one", sent)
    assert [entry["name"] for entry in arm.ok("GET", settings)["value"]] == ["one"]
    assert len(arm.ok("GET", below)["value"]) == 1


def test_registry_network_features_need_premium(arm: Arm) -> None:
    registry = f"{RG}/providers/Microsoft.ContainerRegistry/registries/acrtest001"
    closed = {**PLAIN, "sku": {"name": "Basic"}, "properties": {"publicNetworkAccess": "Disabled"}}
    assert arm.refused("PUT", registry, closed) == (400, "FeatureNotSupported")
    made = arm.ok("PUT", registry, {**closed, "sku": {"name": "Premium"}})
    assert made["properties"]["loginServer"] == "acrtest001.azurecr.io"


def test_function_settings_are_not_readable_with_get(arm: Arm) -> None:
    site = f"{RG}/providers/Microsoft.Web/sites/func-test-001"
    settings = [{"name": "KEY", "value": "v"}]
    shown = arm.ok(
        "PUT", site, {**PLAIN, "kind": "functionapp", "properties": {"siteConfig": {"appSettings": settings}}}
    )
    assert "siteConfig" not in shown["properties"]
    assert arm.refused("GET", f"{site}/config/appsettings")[0] == 400
    assert arm.ok("POST", f"{site}/config/appsettings/list")["properties"] == {"KEY": "v"}
    assert arm.ok("GET", f"{site}/basicPublishingCredentialsPolicies/scm")["properties"]["allow"] is True
