"""Being signed in is checked before anything is touched, and each way of not being so has its own words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import SandboxForTests
from toolkit.azure.login import check_login
from toolkit.environment import Vantage
from toolkit.errors import ToolkitError, UsageError

pytestmark = pytest.mark.contract

SOMEWHERE_ELSE = "99999999-0000-4000-8000-000000000000"


def test_the_engineer_is_signed_in(sandbox: SandboxForTests) -> None:
    check_login(sandbox.connection)


def test_a_subscription_that_is_not_there(sandbox: SandboxForTests) -> None:
    environment = replace(sandbox.connection.environment, subscription_id=SOMEWHERE_ELSE)
    with pytest.raises(UsageError) as caught:
        check_login(replace(sandbox.connection, environment=environment))
    assert f"does not see subscription {SOMEWHERE_ELSE} (404 SubscriptionNotFound)" in caught.value.message
    assert "envs/local/env.toml" in (caught.value.hint or "")


def test_a_wrong_secret(sandbox: SandboxForTests) -> None:
    settings = {**sandbox.connection.credential_settings, "AZURE_CLIENT_SECRET": "not-the-secret-4711"}
    with pytest.raises(ToolkitError) as caught:
        check_login(replace(sandbox.connection, credential_settings=settings))
    assert caught.value.message.startswith("not signed in: the credential of local (client-secret) gives no token")
    assert "AADSTS7000215" in caught.value.message
    assert "4711" not in caught.value.message + str(caught.value.hint)


def test_nobody_answers(sandbox: SandboxForTests) -> None:
    closed = Vantage("internet", {"HTTPS_PROXY": "http://127.0.0.1:9", "REQUESTS_CA_BUNDLE": sandbox.ca})
    with pytest.raises(ToolkitError, match="Entra ID cannot be reached") as caught:
        check_login(replace(sandbox.connection, vantages={**sandbox.connection.vantages, "internet": closed}))
    assert "HTTPS_PROXY" in (caught.value.hint or "")
