"""The work folder, the variables in it, and backend.hcl."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from toolkit.environment import Connection, Environment, Operator, Vantage, load_environment
from toolkit.errors import ToolkitError, UsageError
from toolkit.project import Project
from toolkit.terraform.state import read_backend
from toolkit.terraform.workspace import WorkFolder, toolkit_variables

BACKEND = """# a comment
resource_group_name  = "rg-state" # trailing
storage_account_name = "ststate"
container_name       = "tfstate"
key                  = "platform.tfstate"
use_azuread_auth     = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    for folder in ("bootstrap", "platform", "modules/network/tests", "modules/network/examples/x"):
        (root / "terraform" / folder).mkdir(parents=True)
    write(root, "terraform/platform/main.tf", 'variable "environment" {}\nvariable "workload" {}\nvariable "tags" {}\n')
    write(root, "terraform/bootstrap/main.tf", 'variable "operator_principal_id" {}\nvariable "workload" {}\n')
    write(root, "terraform/modules/network/main.tf", "# network\n")
    write(root, "terraform/modules/network/README.md", "# not copied\n")
    write(root, "terraform/modules/network/tests/a.tftest.hcl", "# not copied\n")
    write(root, "terraform/modules/network/examples/x/main.tf", "# not copied\n")
    for name in ("local", "dev"):
        source = Path(__file__).parents[3] / "envs" / name / "env.toml"
        (root / "envs" / name).mkdir(parents=True)
        write(root, f"envs/{name}/env.toml", source.read_text(encoding="utf-8"))
        write(root, f"envs/{name}/backend.hcl", BACKEND)
    write(root, "envs/common.tfvars", 'workload = "mlp"\n')
    write(root, "envs/local/terraform.tfvars", 'tags = {\n  nested = "x"\n}\n')
    return Project(root)


def write(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text, encoding="utf-8")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_copy_has_what_terraform_reads_and_nothing_stale(project: Project) -> None:
    environment = load_environment("local", project)
    folder = WorkFolder(environment, "platform")
    folder.refresh()
    assert files(environment.work_dir) == {
        "bootstrap/main.tf",
        "modules/network/main.tf",
        "platform/main.tf",
        "platform/00-common.auto.tfvars",
        "platform/10-environment.auto.tfvars",
    }
    (folder.path / ".terraform").mkdir()
    kept = folder.path / ".terraform" / "providers"
    kept.write_text("", encoding="utf-8")
    write(project.root, "terraform/platform/more.tf", "# more\n")
    (project.terraform_dir / "modules" / "network" / "main.tf").unlink()
    write(project.root, ".toolkit/local/work/platform/imports.tf", "# of a run that was killed\n")
    folder.refresh()
    assert (folder.path / "more.tf").is_file()
    assert not (environment.work_dir / "modules" / "network").exists()
    assert not (folder.path / "imports.tf").exists()
    assert kept.is_file()


def test_a_rehearsal_has_its_own_folder_and_lock_file(project: Project) -> None:
    real, rehearsal = load_environment("dev", project), load_environment("dev@sandbox", project)
    assert WorkFolder(real, "platform").path != WorkFolder(rehearsal, "platform").path
    assert WorkFolder(real, "platform").kept_lock_file == project.envs_dir / "dev" / ".terraform.lock.hcl"
    assert WorkFolder(rehearsal, "platform").kept_lock_file == project.state_dir / "dev@sandbox" / ".terraform.lock.hcl"


def test_the_fingerprint_follows_configuration_backend_and_lock_file_only(project: Project) -> None:
    folder = WorkFolder(load_environment("local", project), "platform")
    folder.refresh()
    first = folder.fingerprint("1.11")
    assert not folder.is_initialised(first)
    folder.mark_initialised(first)
    assert folder.is_initialised(folder.fingerprint("1.11"))
    folder.write_variables({"environment": "local"})
    assert folder.is_initialised(folder.fingerprint("1.11"))
    assert not folder.is_initialised(folder.fingerprint("1.12"))
    write(project.root, "terraform/modules/network/main.tf", "# changed\n")
    folder.refresh()
    assert not folder.is_initialised(folder.fingerprint("1.11"))


def test_a_root_gets_the_variables_that_it_declares(project: Project) -> None:
    environment = load_environment("local", project)
    connection = Connection(environment, {"internet": Vantage("internet", {})}, Operator("id", "Group"))
    values = toolkit_variables(connection, read_backend(environment), schema_validation=False)
    written = {}
    for root in ("bootstrap", "platform"):
        folder = WorkFolder(environment, root)
        folder.refresh()
        folder.write_variables(values)
        written[root] = json.loads((folder.path / "20-toolkit.auto.tfvars.json").read_text(encoding="utf-8"))
    assert written == {"bootstrap": {"operator_principal_id": "id"}, "platform": {"environment": "local"}}


def test_no_operator_is_never_the_caller(project: Project) -> None:
    environment = load_environment("local", project)
    connection = Connection(environment, {}, None)
    with pytest.raises(UsageError, match="names no operator"):
        toolkit_variables(connection, read_backend(environment), schema_validation=True)


def test_a_misspelt_variable_is_refused_with_its_line(project: Project) -> None:
    write(project.root, "envs/local/terraform.tfvars", '# c\ntags = {\n  worklod = "{"\n}\nworklod = "x"\n')
    with pytest.raises(UsageError, match=r"envs/local/terraform.tfvars:5: worklod") as caught:
        WorkFolder(load_environment("local", project), "platform").refresh()
    assert "did you mean workload?" in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BACKEND.replace('key                  = "platform.tfstate"\n', ""), "key missing"),
        (BACKEND + "access_key = var.x\n", "backend.hcl:7: only lines like"),
        (BACKEND.replace("= true", "= false"), "use_azuread_auth must be true"),
        (BACKEND.replace("platform.tfstate", "bootstrap.tfstate"), "must not be bootstrap.tfstate"),
    ],
)
def test_a_wrong_backend_file_is_named(project: Project, text: str, words: str) -> None:
    write(project.root, "envs/local/backend.hcl", text)
    with pytest.raises(UsageError, match=words):
        read_backend(load_environment("local", project))


def test_a_missing_backend_file_is_named(project: Project) -> None:
    (project.envs_dir / "local" / "backend.hcl").unlink()
    with pytest.raises(UsageError, match=r"envs/local/backend.hcl is missing"):
        read_backend(load_environment("local", project))


def test_backend_settings_survive_the_round_trip(project: Project) -> None:
    environment = load_environment("local", project)
    backend = read_backend(environment).with_key("bootstrap.tfstate")
    assert backend.as_hcl().splitlines()[3:] == [
        'key = "bootstrap.tfstate"',
        f'tenant_id = "{environment.tenant_id}"',
        f'subscription_id = "{environment.subscription_id}"',
        "use_azuread_auth = true",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_clear_error(project: Project) -> None:
    environment: Environment = load_environment("local", project)
    environment.state_dir.mkdir(parents=True)
    environment.state_dir.chmod(0o500)
    with pytest.raises(ToolkitError, match="the work folder: Permission denied"):
        WorkFolder(environment, "platform").refresh()


def test_a_work_folder_that_is_a_file_is_one_clear_error(project: Project) -> None:
    environment = load_environment("local", project)
    environment.state_dir.mkdir(parents=True)
    environment.work_dir.write_text("", encoding="utf-8")
    with pytest.raises(ToolkitError, match="the work folder: "):
        WorkFolder(environment, "platform").refresh()
