from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.toolchain.machine import bare_path, environment, fake_tool
from toolkit.cli.doctor import doctor
from toolkit.errors import UsageError
from toolkit.toolchain.report import Finding, toolchain_report


def by_tool(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.tool: finding for finding in findings}


def test_the_report_names_what_is_here_what_was_refused_and_what_would_come(tmp_path: Path) -> None:
    terraform = fake_tool(tmp_path / "tools", "terraform", "Terraform v1.11.4\non linux_amd64")
    old = fake_tool(tmp_path / "tools", "node", "v18.0.0")
    cache = tmp_path / "cache"
    environ = environment(f"{terraform.parent}:{bare_path(tmp_path / 'bin')}", cache)

    found = by_tool(toolchain_report(environ))

    assert list(found) == ["python", "terraform", "azapi", "node", "azurite", "go"]
    assert found["terraform"] == Finding("terraform", "found", "1.11.4", str(terraform), "on PATH, 1.11 or newer")
    assert found["azapi"].state == "missing"
    assert "registry" in found["azapi"].why
    assert found["azurite"].why == "will be installed from npm, version 3.35.0"
    assert found["node"].refused == (f"{old} is 18.0.0, older than 20.0",)
    assert not cache.exists()  # it only looked


def test_a_mirror_without_the_provider_is_wrong(tmp_path: Path) -> None:
    terraform = fake_tool(tmp_path / "tools", "terraform", "Terraform v1.11.4\non linux_amd64")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    environ = environment(str(terraform.parent), tmp_path / "cache", TOOLKIT_PROVIDER_MIRROR=str(mirror))
    finding = by_tool(toolchain_report(environ))["azapi"]
    assert finding.state == "wrong"
    assert "terraform providers mirror -platform=linux_amd64" in finding.why


def test_the_command_fails_when_a_tool_that_was_named_does_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = fake_tool(tmp_path / "tools", "tf", "Terraform v1.5.7\non linux_amd64")
    monkeypatch.setenv("TOOLKIT_TERRAFORM", str(named))
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))

    result = CliRunner(catch_exceptions=False).invoke(doctor, ["--toolchain", "--json"], standalone_mode=False)

    assert result.return_value == 1
    terraform = {entry["tool"]: entry for entry in json.loads(result.stdout)}["terraform"]
    assert terraform["state"] == "wrong"
    assert terraform["why"].startswith(f"TOOLKIT_TERRAFORM names {named}, which is Terraform 1.5.7")


def test_an_opentofu_that_is_named_and_not_here_is_wrong_and_says_how_to_get_it(tmp_path: Path) -> None:
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache", TOOLKIT_TERRAFORM="tofu")
    found = by_tool(toolchain_report(environ))
    assert (found["opentofu"].state, "terraform" in found) == ("wrong", False)
    assert "TOOLKIT_TERRAFORM=tofu toolkit doctor --toolchain --install" in found["opentofu"].why
    assert not (tmp_path / "cache").exists()


def test_an_opentofu_that_is_named_is_shown_with_the_reason(tmp_path: Path) -> None:
    tofu = fake_tool(tmp_path / "tools", "tofu", "OpenTofu v1.12.6-dev\non linux_amd64")
    environ = environment(
        f"{tofu.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache", TOOLKIT_TERRAFORM=str(tofu)
    )
    finding = by_tool(toolchain_report(environ))["opentofu"]
    assert finding == Finding("opentofu", "found", "1.12.6", str(tofu), "TOOLKIT_TERRAFORM names it")


def test_the_command_says_what_it_can_check() -> None:
    with pytest.raises(UsageError, match="say what to check"):
        CliRunner(catch_exceptions=False).invoke(doctor, [], standalone_mode=False)


def test_a_wrong_choice_stops_an_installation_before_it_begins(tmp_path: Path) -> None:
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache", TOOLKIT_TERRAFORM=str(tmp_path / "none"))
    with pytest.raises(UsageError, match="which does not run as Terraform or OpenTofu"):
        toolchain_report(environ, install=True)
    assert not (tmp_path / "cache").exists()
