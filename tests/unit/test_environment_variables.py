"""The variable files: every key at every depth is one that terraform/*/variables*.tf declare."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolkit.environment import load_environment
from toolkit.environment.types import Type, declared, parse
from toolkit.environment.variables import unknown_keys
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.terraform.workspace import ROOTS, check_variables

VARIABLES = [variable for root in ROOTS for variable in declared(ROOT / "terraform", root)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / "terraform").symlink_to(ROOT / "terraform")
    return Project(tmp_path)


def problems(project: Project, text: str) -> list[str]:
    (project.envs_dir / "local" / "terraform.tfvars").write_text(text, encoding="utf-8")
    return unknown_keys(load_environment("local", project), VARIABLES)


def keys(name: str, constraint: Type) -> Iterator[tuple[str, str]]:
    """Each place where an object is expected: its key, and a file in which that object has one key too many."""

    def inside(key: str, constraint: Type, before: str, after: str) -> Iterator[tuple[str, str]]:
        if constraint.kind == "object":
            yield key, f"{before}{{ unheard_of = 1 }}{after}"
            for attribute, inner in constraint.attributes.items():
                yield from inside(f"{key}.{attribute}", inner, f"{before}{{ {attribute} = ", f" }}{after}")
        elif constraint.element is not None:
            opening, step, closing = ("{ each = ", "each", " }") if constraint.kind == "map" else ("[", "0", "]")
            yield from inside(f"{key}.{step}", constraint.element, before + opening, closing + after)

    yield from inside(name, constraint, f"{name} = ", "")


OBJECTS = [row for variable in VARIABLES for row in keys(variable.name, variable.type)]


def test_there_are_objects_at_several_depths() -> None:
    assert len(OBJECTS) >= 30
    assert max(key.count(".") for key, _ in OBJECTS) >= 2


@pytest.mark.parametrize(("key", "text"), OBJECTS, ids=[key for key, _ in OBJECTS])
def test_an_unknown_key_of_each_object_is_told_with_its_line(project: Project, key: str, text: str) -> None:
    found = problems(project, f"# a comment\n\n{text}\n")
    assert [p for p in found if p.startswith(f"envs/local/terraform.tfvars:3: {key}.unheard_of is not a known key")]


def test_the_nearest_key_is_named(project: Project) -> None:
    path = project.envs_dir / "local" / "terraform.tfvars"
    text = path.read_text(encoding="utf-8").replace("retention_days  = 7\n  containers", "ip_rule = []\n  containers")
    assert problems(project, text) == [
        "envs/local/terraform.tfvars:4: storage.ip_rule is not a known key: did you mean ip_rules?",
        "envs/local/terraform.tfvars:2: storage.retention_days is missing",
    ]


@pytest.mark.parametrize("name", ["local", "dev", "test", "prod"])
def test_the_committed_files_are_good(project: Project, name: str) -> None:
    check_variables(load_environment(name, project))


def test_comments_strings_heredocs_and_quoted_keys(project: Project) -> None:
    text = (
        '/* storge = 1\n */ # storge = 1\ntags = { "cost-center" = "a { b = 1 }", text = "x" }\n'
        "name_overrides = { key_vault = <<-EOT\n    storge = 1\n  EOT\n}\n"
        'key_vault = { "retention_days" : 7, "ip_rule" = 1,\n'
        "purge_protection = true }\n"
    )
    assert problems(project, text) == [
        "envs/local/terraform.tfvars:8: key_vault.ip_rule is not a known key: did you mean ip_rules?"
    ]


@pytest.mark.parametrize(
    "path", ["local/terraform.tfvars.json", "local/more.auto.tfvars", "more.tfvars", "local/x.auto.tfvars.json"]
)
def test_a_variable_file_that_nothing_reads_is_refused(project: Project, path: str) -> None:
    (project.envs_dir / path).write_text("{}")
    with pytest.raises(UsageError, match=f"envs/{path} is read by nothing"):
        check_variables(load_environment("local", project))


@pytest.mark.parametrize("file", ["common.tfvars", "local/terraform.tfvars", "local/env.toml", "local/backend.hcl"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_one_clear_error(project: Project, file: str, encoding: str) -> None:
    from toolkit.terraform.state import read_backend

    path = project.envs_dir / file
    path.write_text("# Größe\n" + path.read_text(encoding="utf-8"), encoding=encoding)

    def read() -> None:
        environment = load_environment("local", project)
        read_backend(environment)
        check_variables(environment)

    with pytest.raises(UsageError, match=f"envs/{file}(:1: not UTF-8| is saved as UTF-)") as caught:
        read()
    assert "save it as UTF-8 without a byte-order mark" in str(caught.value.hint)


def test_text_outside_ascii_is_told_as_it_was_written(project: Project) -> None:
    assert problems(project, 'tags = { "größe" = "ü" }\nmonitoring = { "größe" = 1 }\n')[0].startswith(
        "envs/local/terraform.tfvars:2: monitoring.größe is not a known key"
    )


def test_types_are_read_as_a_tree() -> None:
    b = 'optional(map(object({c = list(number)})), {x = "})("})'
    tree = parse(f"${{object({{a = string, b = {b}, d = tuple([bool])}})}}")
    assert list(tree.attributes) == ["a", "b", "d"]
    assert tree.attributes["b"].optional
    assert not tree.attributes["a"].optional
    assert tree.attributes["b"].element is not None
    assert tree.attributes["b"].element.attributes["c"].element == Type("number")
