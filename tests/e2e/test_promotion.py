"""``toolkit promote``: what one rehearsal proved is applied to another, and refused while a piece is missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Toolkit
from toolkit.errors import ExitCode
from toolkit.files import try_lock

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FROM, TO = "dev@sandbox", "test@sandbox"


def git(toolkit: Toolkit, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", str(toolkit.project), *who, *arguments], check=True, capture_output=True)


def refused(toolkit: Toolkit, words: str) -> None:
    result = toolkit("promote", FROM, TO)
    assert (result.code, words in result.err) == (ExitCode.REFUSED, True), result.err
    assert not (toolkit.project / ".toolkit" / TO / "plans").exists(), "nothing is planned before the proof is there"


def test_what_was_proven_is_promoted(toolkit: Toolkit) -> None:
    refused(toolkit, "no git checkout")
    (toolkit.project / ".gitignore").write_text(".toolkit/\n")
    git(toolkit, "init")
    git(toolkit, "add", ".")
    git(toolkit, "commit", "-m", "first")
    refused(toolkit, f"there is no evidence of {FROM}")
    evidence = Path(toolkit.ok("apply", FROM, "--json").json["evidence"])

    report = evidence / "smoke.json"
    whole = report.read_bytes()
    report.write_bytes(whole.replace(b'"PASS"', b'"pass"', 1))
    refused(toolkit, "smoke.json was changed")
    report.write_bytes(whole)

    other = try_lock(toolkit.project / ".toolkit" / TO / "lock")
    assert other is not None
    with other:
        refused(toolkit, f"{TO} is in use by")

    document = toolkit.ok("promote", FROM, TO, "--json").json
    assert document["smoke"]["green"] is True
    kept = json.loads((Path(document["evidence"]) / "promotion.json").read_text())
    assert kept == document["promotion"]
    assert (kept["from"], kept["to"], kept["proof"]["run"]) == (FROM, TO, evidence.name)
    assert (kept["approval"]["who"], kept["approval"]["how"]) == (None, "rehearsal")
    assert "env.toml: subscription" in kept["differences"]
    toolkit.ok("evidence", "verify", TO)
