"""A plan as it is shown: in a pipe, on a narrow terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden import check_golden
from toolkit.cli.plan_view import print_plan
from toolkit.cli.terminal import Terminal
from toolkit.terraform.plan import PlanSummary, markdown, summarise
from toolkit.terraform.unchangeable import fixed_values

HERE = Path(__file__).parent
Item = dict[str, Any]


def resource(address: str, kind: str, before: Any, after: Any, *actions: str, **more: Any) -> Item:
    def values(properties: Any) -> Any:
        return properties and {"type": f"{kind}@2026-01-01", "id": "x", "body": {"properties": properties}}

    change = {"actions": list(actions), "before": values(before), "after": values(after), **more}
    module = address.rsplit(".", 2)[0]
    return {"address": address, "module_address": module, "mode": "managed", "type": "azapi_resource", "change": change}


STORAGE, WORKSPACE = "module.storage.azapi_resource.this", "module.workspace.azapi_resource.this"
ACCOUNTS, WORKSPACES = "Microsoft.Storage/storageAccounts", "Microsoft.MachineLearningServices/workspaces"
VAULT = "module.key_vault.azapi_resource.this"


def rules(*addresses: str) -> list[Item]:
    return [{"action": "Allow", "value": address} for address in addresses]


def summary() -> PlanSummary:
    """One change of each kind, a secret, a value that somebody changed, one that Azure cannot change."""
    applied = {"publicNetworkAccess": "Disabled", "networkAcls": {"ipRules": rules()}}
    there = {"publicNetworkAccess": "Enabled", "networkAcls": {"ipRules": rules("198.51.100.20")}}
    planned = {"publicNetworkAccess": "Disabled", "networkAcls": {"ipRules": rules("203.0.113.9")}}
    secret = {"before_sensitive": {"body": {"properties": {"adminPassword": True}}}, "after_sensitive": {}}
    pools = [{"adminPassword": tier * 2, "tier": tier} for tier in ("basic", "standard")]
    pool, zone = "Microsoft.Batch/batchAccounts/pools", "Microsoft.Network/privateDnsZones"
    document = {
        "resource_changes": [
            resource(STORAGE, ACCOUNTS, there, planned, "update"),
            resource(WORKSPACE, WORKSPACES, {"hbiWorkspace": False}, {"hbiWorkspace": True}, "update"),
            resource(
                VAULT,
                "Microsoft.KeyVault/vaults",
                {"sku": "a"},
                {"sku": "b"},
                *("delete", "create"),
                replace_paths=[["body", "properties", "sku"]],
            ),
            resource("module.pool.azapi_resource.pool", pool, *pools, "update", **secret),
            resource("module.pool.azapi_resource.app", "Microsoft.Batch/batchAccounts", {"a": 1}, None, "delete"),
            resource("module.new.azapi_resource.this", "Microsoft.Insights/components", None, {"a": 1}, "create"),
        ],
        "resource_drift": [
            resource(STORAGE, ACCOUNTS, applied, there, "update"),
            resource("module.dns.azapi_resource.zone", zone, {"a": 1}, {"a": 2}, "update"),
        ],
        "output_changes": {"vault_uri": {"actions": ["update"], "before": "a", "after": "b", "after_unknown": False}},
    }  # fmt: skip
    return summarise(document, ("purge the soft-deleted key vault kv-1",), fixed_values(document))


@pytest.mark.parametrize("every", [True, False])
def test_a_plan_in_a_pipe(every: bool, capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(Terminal(), summary(), every=every)
    check_golden(HERE, f"plan-{'every' if every else 'short'}.txt", capsys.readouterr().out)


def test_a_plan_as_markdown_and_as_json() -> None:
    check_golden(HERE, "plan.md", markdown(summary(), "Plan for dev"))
    check_golden(HERE, "plan.json", json.dumps(summary().as_json(), indent=2) + "\n")
