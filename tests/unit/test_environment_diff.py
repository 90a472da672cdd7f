"""``toolkit env diff``: every key of env.toml and the variable files, with two values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from toolkit.cli.env import env
from toolkit.environment import load_environment
from toolkit.environment.diff import NOT_SET, compare, environment_keys, variable_keys
from toolkit.environment.file import read_file
from toolkit.errors import UsageError
from toolkit.project import Project

ENV_TOML = """\
target       = "azure"
tenant       = "11111111-1111-4111-8111-111111111111"
subscription = "22222222-2222-4222-8222-222222222222"
location     = "westeurope"
vantages     = ["vnet"]
"""

VARIABLES = """
variable "workload" { type = string }
variable "tags" { type = map(string) }
variable "empty" { type = map(string) }
variable "monitoring" {
  type = object({
    daily_quota_gb = optional(number, -1)
    emails         = optional(list(string), [])
    action         = optional(string)
  })
  default = {}
}
variable "batch" {
  type    = object({ vm_size = string, max_nodes = optional(number, 4) })
  default = null
}
variable "retention" {
  type    = object({ days = number })
  default = { days = 30 }
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for root in ("bootstrap", "platform"):
        (tmp_path / "terraform" / root).mkdir(parents=True)
    (tmp_path / "terraform" / "platform" / "variables.tf").write_text(VARIABLES)
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "common.tfvars").write_text(
        'workload = "mlp"\ntags = { product = "ml", owner = "data" }\n# shared\nempty = {}\n'
    )
    files = {
        "dev": (ENV_TOML, 'tags = { product = "dev" }\nmonitoring = { daily_quota_gb = 1 }\n'),
        "prod": (
            ENV_TOML.replace("westeurope", "northeurope") + '[smoke]\nallowed_skips = ["dns"]\n',
            'monitoring = { daily_quota_gb = -1, emails = ["a@example.org", "b@example.org"] }\n',
        ),
    }
    for name, (toml, tfvars) in files.items():
        (tmp_path / "envs" / name).mkdir()
        (tmp_path / "envs" / name / "env.toml").write_text(toml)
        (tmp_path / "envs" / name / "terraform.tfvars").write_text(tfvars)
    monkeypatch.setenv("TOOLKIT_PROJECT", str(tmp_path))
    return Project(tmp_path)


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(env, ["diff", *arguments], catch_exceptions=False)


def test_the_whole_table(project: Project) -> None:
    result = diff("dev", "prod")
    assert result.exit_code == 0
    assert result.stdout == (
        "KEY                        DEV           PROD\n"
        "location                   westeurope    northeurope\n"
        "smoke.allowed_skips        empty         dns\n"
        "monitoring.daily_quota_gb  1             -1\n"
        "monitoring.emails          default ([])  a@example.org, b@example.org\n"
        "tags.owner                 not set       data\n"
        "tags.product               dev           ml\n"
    )


def test_a_variable_of_the_environment_replaces_the_common_one_as_a_whole(project: Project) -> None:
    assert variable_keys(load_environment("dev", project)) == {
        "workload": "mlp",
        "tags.product": "dev",
        "empty": {},
        "monitoring.daily_quota_gb": 1,
    }


def test_all_shows_what_is_the_same_too(project: Project) -> None:
    rows = diff("dev", "prod", "--all").stdout.splitlines()
    assert len(rows) > len(diff("dev", "prod").stdout.splitlines())
    assert [row.split() for row in rows if row.startswith(("workload", "empty"))] == [
        ["empty", "empty", "empty"],
        ["workload", "mlp", "mlp"],
    ]


def test_json_leaves_out_what_is_not_set(project: Project) -> None:
    rows: list[dict[str, Any]] = json.loads(diff("dev", "prod", "--json").stdout)
    assert rows[0] == {
        "file": "env.toml",
        "key": "location",
        "values": {"dev": "westeurope", "prod": "northeurope"},
    }
    owner = {"file": "terraform.tfvars", "key": "tags.owner", "values": {"prod": "data"}, "unset": {"dev": "not set"}}
    assert owner in rows


@pytest.mark.parametrize(
    ("given", "key", "said"),
    [
        ("batch = null", "batch", "off"),
        ("batch = null", "batch.vm_size", "off"),
        ("", "batch.vm_size", "off"),  # its default is null
        ('batch = { vm_size = "x" }', "batch.max_nodes", "default (4)"),
        ("monitoring = {}", "monitoring.emails", "default ([])"),
        ("monitoring = {}", "monitoring.action", "not set"),
        ("", "monitoring.daily_quota_gb", "default (-1)"),
        ("", "retention.days", "default (30)"),
        ("", "tags.owner", "not set"),
        ("monitoring = { emails = [] }", "monitoring.emails", "empty"),
        ("monitoring = { action = false }", "monitoring.action", "off"),
        ("monitoring = { action = true }", "monitoring.action", "on"),
    ],
)
def test_off_default_empty_and_not_set_are_told_apart(project: Project, given: str, key: str, said: str) -> None:
    everything = (
        'tags = { owner = "o" }\nretention = { days = 1 }\nbatch = { vm_size = "y", max_nodes = 1 }\n'
        'monitoring = { daily_quota_gb = 1, emails = ["e"], action = "a" }\n'
    )
    (project.root / "envs" / "common.tfvars").write_text("")
    (project.root / "envs" / "dev" / "terraform.tfvars").write_text(f"{given}\n")
    (project.root / "envs" / "prod" / "terraform.tfvars").write_text(
        everything if key != "batch" else 'batch = { vm_size = "x" }\n'
    )
    rows = [line.split("  ") for line in diff("dev", "prod", "--all").stdout.splitlines()]
    [found] = [[cell.strip() for cell in row if cell.strip()] for row in rows if row[0] == key]
    assert found[1] == said


def test_a_rehearsal_differs_in_what_the_sandbox_replaces(project: Project) -> None:
    rows = compare(load_environment("prod", project), load_environment("prod@sandbox", project))
    assert {row.key for row in rows if row.differs} == {"target", "credential", "vantages"}


def test_an_environment_does_not_differ_from_itself(project: Project) -> None:
    assert diff("dev", "dev").stdout == "dev and dev do not differ\n"


def test_an_environment_without_variables(project: Project) -> None:
    (project.envs_dir / "dev" / "terraform.tfvars").unlink()
    rows = compare(load_environment("dev", project), load_environment("prod", project))
    assert [row.a for row in rows if row.key == "monitoring.daily_quota_gb"] == [NOT_SET]


def test_a_broken_variable_file_names_file_and_line(project: Project) -> None:
    (project.envs_dir / "dev" / "terraform.tfvars").write_text('a = "b"\nc = = 1\n')
    with pytest.raises(UsageError, match=r"^envs/dev/terraform.tfvars:2: not valid HCL$"):
        variable_keys(load_environment("dev", project))


@pytest.mark.parametrize("text", ["größe = 1", "tags = { größe = 1 }", "tags = {\n größe = 1\n}", "a = größe"])
def test_a_name_outside_ascii_says_that_it_needs_quotes(text: str, project: Project) -> None:
    (project.envs_dir / "dev" / "terraform.tfvars").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"^envs/dev/terraform.tfvars:\d: größe is a name with letters") as error:
        variable_keys(load_environment("dev", project))
    assert error.value.hint is not None
    assert error.value.hint.startswith('write "größe" = ')


def test_a_quoted_key_outside_ascii_is_taken(project: Project) -> None:
    (project.envs_dir / "dev" / "terraform.tfvars").write_text('tags = { "größe" = "x" }', encoding="utf-8")
    assert "tags.größe" in {
        row.key for row in compare(load_environment("dev", project), load_environment("prod", project))
    }


def test_unknown_environment(project: Project) -> None:
    with pytest.raises(UsageError, match="unknown environment 'prd'") as caught:
        diff("dev", "prd")
    assert "did you mean prod?" in str(caught.value.hint)


def test_every_key_of_the_file_is_compared(project: Project) -> None:
    model = type(read_file(project.envs_dir / "dev" / "env.toml", project))
    compared = {key.split(".")[0] for key in environment_keys(load_environment("dev", project))}
    assert compared == set(model.model_fields)
