"""Deployments of templates: what one holds, its sender must be allowed to write; how one stands takes a right."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, Arm, Clock, build
from tests.unit.sandbox.arm.test_authorization import CONTRIBUTOR, grant, make_identity
from toolkit.sandbox.arm.operations import realistic
from toolkit.sandbox.store import Store

ONE = f"{RG}/providers/Microsoft.Resources/deployments/one"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
KEEPER = [f"Microsoft.Resources/deployments/{word}" for word in ("read", "write", "delete")]


def deployment(*resources: dict[str, Any]) -> dict[str, Any]:
    template = {"contentVersion": "1.0.0.0", "resources": list(resources), "outputs": {}}
    return {"properties": {"mode": "Incremental", "template": template}}


def resource(type_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "apiVersion": "2022-04-01", "name": name, **more}


def keeper(arm: Arm, *more: str) -> str:
    """Somebody who may write deployments, and what is said."""
    role, who = str(uuid.uuid4()), make_identity(arm)
    permission = {"actions": [*KEEPER, *more], "notActions": [], "dataActions": [], "notDataActions": []}
    properties = {"roleName": role, "type": "CustomRole", "assignableScopes": [RG], "permissions": [permission]}
    arm.ok("PUT", f"{RG}/providers/Microsoft.Authorization/roleDefinitions/{role}", {"properties": properties})
    grant(arm, RG, role, who)
    return who


def test_a_deployment_of_nothing_takes_the_right_to_deploy_alone(arm: Arm) -> None:
    who = keeper(arm)
    assert arm.ok("PUT", ONE, deployment(), principal=who)["properties"]["provisioningState"] == "Succeeded"
    arm.ok("DELETE", ONE, principal=who)


VAULT = resource("Microsoft.KeyVault/vaults", "kv")


@pytest.mark.parametrize(
    ("sent", "action"),
    [
        (resource("Microsoft.Storage/storageAccounts", "st"), "Microsoft.Storage/storageAccounts/write"),
        (
            resource("Microsoft.Storage/storageAccounts/blobServices/containers", "st/default/c"),
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
        ),
        (
            resource("Microsoft.Resources/deployments", "two", **deployment(VAULT)),
            "Microsoft.KeyVault/vaults/write",
        ),
        (resource("Microsoft.Resources/deploymentScripts", "s"), "Microsoft.Resources/deploymentScripts/write"),
    ],
)  # fmt: skip
def test_what_a_template_holds_takes_the_right_to_write_it(arm: Arm, sent: dict[str, Any], action: str) -> None:
    answer = arm("PUT", ONE, deployment(sent), principal=keeper(arm))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidTemplateDeployment")
    assert f"does not have permission to perform action '{action}'" in answer.json()["error"]["message"]
    assert arm("GET", ONE).status_code == 404


def test_a_contributor_deploys_no_role_for_itself(arm: Arm) -> None:
    who = make_identity(arm)
    grant(arm, RG, CONTRIBUTOR, who)
    roles = resource(
        "Microsoft.Authorization/roleAssignments", str(uuid.uuid4()),
        properties={"roleDefinitionId": f"/providers/x/{OWNER}", "principalId": who},
    )  # fmt: skip
    assert arm.refused("PUT", ONE, deployment(roles), principal=who) == (400, "InvalidTemplateDeployment")


def test_who_may_deploy_what_is_in_it_is_told_that_the_sandbox_does_not(arm: Arm) -> None:
    account = resource("Microsoft.Storage/storageAccounts", "st")
    status, _ = arm.refused("PUT", ONE, deployment(account))
    assert status == 501
    expression = resource("Microsoft.Storage/storageAccounts", "[parameters('name')]")
    assert arm.refused("PUT", ONE, deployment(expression))[0] == 501


@pytest.mark.parametrize(
    ("more", "status"), [((), 403), (("Microsoft.Resources/deployments/operationstatuses/read",), 200)]
)
def test_how_a_deployment_stands_takes_a_right_of_its_own(more: tuple[str, ...], status: int) -> None:
    clock = Clock()
    arm = build(Store(":memory:"), realistic(), clock)
    arm.ok("PUT", RG, {"location": "westeurope"})
    clock.now += 60
    who = keeper(arm, *more)
    started = arm("PUT", ONE, deployment(), principal=who)
    assert started.status_code == 201
    url = started.headers["Azure-AsyncOperation"].removeprefix("https://management.azure.com").partition("?")[0]
    assert url.startswith(f"{ONE}/operationStatuses/")
    assert arm("GET", url, principal=who).status_code == status
    clock.now += 60
    removed = arm("DELETE", ONE, principal=who)
    assert removed.status_code == 202
    assert "Azure-AsyncOperation" not in removed.headers
    result = removed.headers["Location"].removeprefix("https://management.azure.com").partition("?")[0]
    clock.now += 60
    assert arm("GET", result, principal=who).status_code == 204
