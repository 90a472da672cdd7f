"""Azure's own policies for azapi, on the first plans of the sandbox's own environment and of production.

https://github.com/Azure/policy-library-avm: its security rules (avmsec) and its resiliency rules
(Azure-Proactive-Resiliency-Library-v2), evaluated by conftest (https://www.conftest.dev). Neither is part of this
project: a checkout of the library is named by an environment variable, and conftest is found on PATH.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import Toolkit
from tests.e2e.providers import MIRRORS, mirror, shown_plans, version

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LIBRARY = "TOOLKIT_TEST_AVM_POLICIES"
ROOTS = ("bootstrap", "platform")
Plan = dict[str, Any]

# What fails although it is meant so; docs/platform.md has each rule with its reason.
FLEX, KEYS, REDUNDANT = (
    "service_plan_use_standard_or_premium_tier",
    "AVM_SEC_2_1",
    "storage_accounts_are_zone_or_region_redundant",
)
STATE = "module.state"
ACCOUNTS = ("module.function_storage[0]", "module.lake", "module.pointer_storage", "module.storage")
ON_PURPOSE = {
    ("prod@sandbox", "bootstrap"): {(KEYS, STATE)},
    ("prod@sandbox", "platform"): {(FLEX, "module.function_app[0]")},  # its accounts have customer-managed keys
    ("local", "bootstrap"): {(KEYS, STATE), (REDUNDANT, STATE)},
    ("local", "platform"): {
        (FLEX, "module.function_app[0]"),
        *((rule, account) for account in ACCOUNTS for rule in (KEYS, REDUNDANT)),
    },
}


@pytest.fixture(scope="module")
def policies() -> Path:
    folder = os.environ.get(LIBRARY)
    if not folder:
        pytest.skip(f"no policies: {LIBRARY} names no checkout of https://github.com/Azure/policy-library-avm")
    if shutil.which("conftest") is None:
        pytest.skip("no conftest on PATH: https://www.conftest.dev/install")
    return Path(folder) / "policy"


def failures(policies: Path, plan: Plan, tmp_path: Path) -> set[tuple[str, str]]:
    """(rule, module) of what the policies refuse."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    command = ["conftest", "test", "--all-namespaces", "--output", "json"]
    for part in ("avmsec", "Azure-Proactive-Resiliency-Library-v2", "common"):
        command += ["--policy", str(policies / part)]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=300)
    results = json.loads(done.stdout)
    assert sum(result["successes"] for result in results) > 50, f"few rules ran: {done.stdout}{done.stderr}"
    found = set()
    for message in (failure["msg"] for result in results for failure in result.get("failures") or []):
        rule, address = (
            re.match(r"[\w-]+/(\w+): ", message),
            re.search(r"([\w.\[\]\"-]*)\.azapi_resource\.\w+", message),
        )
        assert rule, message
        found.add((rule[1], address[1] if address else ""))
    return found


@pytest.fixture(scope="module")
def planned(toolkit: Toolkit) -> Callable[[str, str], dict[str, Plan]]:
    made: dict[tuple[str, str], dict[str, Plan]] = {}

    def of(environment: str, which: str) -> dict[str, Plan]:
        settings = mirror(which)
        if (environment, which) not in made:
            toolkit("sandbox", "reset", "--yes")
            shutil.rmtree(toolkit.project / ".toolkit" / environment, ignore_errors=True)
            result = toolkit("plan", environment, **settings)
            assert result.code == 2, result.err
            made[environment, which] = shown_plans(toolkit, environment)
            print(f"{environment}: azapi {version(toolkit, environment)}")
        return made[environment, which]

    return of


@pytest.mark.parametrize("which", MIRRORS)
@pytest.mark.parametrize("environment", ["prod@sandbox", "local"])
def test_nothing_fails_but_what_is_named(
    policies: Path, planned: Any, environment: str, which: str, tmp_path: Path
) -> None:
    plans = planned(environment, which)
    for root in ROOTS:
        assert failures(policies, plans[root], tmp_path) == ON_PURPOSE[environment, root], root


def resources(plan: Plan, kind: str) -> list[dict[str, Any]]:
    """The bodies of the azapi resources of this type."""
    return [
        change["change"]["after"]["body"]
        for change in plan["resource_changes"]
        if change["type"] == "azapi_resource" and change["change"]["after"]["type"].startswith(f"{kind}@")
    ]


def test_what_a_plan_has_wrong_is_found(policies: Path, planned: Any, tmp_path: Path) -> None:
    """That the rules see our bodies at all: each is broken once."""
    plan = copy.deepcopy(planned("prod@sandbox", "found")["platform"])
    [registry] = resources(plan, "Microsoft.ContainerRegistry/registries")
    registry["properties"] |= {"adminUserEnabled": True, "publicNetworkAccess": "Enabled"}
    [address] = resources(plan, "Microsoft.Network/publicIPAddresses")
    address["zones"] = ["1"]
    for account in resources(plan, "Microsoft.Storage/storageAccounts"):
        account["sku"]["name"] = "Standard_LRS"
    more = failures(policies, plan, tmp_path) - ON_PURPOSE["prod@sandbox", "platform"]
    assert more == {
        ("AVM_SEC_137", "module.container_registry"),
        ("AVM_SEC_139", "module.container_registry"),
        ("use_standard_sku_and_zone_redundant_ip", "module.network[0]"),
        *((REDUNDANT, account) for account in ACCOUNTS),
    }


def test_what_is_named_fails_for_the_reason_that_is_given(policies: Path, planned: Any, tmp_path: Path) -> None:
    """Another plan than Flex Consumption, and a key in the spelling that the rule looks for, are not refused."""
    plan = copy.deepcopy(planned("prod@sandbox", "found")["platform"])
    for service_plan in resources(plan, "Microsoft.Web/serverfarms"):
        service_plan["sku"] = {"name": "P1v3"}
    for account in resources(plan, "Microsoft.Storage/storageAccounts"):
        account["properties"]["encryption"] = {"keyvaultproperties": {"keyname": "k"}}
    assert failures(policies, plan, tmp_path) == set()
    for account in resources(plan, "Microsoft.Storage/storageAccounts"):
        account["properties"]["encryption"] = {"keyVaultProperties": {"keyName": "k"}}
    assert {rule for rule, _ in failures(policies, plan, tmp_path)} == {KEYS}


def test_each_rule_that_fails_on_purpose_is_documented() -> None:
    text = (ROOT / "docs" / "platform.md").read_text(encoding="utf-8")
    for rule in {rule for found in ON_PURPOSE.values() for rule, _ in found}:
        assert f"`{rule}`" in text
