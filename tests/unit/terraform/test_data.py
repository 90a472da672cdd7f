"""``toolkit env validate``: everything that the data alone decides, with file and line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from toolkit.cli.env import env
from toolkit.environment import load_environment
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.terraform.data import check_state


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / "terraform").symlink_to(ROOT / "terraform")
    monkeypatch.setenv("TOOLKIT_PROJECT", str(tmp_path))
    return Project(tmp_path)


def copied(project: Project, name: str = "qa") -> Path:
    return Path(shutil.copytree(project.envs_dir / "dev", project.envs_dir / name))


def test_a_copy_that_points_at_the_originals_state_is_refused_on_both_sides(project: Project) -> None:
    copied(project)
    for name, other in (("qa", "dev"), ("dev", "qa"), ("qa@sandbox", "dev")):
        with pytest.raises(UsageError, match=f"are those of envs/{other}/backend.hcl"):
            check_state(load_environment(name, project))


def test_another_key_in_the_same_account_is_another_state(project: Project) -> None:
    path = copied(project) / "backend.hcl"
    path.write_text(path.read_text(encoding="utf-8").replace("platform.tfstate", "qa.tfstate"), encoding="utf-8")
    check_state(load_environment("qa", project))


def test_validate_tells_every_problem_of_every_environment(project: Project) -> None:
    copied(project)
    path = project.envs_dir / "qa" / "terraform.tfvars"
    path.write_text(path.read_text(encoding="utf-8").replace("retention_days  =", "retention_day  ="), encoding="utf-8")
    result = CliRunner().invoke(env, ["validate", "qa", "local", "--json"])
    assert isinstance(result.exception, UsageError)
    qa, local = json.loads(result.stdout)
    assert local == {"environment": "local", "valid": True, "problem": None}
    assert "envs/qa/terraform.tfvars:4: storage.retention_day is not a known key: did you mean" in qa["problem"]
    assert "envs/qa/backend.hcl: storage_account_name" in qa["problem"]
