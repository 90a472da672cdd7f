"""What is missing for a promotion is named; green, sealed, young evidence of the very commit lets it through."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import copy_project
from toolkit.environment import Environment, load_environment
from toolkit.errors import RefusedError, UsageError
from toolkit.evidence.seal import seal
from toolkit.project import Project
from toolkit.runs.promotion import current_commit, differences, proof_of, record, refuse_pair, who_started

COMMIT, OTHER = "a" * 40, "b" * 40
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(copy_project(tmp_path_factory.mktemp("promotion")))


@pytest.fixture(scope="module")
def dev(project: Project) -> Environment:
    return load_environment("dev@sandbox", project)


def run(folder: Path, *, day: int = 0, sealed: bool = True, **facts: Any) -> Path:
    """A run ``day`` days before NOW."""
    when = NOW - timedelta(days=day)
    made = folder / when.strftime("%Y%m%dT%H%M%S.%fZ")
    made.mkdir(parents=True)
    report = {"environment": "dev@sandbox", "started_at": when.isoformat(), "ran": True, "green": True}
    report |= {"commit": COMMIT, "subscription": "s (sandbox)", "versions": {"toolkit": "1"}, "checks": []}
    report |= {"run_id": "9d0aa5c6-0f3f-4b8c-9d4e-0d2f5f1c7a11", "duration_seconds": 1.0}
    report |= {"summary": {"passed": 3, "failed": 0, "skipped": 0, "red": 0}, **facts}
    (made / "smoke.json").write_text(json.dumps(report))
    if sealed:
        seal(made, [])
    return made


def proof(dev: Environment, folder: Path) -> Any:
    return proof_of(dev, COMMIT, folder, WEEK, now=NOW)


def test_green_evidence_of_the_commit_is_proof(dev: Environment, tmp_path: Path) -> None:
    run(tmp_path, day=3, green=False)
    run(tmp_path, day=2)
    run(tmp_path, day=1, commit=OTHER, green=False)
    found = proof(dev, tmp_path)
    assert (found.environment, found.commit, found.passed) == ("dev@sandbox", COMMIT, 3)
    assert found.run.startswith("20261125T")


def edited(folder: Path) -> None:
    made = run(folder, green=False)
    report = made / "smoke.json"
    report.write_text(report.read_text().replace('"green": false', '"green": true'))


# What is there, and what the refusal says of it.
MISSING: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nothing": (lambda _: None, "no tests of dev@sandbox are kept"),
    "another commit": (lambda f: run(f, commit=OTHER), "were of bbbbbbbbbbbb"),
    "a tree that differed": (lambda f: run(f, commit=COMMIT + "+"), "aaaaaaaaaaaa with changes"),
    "another environment": (lambda f: run(f, environment="test@sandbox"), "there is no evidence of dev@sandbox"),
    "no tests": (lambda f: run(f, ran=False, green=None), "there is no evidence of dev@sandbox"),
    "red": (lambda f: run(f, green=False), "are red"),
    "red since": (lambda f: (run(f, day=2), run(f, day=1, green=False)), "are red"),
    "old": (lambda f: run(f, day=8), "8.0 days old, more than the 7"),
    "from the future": (lambda f: run(f, day=-1), "from the future"),
    "edited": (edited, "smoke.json was changed"),
    "interrupted": (lambda f: run(f, sealed=False), "was never sealed"),
}


@pytest.mark.parametrize("what", MISSING)
def test_the_missing_piece_is_named(dev: Environment, tmp_path: Path, what: str) -> None:
    make, words = MISSING[what]
    make(tmp_path)
    with pytest.raises(RefusedError, match="nothing was promoted: ") as caught:
        proof(dev, tmp_path)
    assert words in caught.value.message
    assert caught.value.hint


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def test_only_a_commit_is_promoted(tmp_path: Path) -> None:
    copy_project(tmp_path)
    environment = load_environment("dev@sandbox", Project(tmp_path))
    git(tmp_path, "init")
    with pytest.raises(RefusedError, match="no git checkout with a commit"):
        current_commit(environment)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    assert len(current_commit(environment)) == 40
    with (tmp_path / "envs" / "common.tfvars").open("a") as file:
        file.write("# more\n")
    with pytest.raises(RefusedError, match="differ from the commit"):
        current_commit(environment)


@pytest.mark.parametrize(("source", "target"), [("dev", "dev"), ("dev", "dev@sandbox"), ("local", "local@sandbox")])
def test_an_environment_follows_another_one(project: Project, source: str, target: str) -> None:
    with pytest.raises(UsageError):
        refuse_pair(load_environment(source, project), load_environment(target, project))


def test_a_rehearsal_may_be_followed_by_what_it_rehearses(project: Project) -> None:
    refuse_pair(load_environment("dev@sandbox", project), load_environment("dev", project))


def test_the_record_says_what_was_promoted(dev: Environment, project: Project, tmp_path: Path) -> None:
    run(tmp_path)
    test = load_environment("test@sandbox", project)
    document = record(proof(dev, tmp_path), test, differences(dev, test), None)
    assert (document["from"], document["to"], document["commit"]) == ("dev@sandbox", "test@sandbox", COMMIT)
    assert "terraform.tfvars: storage.sku" in document["differences"]
    assert len(document["proof"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("variables", "who"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "first", "GITHUB_TRIGGERING_ACTOR": "again"}, "again"),
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "first"}, "first"),
        ({"TF_BUILD": "True", "BUILD_REQUESTEDFOR": "Somebody"}, "Somebody"),
        ({"GITHUB_ACTOR": "left over"}, None),
    ],
)
def test_a_job_knows_who_started_it(variables: dict[str, str], who: str | None) -> None:
    assert who_started(variables) == who
