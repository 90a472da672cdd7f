"""Apply, destroy, apply with purge protection: the vault that a destroy must keep is recovered by the next apply.

Without it the names are purged: test_local.py. The tests run in the order in which they stand here, on one project.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.e2e.conftest import Toolkit
from tests.e2e.leftovers import assert_that_nothing_is_left, connected, deleted_vaults
from tests.unit.terraform.conftest import wait_for

pytestmark = pytest.mark.e2e

ENV = "local"


def protect_the_vault(toolkit: Toolkit) -> None:
    """Purge protection in this project's `local`, and the retention that it asks for."""
    variables = toolkit.project / "envs" / ENV / "terraform.tfvars"
    protected = "key_vault = {\n  retention_days   = 90\n  purge_protection = true\n}"
    text, count = re.subn(r"key_vault = \{[^}]*\}", protected, variables.read_text())
    assert count == 1
    variables.write_text(text)


def running_terraform(toolkit: Toolkit) -> Any:
    record = toolkit.project / ".toolkit" / ENV / "lock.json"
    return json.loads(record.read_text())["terraform"]


def test_destroy_leaves_the_protected_vault_and_nothing_else(toolkit: Toolkit) -> None:
    protect_the_vault(toolkit)
    toolkit.ok("apply", ENV, "--no-smoke")
    outputs = toolkit.ok("outputs", ENV, "--json").json
    vault = outputs["key_vault_name"]
    steps = " ".join(toolkit.ok("destroy", ENV, "--json").json["steps"])
    assert f"the key vault {vault} has purge protection" in steps
    assert deleted_vaults(connected(toolkit, ENV)) == [vault]
    assert_that_nothing_is_left(toolkit, ENV, outputs["resource_group_name"])


def test_the_plan_says_that_the_vault_is_recovered(toolkit: Toolkit) -> None:
    result = toolkit("plan", ENV, "--json")
    assert result.code == 2
    steps = [step for step in result.json["steps"] if "key vault" in step]
    assert len(steps) == 1
    assert steps[0].startswith("recover the soft-deleted key vault")


@pytest.mark.slow
def test_a_recovery_that_is_killed_is_gone_on_with(toolkit: Toolkit) -> None:
    process = toolkit.start("apply", ENV, "--no-smoke")
    assert process.stdout is not None
    with process.stdout as lines:
        assert any("recovering the soft-deleted key vault" in line for line in lines)
        # The plan with the vault in it has begun: the next run waits for this Terraform, whom its record names.
        wait_for(lambda: bool(running_terraform(toolkit)), 60)
        process.kill()
    process.wait()
    assert deleted_vaults(connected(toolkit, ENV)) == []
    toolkit.ok("apply", ENV, "--no-smoke")
    assert toolkit.ok("plan", ENV).out.startswith("No changes: ")
