"""An ordinary change of an environment's data plans what one would expect, and replaces nothing.

`local` is applied once; then its variables are edited, and planned without being applied. A plan takes seconds, so that
changes that touch different resources are planned together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Toolkit

pytestmark = pytest.mark.e2e

COMMON = "common.tfvars"
LOCAL = "local/terraform.tfvars"

GROUP = "10ca1000-0000-4000-8000-0000000000ff"
STORAGE = "module.storage.azapi_resource"
LAKE = "module.lake.azapi_resource"
WORKSPACE = "module.machine_learning_workspace.azapi_resource"


@dataclass(frozen=True)
class Change:
    """One edit of a file of envs/: ``old``, which occurs once, becomes ``new``. ``expected``: action by address."""

    name: str
    file: str
    old: str
    new: str
    expected: dict[str, str]
    bootstrap: bool = False  # whether the operator bootstraps first, as the plan says otherwise


ROUNDS = (
    (
        Change(
            "an IP rule",
            LOCAL,
            '  lake_containers = ["raw", "curated"]',
            '  lake_containers = ["raw", "curated"]\n  ip_rules = ["203.0.113.7"]',
            {f"{STORAGE}.this": "update"},
        ),
        Change(
            "a container",
            LOCAL,
            '["smoke", "adftrain"]',
            '["smoke", "adftrain", "models"]',
            {f'{STORAGE}.container["models"]': "create"},
        ),
        Change(
            "a lifecycle rule",
            LOCAL,
            "delete_after = 7",
            "delete_after = 3",
            {f"{STORAGE}.lifecycle[0]": "update"},
        ),
        Change(
            "longer soft delete of blobs",
            LOCAL,
            "  retention_days  = 7\n  containers",
            "  retention_days  = 14\n  containers",
            {
                "module.storage.azapi_update_resource.blob_service": "update",
                "module.storage.azapi_update_resource.file_service[0]": "update",
                "module.lake.azapi_update_resource.blob_service": "update",
                "module.pointer_storage.azapi_update_resource.blob_service": "update",
                "module.function_storage[0].azapi_update_resource.blob_service": "update",
            },
        ),
        Change(
            "a cluster",
            LOCAL,
            "  computes = {\n",
            '  computes = {\n    gpu-cluster = { vm_size = "Standard_NC4as_T4_v3", max_nodes = 1 }\n',
            {f'{WORKSPACE}.compute["gpu-cluster"]': "create"},
        ),
        Change(
            "a group of people",
            LOCAL,
            "operator_group_ids       = [",
            f'operator_group_ids = ["{GROUP}", ',
            {
                f'module.access.azapi_resource.this["operators_{GROUP}_on_{key}"]': "create"
                for key in ("resource_group", "key_vault", "pointers")
            },
            bootstrap=True,
        ),
        Change(
            "retention of logs",
            LOCAL,
            "retention_days = 30",
            "retention_days = 60",
            {"module.monitoring.azapi_resource.log_analytics_workspace": "update"},
        ),
        Change(
            "who is told",
            LOCAL,
            'alert_emails   = ["',
            'alert_emails = ["ops@example.org", "',
            {
                "module.monitoring.azapi_resource.action_group": "update",
                "module.governance.azapi_resource.budget[0]": "update",
            },
        ),
        Change(
            "locks",
            LOCAL,
            "locks  = false",
            "locks  = true",
            {
                f'module.governance.azapi_resource.lock["{name}"]': "create"
                for name in (
                    "storage",
                    "lake",
                    "pointer_storage",
                    "function_storage",
                    "key_vault",
                    "container_registry",
                )
            },
        ),
        Change(
            "a subnet",
            LOCAL,
            "  subnets = {\n",
            "  subnets = {\n    build = { newbits = 4, netnum = 9 }\n",
            {
                "module.network[0].azapi_resource.virtual_network": "update",
                'module.network[0].azapi_resource.network_security_group["build"]': "create",
                'module.network[0].module.diagnostic_setting.azapi_resource.this["build"]': "create",
            },
        ),
        Change(
            "time-to-live of the integration runtime",
            COMMON,
            "time_to_live_minutes = 10",
            "time_to_live_minutes = 15",
            {"module.data_factory.azapi_resource.integration_runtime": "update"},
        ),
    ),
    (
        Change(
            "redundancy",
            LOCAL,
            '"Standard_LRS"',
            '"Standard_RAGRS"',
            {
                f"{module}.azapi_resource.this": "update"
                for module in ("module.storage", "module.lake", "module.pointer_storage", "module.function_storage[0]")
            },
        ),
        Change(
            "a node count",
            LOCAL,
            'vm_size = "Standard_D2s_v5", max_nodes = 2 }',
            'vm_size = "Standard_D2s_v5", max_nodes = 5 }',
            {f'{WORKSPACE}.compute["cpu-cluster"]': "update"},
        ),
        Change(
            "the budget",
            LOCAL,
            "amount = 100",
            "amount = 200",
            {"module.governance.azapi_resource.budget[0]": "update"},
        ),
    ),
)


@pytest.fixture(scope="module")
def applied(toolkit: Toolkit) -> Toolkit:
    toolkit.ok("apply", "local", "--no-smoke")
    return toolkit


@pytest.fixture
def edit(applied: Toolkit) -> Iterator[Any]:
    """Writes a change into the project, and takes it back."""
    kept: dict[Path, str] = {}

    def write(change: Change) -> None:
        path = applied.project / "envs" / change.file
        text = path.read_text(encoding="utf-8")
        kept.setdefault(path, text)
        assert text.count(change.old) == 1, f"{change.file} has {change.old!r} {text.count(change.old)} times"
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")

    yield write
    for path, text in kept.items():
        path.write_text(text, encoding="utf-8")


def planned(toolkit: Toolkit) -> dict[str, Any]:
    result = toolkit("plan", "local", "--json")
    assert result.code == 2, f"{result.out}\n{result.err}"
    document: dict[str, Any] = result.json
    return document


def test_changes_of_one_round_touch_different_resources() -> None:
    for changes in ROUNDS:
        addresses = [address for change in changes for address in change.expected]
        assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize("changes", ROUNDS, ids=("first", "second"))
def test_changes_plan_themselves_and_nothing_else(applied: Toolkit, edit: Any, changes: tuple[Change, ...]) -> None:
    expected: dict[str, str] = {}
    for change in changes:
        edit(change)
        expected |= change.expected
    if any(change.bootstrap for change in changes):
        refused = applied("plan", "local", "--json")
        assert (refused.code, "the operator runs toolkit bootstrap first" in refused.err) == (1, True), refused.err
        applied.ok("bootstrap", "local")
    actions = {item["address"]: item["action"] for item in planned(applied)["changes"]}
    assert actions == expected


@pytest.mark.slow
def test_nodes_beyond_the_quota_are_refused_before_anything_changes(applied: Toolkit, edit: Any) -> None:
    """The days of the logs change with them: that nothing is applied shows in the plan that is left."""
    for change in ROUNDS[0]:
        if change.name in ("a cluster", "retention of logs"):
            edit(change)
    size = "batch = {\n  vm_size   = "
    edit(Change("a pool", LOCAL, f'{size}"Standard_D2s_v5"', f'{size}"Standard_NC8as_T4_v3"', {}))
    before = planned(applied)["changes"]
    refused = applied("apply", "local", "--no-smoke")
    assert refused.code == 1, f"{refused.out}\n{refused.err}"
    said = " ".join(refused.err.split())
    for part in (
        "nothing was changed in local: the quota is below one node",
        "one node of gpu-cluster (Standard_NC4as_T4_v3) takes 4 cores of standardNCASv3_T4Family, of which Azure "
        "Machine Learning has 0 in westeurope",
        "(STANDARD_NC8AS_T4_V3) takes 8 cores of standardNCASv3_T4Family, of which the Batch account ",
        "az quota create --resource-name standardNCASv3_T4Family --resource-type dedicated --limit-object value=4",
        "or choose another vm_size in envs/local/terraform.tfvars",
    ):
        assert part in said
    assert planned(applied)["changes"] == before


def test_a_tag_updates_what_has_tags_and_only_them(applied: Toolkit, edit: Any) -> None:
    edit(Change("a tag", COMMON, '"ml-platform-team"', '"another-team"', {}))
    changes = planned(applied)["changes"]
    assert len(changes) >= 40
    assert {item["action"] for item in changes} == {"update"}
    assert {path for item in changes for path in item["attributes"]} == {"tags.owner"}


def test_a_subnet_that_goes_is_let_go_of_before_what_it_refers_to(applied: Toolkit, edit: Any) -> None:
    """Azure deletes no security group, gateway or route table of a subnet; Terraform by itself deletes first."""
    path = applied.project / "envs" / LOCAL
    before = path.read_text(encoding="utf-8")
    more = (
        "build = { newbits = 4, netnum = 9, nat = true }\n    jump = { newbits = 4, netnum = 10, hub_firewall = true }"
    )
    subnets = f'  hub_firewall_ip = "10.0.1.4"\n  subnets = {{\n    {more}\n'
    edit(Change("subnets", LOCAL, "  subnets = {\n", subnets, {}))
    applied.ok("apply", "local", "--no-smoke")
    path.write_text(before, encoding="utf-8")
    gone = {item["address"].rpartition(".")[2] for item in planned(applied)["changes"] if item["action"] == "delete"}
    assert {"nat_gateway[0]", "public_ip[0]", "route_table[0]", 'network_security_group["build"]'} <= gone
    applied.ok("apply", "local", "--no-smoke")
    assert applied("plan", "local").code == 0
