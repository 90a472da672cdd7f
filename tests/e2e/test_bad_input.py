"""Each way of going wrong is one clear error with what to do, and a documented exit code."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Toolkit

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
