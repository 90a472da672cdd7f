"""Every environment on every version of azapi at hand: apply, nothing to change afterwards, destroy.

The smoke tests of each are in test_environments.py and test_local.py.
"""

from __future__ import annotations

import shutil
import time

import pytest

from tests.e2e.conftest import Toolkit
from tests.e2e.providers import MIRRORS, mirror, version

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.parametrize("environment", ["local", "dev@sandbox", "test@sandbox", "prod@sandbox"])
@pytest.mark.parametrize("which", MIRRORS)
def test_apply_and_destroy(toolkit: Toolkit, which: str, environment: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = mirror(which)
    toolkit.ok("sandbox", "reset", "--yes")
    shutil.rmtree(toolkit.project / ".toolkit" / environment, ignore_errors=True)
    started = time.monotonic()
    toolkit.ok("apply", environment, "--no-smoke", **settings)
    applied = time.monotonic()
    again = toolkit("plan", environment, "--json", **settings)
    assert again.code == 0, f"a second apply would change something: {again.out}\n{again.err}"
    planned = time.monotonic()
    toolkit.ok("destroy", environment, **settings)
    destroyed = time.monotonic()
    with capsys.disabled():
        print(
            f"\nazapi {version(toolkit, environment)} {environment}: {again.json['resources']} resources, apply "
            f"{applied - started:.0f} s, second plan {planned - applied:.0f} s, destroy {destroyed - planned:.0f} s"
        )
