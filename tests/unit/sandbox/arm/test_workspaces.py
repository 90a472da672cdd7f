"""Workspaces of Azure Machine Learning: what they come with, how they answer, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import PLAIN, RG, Arm
from tests.unit.sandbox.arm.test_platform import (
    ACCOUNT,
    VAULT,
    make_account,
    make_vault,
)

WORKSPACE = f"{RG}/providers/Microsoft.MachineLearningServices/workspaces/mlw-test"


def make_workspace(arm: Arm, **properties: Any) -> Any:
    make_account(arm)
    make_vault(arm)
    return arm("PUT", WORKSPACE, workspace_body(**properties))


def workspace_body(**properties: Any) -> Any:
    linked = {"storageAccount": ACCOUNT, "keyVault": VAULT}
    return {**PLAIN, "identity": {"type": "SystemAssigned"}, "properties": {**linked, **properties}}


def test_workspace_comes_with_its_datastores_and_is_soft_deleted(arm: Arm) -> None:
    assert arm.refused("PUT", WORKSPACE, workspace_body()) == (400, "InvalidResourceReference")
    made = make_workspace(arm)
    assert made.status_code == 200
    key = made.json()["properties"]["workspaceId"]
    names = [entry["name"] for entry in arm.ok("GET", f"{WORKSPACE}/datastores")["value"]]
    assert names == ["workspaceartifactstore", "workspaceblobstore", "workspacefilestore", "workspaceworkingdirectory"]
    assert ("sttest001", f"azureml-blobstore-{key}") in arm.blobs.containers

    arm.ok("DELETE", WORKSPACE)
    refused = arm("PUT", WORKSPACE, workspace_body())
    assert refused.status_code == 400
    assert "Soft-deleted workspace exists" in refused.json()["error"]["message"]
    arm("DELETE", f"{WORKSPACE}?forceToPurge=true")
    arm.ok("PUT", WORKSPACE, workspace_body())


@pytest.mark.parametrize("again", [False, True])
def test_workspace_answers_linked_ids_as_azure_spells_them(arm: Arm, again: bool) -> None:
    make_account(arm)
    make_vault(arm)
    insights = f"{RG}/providers/Microsoft.Insights/components/appi"
    logs = f"{RG}/providers/Microsoft.OperationalInsights/workspaces/log"
    arm.ok("PUT", logs, PLAIN)
    component = {"Application_Type": "web", "WorkspaceResourceId": logs}
    arm.ok("PUT", insights, {**PLAIN, "kind": "web", "properties": component}, version="2020-02-02")
    body = workspace_body(applicationInsights=insights)
    for _ in range(1 + again):
        arm.ok("PUT", WORKSPACE, body)
    found = arm.ok("GET", WORKSPACE)["properties"]
    assert found["keyVault"] == VAULT.replace("Microsoft.KeyVault", "Microsoft.Keyvault")
    assert found["applicationInsights"] == insights.replace("Microsoft.Insights", "Microsoft.insights")
    assert found["storageAccount"] == ACCOUNT


def test_managed_network_only_closes(arm: Arm) -> None:
    rule = {"type": "FQDN", "category": "UserDefined", "destination": "pypi.org"}
    network = {"isolationMode": "AllowInternetOutbound", "outboundRules": {"pypi": rule}}
    make_workspace(arm, managedNetwork=network)
    other = {"properties": {"type": "FQDN", "category": "UserDefined", "destination": "files.pythonhosted.org"}}
    arm.ok("PUT", f"{WORKSPACE}/outboundRules/files", other)
    arm.ok("PUT", WORKSPACE, workspace_body(managedNetwork=network))
    rules = arm.ok("GET", WORKSPACE)["properties"]["managedNetwork"]["outboundRules"]
    assert set(rules) == {"pypi", "files"}
    assert [r["name"] for r in arm.ok("GET", f"{WORKSPACE}/outboundRules")["value"]] == ["files", "pypi"]
    back = workspace_body(managedNetwork={"isolationMode": "Disabled"})
    assert arm.refused("PUT", WORKSPACE, back) == (400, "ValidationError")
    arm.ok("POST", f"{WORKSPACE}/provisionManagedNetwork", {"includeSpark": False})
    assert arm.ok("GET", f"{WORKSPACE}/outboundRules/pypi")["properties"]["status"] == "Active"


def test_versions_bring_their_container(arm: Arm) -> None:
    make_workspace(arm)
    version = f"{WORKSPACE}/environments/train/versions/1"
    assert arm("PUT", version, {"properties": {"image": "mcr.microsoft.com/x"}}).status_code == 201
    container = arm.ok("GET", f"{WORKSPACE}/environments/train")["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "2")


def test_environments_go_with_their_workspace_only(arm: Arm) -> None:
    make_workspace(arm)
    version, container = f"{WORKSPACE}/environments/train/versions/1", f"{WORKSPACE}/environments/train"
    arm.ok("PUT", version, {"properties": {"image": "mcr.microsoft.com/x"}})
    for each in (version, container):
        assert arm.refused("DELETE", each) == (400, "UserError")
    data = f"{WORKSPACE}/data/rows/versions/1"
    arm.ok("PUT", data, {"properties": {"dataType": "uri_file", "dataUri": "azureml://x"}})
    arm.ok("DELETE", data)
    arm.ok("DELETE", WORKSPACE)
    assert arm("GET", version).status_code == 404
