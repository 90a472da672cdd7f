"""What evidence says of who acted, on what and from where: ids, no names, nothing secret."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.smoke.support import connection
from toolkit.evidence import circumstances, open_evidence

CI = (
    *("GITHUB_RUN_ID", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"),
    *("BUILD_BUILDID", "SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT"),
)


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CI:
        monkeypatch.delenv(name, raising=False)


def token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.secret-signature"


@pytest.mark.parametrize(
    ("held", "who"),
    [
        (token(oid="o-1", appid="a-1", idtyp="app"), "application a-1 (object id o-1), "),
        (token(oid="o-2", azp="a-2"), "application a-2 (object id o-2), "),
        (token(oid="o-3", appid="a-3", upn="ann@contoso.com"), "a person (object id o-3), "),
        (token(oid="o-4", appid="a-4", idtyp="user"), "a person (object id o-4), "),
        ("opaque", "somebody unknown, "),
        (token(), "somebody unknown, "),
    ],
)
def test_who_acted_is_said_by_id(held: str, who: str) -> None:
    said = circumstances(connection("vnet", "internet"), held)
    assert said["acted as"] == f"{who}signed in with azure-cli"
    assert said["acted from"] == "vnet; checks also from internet"
    assert said["subscription"] == "de000000-0000-4000-8000-000000000002 (azure)"
    assert said["commit"]
    assert "ann@" not in str(said)
    assert "secret-signature" not in str(said)
    assert "job" not in said


@pytest.mark.parametrize(
    ("variables", "job"),
    [
        ({"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "o/r"}, "https://github.com/o/r/actions/runs/7"),
        (
            {"BUILD_BUILDID": "9", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/o/", "SYSTEM_TEAMPROJECT": "p"},
            "https://dev.azure.com/o/p/_build/results?buildId=9",
        ),
    ],
)
def test_the_job_is_named(variables: dict[str, str], job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert circumstances(connection(), token(oid="o"))["job"] == job


def test_a_run_without_smoke_tests_says_so_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("toolkit.evidence.origin._token", lambda connection: token(oid="o-1", appid="a-1"))
    monkeypatch.setattr("toolkit.environment.Environment.evidence_dir", tmp_path)
    place = connection()
    folder = open_evidence(place.environment)
    folder.write_unproven(place, "Destroy", "What was destroyed: 3 to delete")
    document = json.loads((folder.folder / "smoke.json").read_text(encoding="utf-8"))
    words = (folder.folder / "smoke.md").read_text(encoding="utf-8")
    assert (document["ran"], document["green"], document["environment"]) == (False, None, "dev")
    assert words.startswith(
        "## ⚠️ Destroy of dev: no smoke tests ran\n\nWhat was destroyed: 3 to delete. Nothing was proven.\n"
    )
    for name in ("time", "commit", "subscription", "acted as", "acted from"):
        assert f"* {name}: {document[name]}\n" in words
