"""Leases and Terraform on one list of rules, with the real command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.conftest import Toolkit

HERE = "203.0.113.10"  # of the vantage internet
OWN = "203.0.113.9"  # of the environment's data, and before HERE in the order of rules
LATER = "198.51.100.9"


def rules(toolkit: Toolkit) -> dict[str, Any]:
    """The addresses in each target's rules, those of leases marked."""
    found: dict[str, Any] = toolkit.ok("firewall", "status", "local", "--json").json["rules"]
    return {
        name: [rule["address"] + (" (a lease)" if rule["lease"] else "") for rule in each]
        for name, each in found.items()
    }


def no_changes(toolkit: Toolkit) -> None:
    plan = toolkit("plan", "local", "--json")
    assert plan.code == 0, f"{plan.out}\n{plan.err}"
    assert plan.json["drift"] == []


@contextmanager
def data(toolkit: Toolkit, **rules_of: list[str]) -> Iterator[None]:
    """The environment's data name these rules of storage, and its vault is open to the rules that it has."""
    folder = toolkit.project / "envs" / "local"
    before = {path: path.read_text(encoding="utf-8") for path in (folder / "terraform.tfvars", folder / "env.toml")}
    variables, settings = before.values()
    lines = "".join(f"  {name} = {each!r}\n".replace("'", '"') for name, each in rules_of.items())
    (folder / "terraform.tfvars").write_text(
        variables.replace("storage = {\n", "storage = {\n" + lines), encoding="utf-8"
    )
    opened = settings.replace('key_vault                  = "Disabled"', 'key_vault                  = "Enabled"')
    assert opened != settings
    (folder / "env.toml").write_text(opened, encoding="utf-8")
    try:
        yield
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")


def check_an_apply_in_the_middle(toolkit: Toolkit) -> None:
    """An open lease is no drift, stays where it is in an apply, and leaves nothing behind: opened and closed between
    a plan that is saved and its apply, too."""
    outputs = toolkit.ok("outputs", "local", "--format", "json").json
    account, lake, vault = (outputs[f"{one}_name"] for one in ("storage_account", "lake_storage_account", "key_vault"))
    before, bundle = rules(toolkit), str(toolkit.project / "bundle")
    every = ("--target", "storage", "--target", "lake")
    with data(toolkit, ip_rules=[OWN], lake_ip_rules=[LATER]):
        assert toolkit("plan", "local", "--out", bundle).code == 2
        lease = toolkit.ok("firewall", "open", "local", *every).out.strip()
        changed = toolkit.ok("apply", "local", "--plan", bundle, "--no-smoke", "--json")
        assert "leases were opened or closed since the plan was made" in changed.err
        written = {change["address"] for change in changed.json["changes"] if change["action"] == "update"}
        assert {f"module.{one}.azapi_resource.this" for one in ("storage", "lake", "key_vault")} <= written
        assert rules(toolkit)[account] == [f"{HERE} (a lease)", OWN]
        assert rules(toolkit)[lake] == [LATER, f"{HERE} (a lease)"]
        assert toolkit.ok("firewall", "open", "local", *every, "--target", "vault").out.strip() == lease
        assert rules(toolkit)[vault] == [f"{HERE} (a lease)"]
        no_changes(toolkit)
        toolkit.ok("firewall", "close", "local", lease)
        assert rules(toolkit) == {**before, account: [OWN], lake: [LATER]}
        no_changes(toolkit)


def check_a_lease_of_a_command(toolkit: Toolkit) -> None:
    """From outside, the pointer is read with a lease of the command's own, and not without."""
    show = ("assets", "show", "local", "training-code", "--as", "ci", "--json")
    before = toolkit.ok("firewall", "status", "local", "--json").json
    outside = toolkit(*show, "--vantage", "internet")
    assert outside.code == 1
    assert "network rules refuse this address" in outside.err
    shown = toolkit.ok(*show, "--firewall-lease")
    assert shown.json["version"] == "1"
    assert f"is open for {HERE}" in shown.err
    assert toolkit.ok("firewall", "status", "local", "--json").json == before
    assert toolkit(*show, "--vantage", "internet").code == 1
    assert toolkit(*show, "--vantage", "vnet", "--firewall-lease").code == 3


KINDS = ("storage", "lake", "pointers", "functions", "vault", "registry", "workspace", "batch", "state")


@contextmanager
def open_to_rules(toolkit: Toolkit) -> Iterator[None]:
    """Every service that has rules for addresses obeys them, and lets OWN in where the data can say so."""
    folder = toolkit.project / "envs" / "local"
    before = {path: path.read_text(encoding="utf-8") for path in (folder / "terraform.tfvars", folder / "env.toml")}
    variables, settings = before.values()
    own = f'["{OWN}"]'
    said = {
        "storage = {": f"  ip_rules = {own}\n  lake_ip_rules = {own}\n  pointer_ip_rules = {own}",
        "key_vault = {": f"  ip_rules = {own}",
        "machine_learning = {": f"  ip_allowlist = {own}",
        "batch = {": f'  public_network_access = "Enabled"\n  ip_rules = {own}',
    }
    for block, lines in said.items():
        assert variables.count(f"\n{block}\n") == 1, block
        variables = variables.replace(f"\n{block}\n", f"\n{block}\n{lines}\n")
    for service in ("key_vault", "container_registry", "machine_learning_workspace"):
        settings = re.sub(rf'^({service} *= )"Disabled"', r'\1"Enabled"', settings, flags=re.MULTILINE)
    (folder / "terraform.tfvars").write_text(variables, encoding="utf-8")
    (folder / "env.toml").write_text(settings, encoding="utf-8")
    try:
        yield
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")


@contextmanager
def another_tag(toolkit: Toolkit) -> Iterator[None]:
    """Which changes every resource that has tags."""
    path = toolkit.project / "envs" / "common.tfvars"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("tags = {\n", 'tags = {\n  changed = "all"\n'), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def check_each_kind(toolkit: Toolkit) -> None:
    """A lease on all of them stays through an apply that writes all of them, and is gone afterwards."""
    with open_to_rules(toolkit):
        toolkit.ok("apply", "local", "--no-smoke", "--firewall-lease")
        before = rules(toolkit)
        every = [word for one in KINDS for word in ("--target", one)]
        lease = toolkit.ok("firewall", "open", "local", *every).out.strip()
        during = rules(toolkit)
        held = [name for name, each in during.items() if f"{HERE} (a lease)" in each]
        assert len(held) == len(KINDS), during
        no_changes(toolkit)
        with another_tag(toolkit):
            changed = toolkit.ok("apply", "local", "--no-smoke", "--json").json
            types = {change["resource_type"] for change in changed["changes"] if change["action"] == "update"}
            assert types >= {
                "Microsoft.Storage/storageAccounts",
                "Microsoft.KeyVault/vaults",
                "Microsoft.ContainerRegistry/registries",
                "Microsoft.MachineLearningServices/workspaces",
                "Microsoft.Batch/batchAccounts",
            }
            assert rules(toolkit) == during
            no_changes(toolkit)
            toolkit.ok("firewall", "close", "local", lease)
            assert rules(toolkit) == before
            assert toolkit("plan", "local", "--firewall-lease").code == 0
