"""Function apps: what Flex Consumption needs of the subscription."""

from __future__ import annotations

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm

PLAN, SITE = f"{RG}/providers/Microsoft.Web/serverfarms/plan", f"{RG}/providers/Microsoft.Web/sites/app"
APP = f"{SUB}/providers/Microsoft.App"


def site(**properties: object) -> dict[str, object]:
    return {"location": "westeurope", "kind": "functionapp,linux", "properties": {"serverFarmId": PLAN, **properties}}


def test_flex_consumption_needs_microsoft_app(arm: Arm) -> None:
    arm.ok("PUT", PLAN, {"location": "westeurope", "sku": {"name": "FC1", "tier": "FlexConsumption"}})
    flex = site(functionAppConfig={"runtime": {"name": "python", "version": "3.11"}})
    assert arm.refused("PUT", SITE, flex) == (500, "InternalServerError")
    assert arm("GET", SITE).status_code == 404
    arm.ok("POST", f"{APP}/register", version="2021-04-01")
    arm.ok("PUT", SITE, flex)
    arm.ok("POST", f"{APP}/unregister", version="2021-04-01")
    assert arm.refused("PUT", SITE, flex) == (500, "InternalServerError")


def test_other_plans_do_not(arm: Arm) -> None:
    arm.ok("PUT", PLAN, {"location": "westeurope", "sku": {"name": "B1", "tier": "Basic"}})
    arm.ok("PUT", SITE, site())
