"""``toolkit env new``: what it writes passes ``env validate``, with names that Terraform computes; or nothing stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.e2e.conftest import Toolkit
from toolkit.environment import load_environment
from toolkit.errors import ExitCode
from toolkit.project import Project
from toolkit.terraform.state import read_backend

pytestmark = pytest.mark.contract

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def toolkit(tmp_path: Path) -> Toolkit:
    return Toolkit(copy_project(tmp_path))


def test_a_new_environment_is_valid_and_its_own(toolkit: Toolkit) -> None:
    made = toolkit.ok("env", "new", "qa", "--from", "test", "--subscription", SUBSCRIPTION, "--json").json
    assert made["files"] == ["envs/qa/backend.hcl", "envs/qa/env.toml", "envs/qa/terraform.tfvars"]
    assert made["address_space"] == "10.42.16.0/20"
    backend = read_backend(load_environment("qa", Project(toolkit.project)))
    # The rule of modules/naming: sha256 of SUBSCRIPTION|mlp|qa begins with e0d91.
    assert (backend.resource_group_name, backend.storage_account_name) == ("rg-mlp-state-qa-e0d91", "sttfmlpqae0d91")
    rows = toolkit.ok("env", "diff", "test", "qa", "--json").json
    assert {row["key"]: row["values"]["qa"] for row in rows} == {
        "subscription": SUBSCRIPTION,
        "network.address_space": "10.42.16.0/20",
    }
    assert toolkit("env", "validate", "qa").code == ExitCode.DONE


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "qa", "--from", "tset"], ExitCode.USAGE, "did you mean test?"),
        (["new", "qa", "--address-space", "10.42.0.0/20"], ExitCode.USAGE, "envs/test/terraform.tfvars uses"),
        (["new", "qa", "--location", "nowhere"], ExitCode.USAGE, "no region of Azure"),
        (["new", "qa", "--subscription", "mine"], ExitCode.USAGE, "a lower-case GUID"),
        (["new", "dev"], ExitCode.USAGE, "envs/dev is there already"),
        (["rename", "dev", "qa"], ExitCode.REFUSED, "cannot be renamed"),
        (["validate", "--all", "dev"], ExitCode.USAGE, "do not go together"),
    ],
)
def test_what_cannot_be_leaves_nothing_behind(
    toolkit: Toolkit, arguments: list[str], code: ExitCode, words: str
) -> None:
    before = sorted((toolkit.project / "envs").rglob("*"))
    result = toolkit("env", *arguments)
    assert (result.code, words in result.err) == (code, True), result.err
    assert sorted((toolkit.project / "envs").rglob("*")) == before
