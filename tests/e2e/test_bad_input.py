"""Each way of going wrong is one clear error with what to do, and a documented exit code."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Toolkit
from tests.e2e.strange_shell import STRANGE

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("verb", ["plan", "apply", "smoke", "destroy", "outputs", "bootstrap"])
def test_unknown_environment(toolkit: Toolkit, verb: str) -> None:
    result = toolkit(verb, "locl")
    assert result.code == 3
    assert "unknown environment 'locl'" in result.err
    assert "did you mean local?" in result.err
    assert result.out == ""


def test_broken_environment_file(toolkit: Toolkit) -> None:
    path = toolkit.project / "envs" / "test" / "env.toml"
    path.write_text(path.read_text().replace('"azure"', '"cloud"'))
    result = toolkit("plan", "test")
    assert result.code == 3
    assert "envs/test/env.toml:2: target 'cloud' is not allowed: one of sandbox, azure" in result.err


def test_production_without_credentials(toolkit: Toolkit) -> None:
    result = toolkit(
        "plan", "prod", HOME=str(toolkit.project), AZURE_CONFIG_DIR=str(toolkit.project / "none"), PATH="/usr/bin:/bin"
    )
    assert result.code == 1
    assert "not signed in: the credential of prod (azure-cli) gives no token" in result.err
    assert "hint: az login --tenant" in result.err


def test_a_shell_pointed_at_the_sandbox_cannot_reach_azure(toolkit: Toolkit) -> None:
    result = toolkit("plan", "prod", SSL_CERT_FILE=str(toolkit.project / ".toolkit" / "sandbox" / "ca.pem"))
    assert result.code == 3
    assert "names the sandbox's certificate authority" in result.err


def test_a_sandbox_environment_works_in_a_strange_shell(toolkit: Toolkit) -> None:
    """From nothing: the sandbox starts, the bootstrap is applied and the platform planned."""
    result = toolkit("plan", "local", **STRANGE)
    assert result.code == 2, result.err
    told = " ".join(result.err.split())
    assert "not used, although this shell sets it: TF_CLI_ARGS, TF_CLI_ARGS_init" in told
    assert "nonsense" not in told


def test_variables_in_the_shell_are_refused(toolkit: Toolkit) -> None:
    result = toolkit("plan", "local", TF_VAR_key_vault="{}")
    assert result.code == 3
    assert "TF_VAR_key_vault would set variables that only the files of envs/ set" in " ".join(result.err.split())


def test_azure_names_each_variable_of_the_shell_that_contradicts_the_data(toolkit: Toolkit) -> None:
    result = toolkit("plan", "prod", **STRANGE)
    assert result.code == 3
    told = " ".join(result.err.split())
    for name in ("ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID", "ARM_ACCESS_KEY", "ARM_ENVIRONMENT"):
        assert f"{name} is set in this shell" in told


# What Azure would refuse in the middle of an apply: edits of envs/local/terraform.tfvars that are planned at once, and
# what the plan says to each of them.
MISTAKES: dict[str, dict[tuple[str, str], str]] = {
    "first": {
        (
            '  lake_containers = ["raw", "curated"]',
            '  lake_containers = ["raw", "curated"]\n  ip_rules = ["10.0.0.7"]',
        ): "Name that one, or use a private endpoint",
        ("    cpu-cluster = {", "    cpu-1 = {"): "cpu-cluster, not cpu-1",
        ("batch             = { newbits = 4", "batch             = { newbits = 9"): "lower its newbits",
    },
    "second": {
        (
            '  lake_containers = ["raw", "curated"]',
            '  lake_containers = ["raw", "curated"]\n  ip_rules = ["203.0.113.7/32"]',
        ): "write the addresses themselves, without a suffix",
        (
            'isolation_mode       = "AllowInternetOutbound"',
            'isolation_mode = "AllowOnlyApprovedOutbound"\n  outbound_fqdns = { pypi = "pypi.org" }',
        ): "set accept_firewall_cost = true, or remove outbound_fqdns",
        ("batch             = { newbits = 4, netnum = 2", "batch             = { newbits = 4, netnum = 3"): (
            "Subnets overlap: batch and functions"
        ),
    },
    "third": {
        (
            "  purge_protection = false",
            "  purge_protection = true",
        ): "turn it off, or keep deleted vaults for 30 to 90 days",
        (
            "batch             = { newbits = 4, netnum = 2, nat = false",
            'batch = { newbits = 4, netnum = 2, service_endpoints = ["Microsoft.Storage.Global"]',
        ): "out of service_endpoints",
    },
    "fourth": {
        ("  zone_redundancy         = false", '  sku = "Basic"'): 'need sku = "Premium"',
    },
}


@pytest.mark.parametrize("mistakes", MISTAKES.values(), ids=MISTAKES)
def test_what_azure_would_refuse_is_refused_by_the_plan_with_the_fix(
    toolkit: Toolkit, mistakes: dict[tuple[str, str], str]
) -> None:
    path = toolkit.project / "envs" / "local" / "terraform.tfvars"
    before = text = path.read_text(encoding="utf-8")
    for old, new in mistakes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    try:
        result = toolkit("plan", "local")
    finally:
        path.write_text(before, encoding="utf-8")
    assert result.code == 1
    told = " ".join(result.err.split())
    assert [fix for fix in mistakes.values() if fix not in told] == [], result.err


def test_a_missing_required_tag_says_where_it_belongs(toolkit: Toolkit) -> None:
    path = toolkit.project / "envs" / "common.tfvars"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("cost-center =", "costcenter ="), encoding="utf-8")
    try:
        result = toolkit("plan", "local")
    finally:
        path.write_text(before, encoding="utf-8")
    assert result.code == 1
    assert "add cost-center to tags in envs/common.tfvars" in " ".join(result.err.split())
