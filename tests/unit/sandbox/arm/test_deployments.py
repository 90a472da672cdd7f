"""Deployments of outputs: what a reader sees of one while it runs, and of one that is written again."""

from __future__ import annotations

from typing import Any

from tests.unit.sandbox.arm.conftest import RG, Arm, Clock, build
from toolkit.sandbox.arm.operations import realistic
from toolkit.sandbox.store import Store

ONE = f"{RG}/providers/Microsoft.Resources/deployments/one"


def of(value: str) -> dict[str, Any]:
    template = {"resources": [], "outputs": {"said": {"type": "string", "value": value}}}
    return {"properties": {"mode": "Incremental", "template": template}}


def made(clock: Clock) -> Arm:
    arm = build(Store(":memory:"), realistic(), clock)
    arm.ok("PUT", RG, {"location": "westeurope"})
    return arm


def said(arm: Arm) -> Any:
    properties = arm.ok("GET", ONE)["properties"]
    return properties["provisioningState"], properties.get("outputs", {}).get("said", {}).get("value")


def test_outputs_are_there_once_it_has_ended() -> None:
    clock = Clock()
    arm = made(clock)
    assert "outputs" not in arm("PUT", ONE, of("first")).json()["properties"]
    assert said(arm) == ("Accepted", None)
    clock.now += 3
    assert said(arm) == ("Succeeded", "first")
    arm.ok("PUT", ONE, of("second"))
    assert said(arm) == ("Accepted", None)
    clock.now += 3
    assert said(arm) == ("Succeeded", "second")


def test_one_that_runs_is_not_written_again() -> None:
    clock = Clock()
    arm = made(clock)
    arm.ok("PUT", ONE, of("first"))
    refused = arm("PUT", ONE, of("second"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "DeploymentActive")
