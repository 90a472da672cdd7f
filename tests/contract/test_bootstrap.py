"""Bootstraps that end half-way, and one that would end in an account that nobody reaches.

The tests of the module share a project and run in the order in which they stand here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.contract.test_runner import Project, created
from toolkit.sandbox import client

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = copy_project(tmp_path_factory.mktemp("bootstrap"))
    try:
        yield Project(root)
    finally:
        client.stop(root)


def test_killed_at_several_points_it_is_completed_and_then_changes_nothing(project: Project) -> None:
    points: tuple[Callable[[str], bool], ...] = (
        lambda text: "terraform plan (bootstrap)" in text,
        lambda text: created(text, 1),
        lambda text: created(text, 16),
        lambda text: "moving the bootstrap's state" in text,
    )
    for reached in points:
        process = project.start_until(reached, "bootstrap", "local")
        try:
            terraform = project.terraform_pid()
        except (KeyError, TypeError):  # between two runs of Terraform
            terraform = None
        process.kill()
        process.wait()
        if terraform is not None:
            os.killpg(terraform, signal.SIGKILL)
    project.ok("bootstrap", "local")
    assert project.ok("bootstrap", "local").startswith("No changes: local is bootstrapped (")
    assert not list((project.state / "work" / "bootstrap").glob("terraform.tfstate*"))


def test_a_bootstrap_that_changes_and_fails_is_not_taken_for_done(project: Project) -> None:
    """The subnet that is to reach the state is not there, which ARM alone knows: a refusal in mid-apply."""
    variables, marker = project.root / "envs" / "local" / "terraform.tfvars", project.state / "bootstrap.json"
    before = variables.read_text()
    assert marker.is_file()
    network = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-gone/providers/Microsoft.Network"
    variables.write_text(before + f'\nstate_subnet_ids = ["{network}/virtualNetworks/vnet/subnets/runners"]\n')
    done = project.run("bootstrap", "local")
    assert done.returncode == 1
    assert "exists, and that both resources are in the same region" in done.stderr
    assert not marker.exists()
    variables.write_text(before)
    project.ok("bootstrap", "local")
    assert marker.is_file()


def without_rules(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("state_ip_rules")]
    file.write_text("\n".join(lines) + "\n")


def test_a_rehearsal_that_lets_nobody_in_fails_as_azure_would(project: Project) -> None:
    """Nobody is there to ask: the error names the address, and what writes it. Nothing else is written."""
    file = project.root / "envs" / "dev" / "env.toml"
    without_rules(file)
    before = file.read_text()
    done = project.run("bootstrap", "dev@sandbox")
    assert done.returncode == 3
    said = " ".join(done.stderr.split())
    assert "envs/dev/env.toml: nobody may reach the state account; this machine is seen from 203.0.113.10" in said
    assert 'state_ip_rules = ["203.0.113.10"], which `toolkit bootstrap dev@sandbox --allow-my-address` writes' in said
    assert file.read_text() == before
    assert not (project.root / ".toolkit" / "dev@sandbox").exists()


def test_the_addresses_of_this_machine_are_written_where_the_data_is(project: Project) -> None:
    """A way out with two addresses, each connection shows another one: a rule for one would let half of them in."""
    file = project.root / "envs" / "dev" / "env.toml"
    rotating = '\n[sandbox.vantages.internet]\naddresses = ["203.0.113.10", "203.0.113.11"]\n'
    file.write_text(file.read_text() + rotating)
    before = file.read_text().splitlines()
    project.ok("bootstrap", "dev@sandbox", "--allow-my-address")
    after = file.read_text().splitlines()
    assert [line for line in after if line not in before] == ['state_ip_rules = ["203.0.113.10", "203.0.113.11"]']
    assert [line for line in before if line not in after] == []


def test_a_rule_for_an_address_has_no_effect_from_the_accounts_region(project: Project) -> None:
    file = project.root / "envs" / "dev" / "env.toml"
    before = file.read_text()
    file.write_text(f'{before}region = "northeurope"\n')
    assert project.ok("bootstrap", "dev@sandbox").startswith("No changes: dev@sandbox is bootstrapped (")
    file.write_text(f'{before}region = "westeurope"\n')
    done = project.run("bootstrap", "dev@sandbox")
    assert done.returncode == 1
    assert "rules for addresses have no effect from the account's own region" in " ".join(done.stderr.split())
