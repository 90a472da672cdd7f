"""The command's own part: what it shows without a platform, how it watches, and when it exits with what."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest

from tests.unit.smoke.test_report import RESULT
from toolkit.checks.model import RunResult
from toolkit.cli import smoke as command
from toolkit.cli.main import main
from toolkit.cli.terminal import Terminal
from toolkit.cli.verdict import proven

GREEN = dataclasses.replace(RESULT, results=RESULT.results[:1])


WARNED = dataclasses.replace(
    RESULT, results=(RESULT.results[0], next(one for one in RESULT.results if not one.red and one.outcome == "FAIL"))
)


def watched(
    monkeypatch: pytest.MonkeyPatch, runs: list[RunResult], deadline: timedelta, allowed: bool = False
) -> tuple[RunResult, float]:
    """What watching ends with, and for how long it paused."""
    slept: list[float] = []

    class Time:
        sleep = staticmethod(slept.append)
        monotonic = staticmethod(lambda: sum(slept))

    monkeypatch.setattr(command, "time", Time)
    return command._watch(lambda: runs.pop(0) if len(runs) > 1 else runs[0], Terminal(), deadline, allowed), sum(slept)


def test_watching_ends_with_the_first_green_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    result, paused = watched(monkeypatch, [RESULT, RESULT, GREEN, RESULT], timedelta(minutes=10))
    assert (result, paused) == (GREEN, 5 + 8)
    assert "again in 5 s, until all is green (storage-b, storage-c, keyvault-b)" in capfd.readouterr().err


def test_watching_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    result, paused = watched(monkeypatch, [RESULT], timedelta(minutes=1))
    assert (result, paused) == (RESULT, pytest.approx(60))
    assert "not green within 0:01:00" in capfd.readouterr().err


def test_watching_goes_on_for_a_warning_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, [WARNED, GREEN], timedelta(minutes=1)) == (GREEN, 5)
    assert watched(monkeypatch, [WARNED, GREEN], timedelta(minutes=1), allowed=True) == (WARNED, 0)


def test_a_failed_warning_exits_1_and_says_how_to_allow_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert not proven(Terminal(), WARNED, allowed=False)
    assert "failed with storage-c: mend it, or say --allow-warnings" in capfd.readouterr().err
    assert proven(Terminal(), WARNED, allowed=True)
    assert proven(Terminal(), GREEN, allowed=False)
    assert not proven(Terminal(), RESULT, allowed=True)
    assert capfd.readouterr().err == ""


def test_a_check_is_explained_without_touching_anything(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "dev", "--explain", "storage-shared-key-denied", "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert said["expectation"] == "denial"
    assert "dns-storage-private" in said["depends"]
    assert "allowSharedKeyAccess must be false" in said["fix"]
    assert said["controls"][0].startswith("MCSB IM-1: ")
    assert main(["smoke", "dev", "--explain", "storage-shared-key"]) == 3
    assert "did you mean storage-shared-key-denied?" in capfd.readouterr().err


def test_the_list_shows_what_would_run(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "dev", "--list", "--only", "keyvault", "--skip", "denial", "--json"]) == 0
    assert [one["check"] for one in json.loads(capfd.readouterr().out)] == [
        "keyvault-vnet-list",
        "keyvault-keys-valid",
        "keyvault-exact",
    ]
