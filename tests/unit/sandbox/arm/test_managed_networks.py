"""The managed network of a workspace: which private endpoints the service makes itself, and which rules it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import PLAIN, RG, Arm
from tests.unit.sandbox.arm.test_platform import ACCOUNT, VAULT, make_account, make_vault
from tests.unit.sandbox.arm.test_workspaces import WORKSPACE, workspace_body

REGISTRY = f"{RG}/providers/Microsoft.ContainerRegistry/registries/crtest001"
OURS = {
    "__SYS_PE_sttest001_blob": (ACCOUNT, "blob"),
    "__SYS_PE_sttest001_file": (ACCOUNT, "file"),
    "__SYS_PE_kv-test-001_vault": (VAULT, "vault"),
    "__SYS_PE_crtest001_registry": (REGISTRY, "registry"),
    "__SYS_PE_mlw-test_amlworkspace": (WORKSPACE, "amlworkspace"),
}
CLOSED = {
    "storage": {"__SYS_PE_sttest001_blob", "__SYS_PE_sttest001_file"},
    "key_vault": {"__SYS_PE_kv-test-001_vault"},
    "registry": {"__SYS_PE_crtest001_registry"},
    "workspace": {"__SYS_PE_mlw-test_amlworkspace"},
}


def access(closed: str, name: str) -> Any:
    return {"publicNetworkAccess": "Disabled" if closed in (name, "all") else "Enabled"}


def endpoint_rule(target: str, group: str) -> Any:
    destination = {"serviceResourceId": target, "subresourceTarget": group, "sparkEnabled": False}
    return {"type": "PrivateEndpoint", "category": "UserDefined", "destination": destination}


def body(closed: str, mode: str = "AllowInternetOutbound", **rules: Any) -> Any:
    network = {"isolationMode": mode, "outboundRules": rules}
    return workspace_body(containerRegistry=REGISTRY, managedNetwork=network, **access(closed, "workspace"))


def make_parts(arm: Arm, closed: str) -> None:
    make_account(arm, **access(closed, "storage"))
    make_vault(arm, **access(closed, "key_vault"))
    arm.ok("PUT", REGISTRY, {**PLAIN, "sku": {"name": "Premium"}, "properties": access(closed, "registry")})


def rules_of(arm: Arm) -> dict[str, Any]:
    listed = {entry["name"]: entry["properties"] for entry in arm.ok("GET", f"{WORKSPACE}/outboundRules")["value"]}
    assert arm.ok("GET", WORKSPACE)["properties"]["managedNetwork"]["outboundRules"] == listed
    return listed


@pytest.mark.parametrize("closed", [*CLOSED, "all", "none"])
def test_service_makes_endpoints_for_what_is_closed_only(arm: Arm, closed: str) -> None:
    make_parts(arm, closed)
    arm.ok("PUT", WORKSPACE, body(closed))
    rules = rules_of(arm)
    assert set(rules) == (set(OURS) if closed == "all" else CLOSED.get(closed, set()))
    for name, rule in rules.items():
        destination = rule["destination"]
        assert (destination["serviceResourceId"], destination["subresourceTarget"]) == OURS[name]
        assert (rule["type"], rule["category"]) == ("PrivateEndpoint", "Required")


def test_approved_outbound_has_all_of_them_whatever_is_open(arm: Arm) -> None:
    make_parts(arm, "none")
    arm.ok("PUT", WORKSPACE, body("none", "AllowOnlyApprovedOutbound"))
    rules = rules_of(arm)
    assert {name for name in rules if name.startswith("__SYS_PE_")} == set(OURS)
    assert "__SYS_ST_AzureMachineLearning" in rules


@pytest.mark.parametrize("name", list(OURS))
def test_second_rule_to_one_destination_is_refused(arm: Arm, name: str) -> None:
    make_parts(arm, "all")
    target, group = OURS[name]
    rule = endpoint_rule(target.upper(), group)
    assert arm.refused("PUT", WORKSPACE, body("all", mine=rule)) == (400, "ValidationError")
    arm.ok("PUT", WORKSPACE, body("all"))
    assert arm.refused("PUT", f"{WORKSPACE}/outboundRules/mine", {"properties": rule}) == (400, "ValidationError")
    assert set(rules_of(arm)) == set(OURS)


def test_rules_of_ones_own_are_no_duplicates_of_themselves(arm: Arm) -> None:
    make_parts(arm, "none")
    mine = {"default-blob": endpoint_rule(ACCOUNT, "blob"), "default-file": endpoint_rule(ACCOUNT, "file")}
    arm.ok("PUT", WORKSPACE, body("none", **mine))
    arm.ok("PUT", WORKSPACE, body("none", **mine))
    assert set(rules_of(arm)) == set(mine)
    arm.ok("PUT", f"{WORKSPACE}/outboundRules/default-blob", {"properties": mine["default-blob"]})
    twice = body("none", **mine, again=endpoint_rule(ACCOUNT, "blob"))
    assert arm.refused("PUT", WORKSPACE, twice) == (400, "ValidationError")
    make_account(arm, publicNetworkAccess="Disabled")
    assert arm.refused("PUT", WORKSPACE, body("none", **mine)) == (400, "ValidationError")
    arm.ok("PUT", WORKSPACE, body("none"))
    assert set(rules_of(arm)) == CLOSED["storage"]


def test_required_rules_cannot_be_deleted(arm: Arm) -> None:
    make_parts(arm, "all")
    arm.ok("PUT", WORKSPACE, body("all"))
    assert arm.refused("DELETE", f"{WORKSPACE}/outboundRules/__SYS_PE_sttest001_blob") == (400, "ValidationError")
    arm.ok("DELETE", WORKSPACE)
