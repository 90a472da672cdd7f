"""Whose state it is, and which plan is refused: the real engines move states in tests/e2e/test_engines.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.terraform.conftest import Seen
from toolkit.environment import Connection, Operator, Vantage, load_environment
from toolkit.errors import RefusedError
from toolkit.project import Project
from toolkit.terraform.bundle import check_engine
from toolkit.terraform.lock import EnvironmentLock
from toolkit.terraform.session import Session
from toolkit.terraform.state import Backend, StateDeniedError, StateStore
from toolkit.terraform.state_engine import check_writer, writer_of
from toolkit.toolchain.engines import OPENTOFU, TERRAFORM, Engine
from toolkit.toolchain.provider import Provider
from toolkit.toolchain.tool import Tool

ROOT = Path(__file__).parents[3]
BUILTIN = 'provider["terraform.io/builtin/terraform"]'
OURS = 'module.network.provider["{}/azure/azapi"]'


def state(version: str, *registries: str) -> dict[str, Any]:
    providers = [BUILTIN, *(OURS.format(registry) for registry in registries)]
    return {
        "version": 4,
        "terraform_version": version,
        "resources": [{"mode": "managed", "provider": provider} for provider in providers],
    }


def session(engine: Engine, seen: Seen, tmp_path: Path, version: str = "1.12.6") -> Session:
    environment = load_environment("local", Project(ROOT))
    connection = Connection(environment, {"internet": Vantage("internet", {})}, Operator("id", "Group"))
    return Session(
        connection,
        seen,
        EnvironmentLock(tmp_path / "lock", {}),
        Tool(engine.name, ("/opt/engine",), version, "a test names it"),
        Provider("1.15.0", None, False, "none"),
        Backend("rg", "st", "tfstate", "platform.tfstate", "t", "s"),
    )


@pytest.mark.parametrize(
    ("registries", "engine"),
    [
        ((), None),
        (("registry.terraform.io",), TERRAFORM),
        (("registry.opentofu.org", "registry.opentofu.org"), OPENTOFU),
        # An apply of OpenTofu on Terraform's state, cut off half-way.
        (("registry.terraform.io", "registry.opentofu.org"), OPENTOFU),
    ],
)
def test_a_state_says_its_engine_by_the_registry_of_its_providers(
    registries: tuple[str, ...], engine: Engine | None
) -> None:
    assert writer_of(state("1.12.6", *registries)).engine is engine


@pytest.mark.parametrize(("here", "there"), [(TERRAFORM, OPENTOFU), (OPENTOFU, TERRAFORM)])
def test_a_state_of_the_other_engine_is_refused_with_both_ways_out(
    here: Engine, there: Engine, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateStore, "download", lambda self: json.dumps(state("1.12.6", there.registry)).encode())
    one = session(here, seen, tmp_path)
    with pytest.raises(RefusedError, match=rf"was written by {there.title} 1\.12\.6, and this is {here.title}") as told:
        check_writer(one, "platform")
    assert "a test names it" in told.value.message
    assert f"TOOLKIT_TERRAFORM={there.program}" in str(told.value.hint)
    assert "toolkit env switch-engine local" in str(told.value.hint)
    one.switching = True
    check_writer(one, "platform")


@pytest.mark.parametrize(("version", "noted"), [("1.15.5", True), ("1.11.9", False), ("1.10.0", False), ("", False)])
def test_a_newer_release_of_the_same_engine_is_said_and_left_to_it(
    version: str, noted: bool, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateStore, "download", lambda self: json.dumps(state(version, TERRAFORM.registry)).encode())
    check_writer(session(TERRAFORM, seen, tmp_path, "1.11.4"), "bootstrap")
    assert ([f"Terraform {version}, and this is 1.11.4" in note for note in seen.notes] == [True]) is noted


@pytest.mark.parametrize("content", [b"not json", b"[]", None])
def test_a_state_that_cannot_be_read_is_left_to_terraform(
    content: bytes | None, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(self: StateStore) -> bytes:
        if content is None:
            raise StateDeniedError("not-found", "no state", hint="none")
        return content

    monkeypatch.setattr(StateStore, "download", download)
    check_writer(session(TERRAFORM, seen, tmp_path), "platform")
    assert seen.notes == []


def test_each_engine_pins_its_providers_in_a_file_of_its_own(seen: Seen, tmp_path: Path) -> None:
    kept = [session(engine, seen, tmp_path).folder("platform").kept_lock_file for engine in (TERRAFORM, OPENTOFU)]
    assert [path.name for path in kept] == [".terraform.lock.hcl", ".opentofu.lock.hcl"]
    assert session(OPENTOFU, seen, tmp_path).folder("platform").lock_file.name == ".terraform.lock.hcl"


@pytest.mark.parametrize(
    ("made", "here", "program"),
    [("OpenTofu", TERRAFORM, "tofu"), ("Terraform", OPENTOFU, "terraform"), (None, OPENTOFU, "terraform")],
)
def test_a_plan_of_one_engine_is_not_applied_with_the_other(
    made: str | None, here: Engine, program: str, seen: Seen, tmp_path: Path
) -> None:
    metadata = {"versions": {"terraform": "1.12.6", **({"engine": made} if made else {})}}
    with pytest.raises(RefusedError, match=rf"was made with {made or 'Terraform'} 1\.12\.6, but this is") as told:
        check_engine(session(here, seen, tmp_path), tmp_path / "plan", metadata)
    assert f"TOOLKIT_TERRAFORM={program}" in str(told.value.hint)


def test_a_plan_is_applied_with_the_engine_that_made_it(seen: Seen, tmp_path: Path) -> None:
    for engine in (TERRAFORM, OPENTOFU):
        check_engine(
            session(engine, seen, tmp_path), tmp_path, {"versions": {"terraform": "1.0.0", "engine": engine.title}}
        )
