"""``--collect``: all that a colleague needs, and no secret, wherever one was planted."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.evidence.support import check, report, write_run
from tests.unit.smoke.support import connection
from tests.unit.test_masking import PLANTED
from toolkit.environment import Environment
from toolkit.evidence.bundle import collect
from toolkit.evidence.seal import verify

RUN = "20260101T000000.000000Z"
SENT = [{"method": "PUT", "url": "https://st.blob/smoke/x", "status": 403, "code": "AuthorizationFailure", "times": 3}]
RED = report(
    check("storage-vnet-write", "FAIL", reason="was refused", hint="link the zone", requests=SENT), check("dns-storage")
)


def unpacked(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name.partition("/")[2]: file.read().decode() for name, file in members.items() if file is not None}


@pytest.fixture
def environment() -> Environment:
    return connection().environment


def test_what_is_in_it(tmp_path: Path, environment: Environment) -> None:
    folder = write_run(tmp_path, RUN, RED, sealed=False)
    path = collect(folder, environment, {"GET /subscriptions/x": {"properties": {"a": 1}}})
    files = unpacked(path)
    assert {
        "smoke.json",
        "plan.json",
        "outputs.json",
        "resources.json",
        "machine.json",
        "requests.txt",
        "failed.txt",
    } <= (set(files))
    assert {"environment/env.toml", "environment/terraform.tfvars"} <= set(files)
    assert files["requests.txt"] == (
        "storage-vnet-write (writer at vnet): PUT https://st.blob/smoke/x -> 403 AuthorizationFailure x3\n"
    )
    assert "storage-vnet-write FAIL: was refused\n  hint: link the zone" in files["failed.txt"]
    assert json.loads(files["resources.json"]) == {"GET /subscriptions/x": {"properties": {"a": 1}}}
    assert json.loads(files["smoke.json"]) == RED
    assert "python" in json.loads(files["machine.json"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_under_the_seal(tmp_path: Path, environment: Environment) -> None:
    from toolkit.evidence.seal import seal

    folder = write_run(tmp_path, RUN, RED, sealed=False)
    collect(folder, environment, {})
    seal(folder, [])
    assert "collected.tar.gz" in verify(folder).files


PLACES = ("reason", "hint", "evidence", "url", "output", "body", "body name", "circumstance")


def planted(place: str, secret: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The report, the outputs and the resources, with ``secret`` in one place."""
    sent = [{**SENT[0], "url": secret}] if place == "url" else SENT
    changes = {"reason": secret} if place == "reason" else {"hint": secret} if place == "hint" else {}
    one = check("a-b", "FAIL", requests=sent, evidence={"x": [{"y": secret}]} if place == "evidence" else {}, **changes)
    document = report(one, **({"acted as": secret} if place == "circumstance" else {}))
    body = {secret: 1} if place == "body name" else {"properties": {"list": [secret]}} if place == "body" else {}
    return document, {"x": {"y": secret}} if place == "output" else {}, {"GET /x": body}


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from(sorted(PLANTED)), before=st.text("ab ,;()\n", max_size=9), after=st.text("ab ,;\n", max_size=9)
)
def test_no_planted_secret_is_in_it(
    tmp_path_factory: pytest.TempPathFactory, environment: Environment, place: str, text: str, before: str, after: str
) -> None:
    document, outputs, bodies = planted(place, f"{before} {text} {after}")
    folder = write_run(tmp_path_factory.mktemp("run"), RUN, document, sealed=False)
    (folder / "outputs.json").write_text(json.dumps(outputs))
    files = unpacked(collect(folder, environment, bodies))
    assert [name for name, content in files.items() if PLANTED[text] in content.replace("\\/", "/")] == []


def test_what_this_process_was_given_is_not_in_it_whatever_it_looks_like(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "plain-looking-word")
    document = report(check("a-b", "FAIL", reason="said plain-looking-word and another-plain-word"))
    folder = write_run(tmp_path, RUN, document, sealed=False)
    path = collect(
        folder, environment, {"GET /x": {"a": "plain-looking-word"}}, {"ARM_CLIENT_SECRET": "another-plain-word"}
    )
    assert [name for name, text in unpacked(path).items() if "plain-looking" in text or "another-plain" in text] == []
