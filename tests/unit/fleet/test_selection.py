"""Which environments: names, all, what a change affects, and what comes before what."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import copy_project
from toolkit.environment import load_environment
from toolkit.errors import UsageError
from toolkit.fleet.affected import Changes, affected, changes_since
from toolkit.fleet.selection import select, waves
from toolkit.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(copy_project(tmp_path / "project"))


def depends(project: Project, name: str, *on: str) -> None:
    path = project.envs_dir / name / "env.toml"
    text = path.read_text(encoding="utf-8")
    said = ", ".join(f'"{one}"' for one in on)
    line = f"depends_on = [{said}]\n"
    path.write_text(
        text.replace("\n[public_network_access]", f"\n{line}\n[public_network_access]", 1), encoding="utf-8"
    )


def names(project: Project, *wanted: str, **options: object) -> list[str]:
    return [one.name for one in select(project, wanted, **options).chosen]  # type: ignore[arg-type]


def test_names_stand_as_they_were_given_each_once(project: Project) -> None:
    assert names(project, "test", "dev", "test") == ["test", "dev"]
    assert names(project, "local", "local@sandbox") == ["local"], "one sandbox environment by two names"
    assert names(project, every=True, rehearsals=True) == ["dev@sandbox", "local", "prod@sandbox", "test@sandbox"]


def test_every_wrong_name_is_told_at_once(project: Project) -> None:
    with pytest.raises(UsageError) as error:
        select(project, ["dev", "tset", "prdo"])
    assert "nothing was begun" in error.value.message
    assert "'tset' (did you mean test?" in error.value.message
    assert "'prdo' (did you mean prod?" in error.value.message


def test_what_comes_first_stands_first(project: Project) -> None:
    depends(project, "dev", "prod")
    depends(project, "prod", "test")
    assert names(project, "dev", "prod", "test") == ["test", "prod", "dev"]
    assert names(project, "dev", "test", rehearsals=True) == ["dev@sandbox", "test@sandbox"], "only a chosen one counts"
    chosen = select(project, ["dev", "prod"], rehearsals=True)
    assert {one.name: chosen.before(one) for one in chosen.chosen} == {
        "prod@sandbox": (),
        "dev@sandbox": ("prod@sandbox",),
    }
    assert waves(select(project, (), every=True).chosen) == {"test": 0, "prod": 1, "dev": 2, "local": 0}


WRONG = [
    (("tset",), r"envs/dev/env\.toml:\d+: depends_on names 'tset', which is no environment", "did you mean test?"),
    (("prod@sandbox",), r"depends_on names 'prod@sandbox', which is no environment", "as they are called"),
    (("dev",), r"depends_on goes in a circle: dev -> dev", "take one of them out"),
    (("prod",), r"depends_on goes in a circle: dev -> prod -> test -> dev", "take one of them out"),
]


@pytest.mark.parametrize(("on", "said", "hint"), WRONG, ids=[str(on) for on, _, _ in WRONG])
def test_a_wrong_dependency_is_one_error_of_its_file(
    project: Project, on: tuple[str, ...], said: str, hint: str
) -> None:
    depends(project, "dev", *on)
    depends(project, "prod", "test")
    depends(project, "test", "dev")
    with pytest.raises(UsageError, match=said) as error:
        load_environment("dev", project)
    assert error.value.hint
    assert hint in error.value.hint


def test_a_list_is_wanted(project: Project) -> None:
    path = project.envs_dir / "dev" / "env.toml"
    path.write_text('depends_on = "prod"\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"env\.toml:1: depends_on 'prod' is not allowed: a list of environments"):
        load_environment("dev", project)


ALL = {"dev", "local", "prod", "test"}
PATHS = [
    ("envs/dev/terraform.tfvars", {"dev"}),
    ("envs/dev/.terraform.lock.hcl", {"dev"}),
    ("envs/dev/policies/own.rego", {"dev"}),
    ("envs/dev/NOTES.md", set()),
    ("envs/gone/env.toml", set()),
    ("envs/common.tfvars", ALL),
    ("envs/README.md", set()),
    ("terraform/platform/main.tf", ALL),
    ("terraform/modules/naming/tests/naming.tftest.hcl", set()),
    ("terraform/modules/naming/README.md", set()),
    ("toolkit/cli/plan.py", ALL),
    ("policies/tags.rego", ALL),
    ("constraints.txt", ALL),
    ("docs/cli.md", set()),
    ("tests/unit/test_files.py", set()),
    ("toolkit-notes.txt", set()),
]


@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[path for path, _ in PATHS])
def test_which_environments_a_file_affects(project: Project, path: str, expected: set[str]) -> None:
    assert affected(project, Changes("main", (path,))).keys() == expected


def test_a_hub_takes_its_spokes_along(project: Project) -> None:
    depends(project, "dev", "prod")
    depends(project, "test", "dev")
    found = affected(project, Changes("main", ("envs/prod/env.toml",)))
    assert found == {"prod": "envs/prod/env.toml", "dev": "depends on prod", "test": "depends on dev"}


def git(project: Project, *arguments: str) -> None:
    settings = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *arguments], cwd=project.root, check=True, capture_output=True)


@pytest.fixture
def repository(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("GITHUB_BASE_REF", "SYSTEM_PULLREQUEST_TARGETBRANCH"):
        monkeypatch.delenv(name, raising=False)
    git(project, "init", "-q", "-b", "main")
    (project.root / ".gitignore").write_text(".toolkit/\n", encoding="utf-8")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "first")
    git(project, "checkout", "-q", "-b", "work")
    return project


def test_git_says_what_differs_committed_uncommitted_new_and_moved(repository: Project) -> None:
    root = repository.root
    assert changes_since(repository).paths == ()
    (root / "envs/dev/ärger.txt").write_text("new\n", encoding="utf-8")
    git(repository, "mv", "envs/test/terraform.tfvars", "envs/local/other.txt")
    git(repository, "commit", "-q", "-m", "moved")
    (root / "envs/prod/env.toml").write_text("# changed\n", encoding="utf-8")
    git(repository, "checkout", "-q", "main", "--", "envs/test/terraform.tfvars")
    git(repository, "rm", "-q", "--cached", "envs/test/terraform.tfvars")
    git(repository, "branch", "-q", "side", "main")
    changes = changes_since(repository)
    assert changes.base == "main"
    assert changes.paths == (
        "envs/dev/ärger.txt",
        "envs/local/other.txt",
        "envs/prod/env.toml",
        "envs/test/terraform.tfvars",
    )


def test_what_the_base_has_since_affects_nobody(repository: Project) -> None:
    git(repository, "checkout", "-q", "main")
    (repository.root / "envs/prod/env.toml").write_text("# theirs\n", encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "theirs")
    git(repository, "checkout", "-q", "work")
    assert changes_since(repository, "main").paths == ()


def test_what_is_left_out_is_said(repository: Project) -> None:
    (repository.root / "envs/dev/terraform.tfvars").write_text("# x\n", encoding="utf-8")
    selection = select(repository, ["dev", "test"], changes=changes_since(repository, "main"))
    assert [one.name for one in selection.chosen] == ["dev"]
    assert selection.left_out == {"test": "not affected since main"}


def test_without_git_a_base_or_history_there_is_one_clear_error(project: Project, repository: Project) -> None:
    with pytest.raises(UsageError, match="git knows no nowhere") as error:
        changes_since(repository, "nowhere")
    assert error.value.hint
    assert "fetch-depth: 0" in error.value.hint
    with pytest.raises(UsageError, match="is no commit, branch or tag"):
        changes_since(repository, "--output=x")
    git(repository, "checkout", "-q", "--orphan", "alone")
    git(repository, "commit", "-q", "-m", "alone")
    with pytest.raises(UsageError, match="main and HEAD have no common history here"):
        changes_since(repository, "main")


def test_outside_git_the_way_out_is_named(project: Project) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        changes_since(project)
