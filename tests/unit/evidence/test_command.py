"""``toolkit evidence``, as a person and a pipeline use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.evidence.support import PRIVATE_KEYS, check, report, write_keys, write_run
from toolkit.cli.evidence import evidence
from toolkit.errors import ExitCode, ToolkitError, UsageError
from toolkit.evidence.signing import signing_key

FIRST, SECOND, THIRD = "20260101T000000.000000Z", "20260102T000000.000000Z", "20260103T000000.000000Z"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """An apply without smoke tests, a green run, and a red one."""
    root = tmp_path / "evidence"
    write_run(root, FIRST, {"environment": "dev", "ran": False, "green": None, "reason": "It ran with --no-smoke"})
    write_run(root, SECOND, report(check("storage-a"), check("dns-b"), check("adf-old")))
    slow = check("storage-a", duration_seconds=4.0)
    write_run(
        root, THIRD, report(slow, check("dns-b", "FAIL", reason="not private"), check("adf-new"), commit="f" * 40)
    )
    (root / "leftover").mkdir()
    return root


def run(folder: Path, *arguments: str) -> Result:
    options = {"catch_exceptions": False, "standalone_mode": False}
    return CliRunner().invoke(evidence, [*arguments, "--folder", str(folder)], **options)


def document(folder: Path, *arguments: str) -> Any:
    return json.loads(run(folder, *arguments, "--json").stdout)


def test_list(kept: Path) -> None:
    assert [line.split() for line in run(kept, "list", "dev").stdout.splitlines()] == [
        ["RUN", "VERDICT", "PASSED", "FAILED", "SKIPPED", "APPLIED", "SEAL"],
        [FIRST, "not", "tested", "-", "-", "-", "yes", "sealed"],
        [SECOND, "green", "3", "0", "0", "yes", "sealed"],
        [THIRD, "red", "2", "1", "0", "yes", "sealed"],
    ]
    assert [one["verdict"] for one in document(kept, "list", "dev")] == ["not tested", "green", "red"]


def test_list_of_nothing(tmp_path: Path) -> None:
    assert (
        run(tmp_path, "list", "dev").stdout
        == "There is no evidence of dev: toolkit apply and toolkit smoke leave it.\n"
    )
    assert document(tmp_path, "list", "dev") == []


def test_show_is_the_latest_by_default(kept: Path) -> None:
    shown = run(kept, "show", "dev").stdout
    assert shown.startswith(f"{THIRD}: red\n")
    assert "not private" in shown
    assert "statement.json" in shown
    assert document(kept, "show", "dev", "20260102")["report"]["green"] is True


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("2026", "3 runs begin with '2026'"),
        ("20260102T000000.000001Z", "there is no run"),
        ("nonsense", "there is no run 'nonsense'"),
    ],
)
def test_a_run_that_is_not_there_is_one_clear_error(kept: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(kept, "show", "dev", name)
    assert words in caught.value.message
    assert caught.value.hint


def test_there_is_no_previous_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no evidence in"):
        run(tmp_path, "show", "dev")
    write_run(tmp_path, FIRST, report())
    with pytest.raises(UsageError, match="no previous run"):
        run(tmp_path, "diff", "dev")


def test_verify_by_name_and_by_path(kept: Path, tmp_path: Path) -> None:
    assert run(kept, "verify", "dev").stdout.startswith(f"{THIRD}: 7 files are as they were sealed")
    found = document(kept, "verify", "dev", str(kept / SECOND))
    assert (found["run"], found["holds"], found["attested"], found["verified_with"]) == (SECOND, True, True, None)
    (kept / SECOND / "smoke.md").write_text("all is well")
    with pytest.raises(ToolkitError, match=f"the evidence {SECOND} was edited: smoke.md was changed"):
        run(kept, "verify", "dev", "previous")
    done = CliRunner().invoke(evidence, ["verify", "dev", SECOND, "--folder", str(kept), "--json"])
    assert isinstance(done.exception, ToolkitError)
    said = json.loads(done.stdout)
    assert (said["holds"], said["reason"]) == (False, f"the evidence {SECOND} was edited: smoke.md was changed")


def test_verify_with_a_key(kept: Path, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, PRIVATE_KEYS["EC P-256"]())
    write_run(kept, "20260104T000000.000000Z", report(), key=signing_key(str(private)))
    found = document(kept, "verify", "dev", "latest", "--key", str(public))
    assert found["verified_with"] == found["signed_by"][0]
    assert run(kept, "list", "dev").stdout.splitlines()[-1].endswith("signed")
    with pytest.raises(ToolkitError, match="is not signed"):
        run(kept, "verify", "dev", THIRD, "--key", str(public))


def test_diff(kept: Path) -> None:
    done = run(kept, "diff", "dev")
    assert done.return_value == ExitCode.CHANGES
    found = {one["what"]: (one["before"], one["after"]) for one in document(kept, "diff", "dev")["differences"]}
    assert found == {
        "verdict": ("green", "red"),
        "commit": ("0123456789abcdef0123456789abcdef01234567", "f" * 40),
        "check dns-b": ("PASS", "FAIL: not private"),
        "check adf-old": ("PASS", None),
        "check adf-new": (None, "PASS"),
        "time of storage-a": ("0.5 s", "4.0 s"),
    }
    assert "check dns-b" in done.stdout


def test_nothing_differs(kept: Path) -> None:
    done = run(kept, "diff", "dev", SECOND, SECOND)
    assert (done.return_value, done.stdout) == (ExitCode.DONE, f"Nothing differs between {SECOND} and {SECOND}.\n")


def test_without_a_folder_it_is_the_environments_own(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.environment.Environment.evidence_dir", kept)
    done = CliRunner().invoke(evidence, ["verify", "dev"], catch_exceptions=False)
    assert done.stdout.startswith(THIRD)
