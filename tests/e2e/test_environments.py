"""Every environment's data, rehearsed: apply with smoke tests, no change afterwards, destroy."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Toolkit, skipped

pytestmark = pytest.mark.e2e


# What the environment's data leaves out is nothing to check.
NO_PERIMETER = ["network-perimeter"]
NEITHER_LOCKS_NOR_KEYS = [*NO_PERIMETER, "keyvault-keys-valid", "posture-locks", "posture-customer-managed-keys"]
SLOW = pytest.mark.slow  # prod has everything that they have, and more
LEFT_OUT = {"dev": NEITHER_LOCKS_NOR_KEYS, "test": NEITHER_LOCKS_NOR_KEYS, "prod": NO_PERIMETER}


@pytest.mark.parametrize("name", [pytest.param("dev", marks=SLOW), pytest.param("test", marks=SLOW), "prod"])
def test_rehearsal(toolkit: Toolkit, name: str) -> None:
    environment = f"{name}@sandbox"
    report = toolkit.ok("apply", environment, "--json").json
    assert report["environment"] == environment
    assert report["smoke"]["summary"] == {**report["smoke"]["summary"], "failed": 0, "red": 0}
    assert skipped(report) == LEFT_OUT[name]
    assert toolkit("plan", environment).code == 0, "a second apply would change something"
    toolkit.ok("destroy", environment)
    assert not (toolkit.project / ".toolkit" / name).exists(), "a rehearsal never touches the environment's own folder"
    assert not (toolkit.project / "envs" / name / ".terraform.lock.hcl").exists(), "nor its provider lock"
