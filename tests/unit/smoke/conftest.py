"""Nobody signs in here: the connections of these tests lead nowhere."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.smoke.run.sign_in", lambda run: "")
    monkeypatch.setattr("toolkit.smoke.run.applied", lambda run: None)
    monkeypatch.setattr("toolkit.smoke.run.lost", lambda run: None)
    monkeypatch.setattr("toolkit.smoke.run.circumstances", lambda connection, token: {})
    monkeypatch.setattr("toolkit.smoke.run.standing", lambda connection, outputs: {})
