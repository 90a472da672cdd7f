"""Plans in the account of the states: kept and taken as CI, in the sandbox, with GitHub's OIDC tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import copy_project
from tests.contract.bootstrapped import bootstrap_outputs, bootstrapped
from toolkit.environment import Environment, connect
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.terraform.bundle import BUNDLE_FILES
from toolkit.terraform.state import read_backend
from toolkit.terraform.stored_plans import PREFIX, PlanStore, parse_reference

pytestmark = pytest.mark.contract

COMMIT = "c0ffee" * 6 + "c0ff"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with bootstrapped(copy_project(tmp_path_factory.mktemp("stored")), "prod@sandbox") as environment:
        yield environment


@pytest.fixture(scope="module")
def outputs(engineer: Environment) -> dict[str, Any]:
    return bootstrap_outputs(engineer)


def store_of(environment: Environment) -> PlanStore:
    return PlanStore(connect(environment), read_backend(environment))


@pytest.fixture(scope="module")
def ci(engineer: Environment, outputs: dict[str, Any]) -> PlanStore:
    return store_of(replace(engineer, credential="github-oidc", client_id=outputs["ci_identity"]["client_id"]))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in BUNDLE_FILES:
        (folder / name).write_bytes(f"content of {name}".encode())
    return folder


def stored(ci: PlanStore, bundle: Path, ttl: timedelta = HOUR, commit: str = COMMIT) -> str:
    name = parse_reference(ci.put(bundle, commit, ttl).reference)
    assert name
    return name


def test_a_plan_is_kept_and_taken_once(ci: PlanStore, bundle: Path, tmp_path: Path) -> None:
    name = stored(ci, bundle)
    folder = ci.take(name, COMMIT, tmp_path / "taken", "toolkit apply prod")
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == {
        one.name: one.read_bytes() for one in bundle.iterdir()
    }
    assert {one.stat().st_mode & 0o077 for one in folder.iterdir()} == {0}
    with pytest.raises(RefusedError, match=rf"{PREFIX}{name} was already used: .* by toolkit apply prod"):
        ci.take(name, COMMIT, tmp_path / "again", "toolkit apply prod")


def test_of_two_that_take_it_one_gets_it(ci: PlanStore, bundle: Path, tmp_path: Path) -> None:
    name = stored(ci, bundle)
    with ci._container() as container:
        container.upload_blob(f"{name}.used", b'{"by": "the other job", "at": "now"}')
    with pytest.raises(RefusedError, match="already used: now by the other job"):
        ci.take(name, COMMIT, tmp_path / "late", "me")
    assert not (tmp_path / "late").exists()


def test_an_expired_plan_is_refused_and_swept(ci: PlanStore, bundle: Path, tmp_path: Path) -> None:
    name = stored(ci, bundle, ttl=timedelta(minutes=1))
    later = datetime.now(UTC) + timedelta(minutes=2)
    with pytest.raises(RefusedError, match="has expired: it counted until "):
        ci.take(name, COMMIT, tmp_path / "late", "me", now=later)
    ci.put(bundle, COMMIT, HOUR, now=later)
    with pytest.raises(RefusedError, match=r"there is no plan .*it expired and was swept"):
        ci.take(name, COMMIT, tmp_path / "later", "me")


@pytest.mark.parametrize("what", ["content", "another plan's", "no archive"])
def test_an_edited_plan_is_refused(ci: PlanStore, bundle: Path, tmp_path: Path, what: str) -> None:
    name = stored(ci, bundle)
    with ci._container() as container:
        blob = container.get_blob_client(f"{name}.zip")
        content = blob.download_blob().readall()
        if what == "another plan's":
            (bundle / "plan.tfplan").write_bytes(b"other")
            content = container.download_blob(f"{stored(ci, bundle)}.zip").readall()
        elif what == "content":
            content = content.replace(b"stored.json", b"stored.jsom")
        else:
            content = b"x"
        blob.upload_blob(content, overwrite=True)
    with pytest.raises(RefusedError, match="was edited: its hash is not the one in its id"):
        ci.take(name, COMMIT, tmp_path / "edited", "me")


def test_a_plan_of_another_commit_or_environment_is_refused_and_not_used_up(
    ci: PlanStore, bundle: Path, tmp_path: Path
) -> None:
    name = stored(ci, bundle)
    with pytest.raises(RefusedError, match="was made at commit c0ffeec0ffee, this is 0123456789ab"):
        ci.take(name, "0123456789ab", tmp_path / "a", "me")
    other = replace(ci, connection=replace(ci.connection, environment=replace(ci.connection.environment, name="test")))
    with pytest.raises(RefusedError, match="was made for the environment prod@sandbox, not test"):
        other.take(name, COMMIT, tmp_path / "b", "me")
    ci.take(name, COMMIT, tmp_path / "c", "me")


def test_nobody_but_ci_reads_them(
    engineer: Environment, outputs: dict[str, Any], ci: PlanStore, bundle: Path, tmp_path: Path
) -> None:
    name = stored(ci, bundle)
    # The engineer bootstraps, and has a role on the states alone.
    with pytest.raises(ToolkitError, match="plans cannot be reached") as caught:
        store_of(engineer).take(name, COMMIT, tmp_path / "engineer", "me")
    assert "only CI's identity reads and writes stored plans" in (caught.value.hint or "")
    with pytest.raises(ToolkitError, match="plans cannot be reached"):
        store_of(engineer).put(bundle, COMMIT, HOUR)


@pytest.mark.parametrize("text", ["stored:", "stored:x", "stored:20270131T120000Z-0123", "stored:../tfstate/x"])
def test_a_reference_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="no id of a stored plan"):
        parse_reference(text)
    assert parse_reference("plan/") is None
