"""What the documentation says is what the code has."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel

from docs.generate.__main__ import main
from docs.generate.rbac import matrix, role_names, scope_names
from docs.generate.readmes import module_readmes
from tests.conftest import ROOT
from toolkit.cli.main import COMMANDS
from toolkit.environment.file import read_file
from toolkit.errors import ToolkitError
from toolkit.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One module with a README that has no tables yet."""
    module = tmp_path / "terraform" / "modules" / "thing"
    module.mkdir(parents=True)
    (module / "README.md").write_text("# Thing\n\nBy hand.\n\n<!-- BEGIN_TF_DOCS -->\n<!-- END_TF_DOCS -->\nBelow.\n")
    (module / "main.tf").write_text(
        'resource "azapi_resource" "this" {\n  type = "Microsoft.X/things@2024-01-01"\n  for_each = var.names\n}\n'
        'data "azapi_client_config" "me" {}\n'
        'module "part" {\n  source = "./modules/part"\n}\n'
    )
    (module / "variables.tf").write_text(
        'variable "names" {\n  description = <<-EOT\n    First | or\n    second.\n  EOT\n'
        "  type = map(object({\n    size = optional(number)\n  }))\n  default = null\n}\n"
        'variable "id" {\n  description = "The id."\n  type = string\n}\n'
    )
    (module / "outputs.tf").write_text('output "id" {\n  description = "Its id."\n  value = 1\n}\n')
    return Project(tmp_path)


GENERATED = """\
# Thing

By hand.

<!-- BEGIN_TF_DOCS -->
## What it makes

| resource | type |
|---|---|
| `azapi_resource.this` | `Microsoft.X/things@2024-01-01` |
| `data.azapi_client_config.me` |  |
| `module.part` | `./modules/part` |

## Inputs

| name | type | default | description |
|---|---|---|---|
| `names` | `map(object({size = optional(number)}))` | `null` | First \\| or second. |
| `id` | `string` | required | The id. |

## Outputs

| name | description |
|---|---|
| `id` | Its id. |

<!-- END_TF_DOCS -->
Below.
"""


def test_tables_are_written_between_the_markers_and_the_rest_is_kept(project: Project) -> None:
    assert main(["readmes"], project) == 0
    assert (project.terraform_dir / "modules" / "thing" / "README.md").read_text() == GENERATED
    assert main(["--check", "readmes"], project) == 0


def test_check_shows_what_is_stale_and_changes_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    main(["readmes"], project)
    outputs = project.terraform_dir / "modules" / "thing" / "outputs.tf"
    outputs.write_text(outputs.read_text().replace("Its id.", "Another."))
    capsys.readouterr()
    assert main(["--check", "readmes"], project) == 1
    said = capsys.readouterr()
    assert "-| `id` | Its id. |\n+| `id` | Another. |" in said.out
    assert said.err == "1 stale: python -m docs.generate readmes\n"
    assert (project.terraform_dir / "modules" / "thing" / "README.md").read_text() == GENERATED


def test_a_module_without_readme_or_markers_is_told(project: Project) -> None:
    readme = project.terraform_dir / "modules" / "thing" / "README.md"
    readme.write_text("# Thing\n")
    with pytest.raises(ToolkitError, match=r"terraform/modules/thing/README.md has no place for its tables"):
        module_readmes(project)
    readme.unlink()
    with pytest.raises(ToolkitError, match=r"terraform/modules/thing/README.md is missing"):
        module_readmes(project)


def test_unknown_part(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["readme"])
    assert "choose from readmes, errors, variables, adf-lint, guard, rbac" in capsys.readouterr().err


def test_scopes_are_named_after_outputs() -> None:
    vault = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/KV"
    endpoint = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe"
    assert scope_names(
        {"key_vault_id": vault, "subscription_id": "s", "private_endpoints": {"blob": {"id": endpoint}}}
    ) == {vault.lower(): "key vault", endpoint.lower(): "private endpoint `blob`"}


VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
ROLE = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/1"
SCOPES = {"/subscriptions/s/resourcegroups/rg": "resource group", VAULT.lower(): "key vault"}


def rows(**changes: str) -> list[str]:
    row = {"principal_id": "p", "scope": VAULT, "role": "Reader", "why": "it reads", **changes}
    return matrix({"x": row}, {"p": "CI"}, SCOPES, role_names({"custom_roles": {"approver": ROLE}})).splitlines()[2:]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({}, "| CI | key vault | Reader | it reads |"),
        ({"scope": f"{VAULT}/secrets/one"}, "| CI | key vault, secret `one` | Reader | it reads |"),
        ({"scope": "/subscriptions/s/resourceGroups/rg"}, "| CI | resource group | Reader | it reads |"),
        ({"role": ROLE}, "| CI | key vault | custom role `approver` | it reads |"),
    ],
)
def test_a_row_of_the_matrix(changes: dict[str, str], row: str) -> None:
    assert rows(**changes) == [row]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"principal_id": "q"}, "no output names the identity of x: q"),
        ({"scope": VAULT.replace("kv", "other")}, "no output names the scope of x: .*/other"),
        ({"role": ROLE.replace("1", "2")}, "no output names the role of x: .*/2"),
    ],
)
def test_what_no_output_names_is_refused(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ToolkitError, match=problem):
        rows(**changes)


def test_the_page_on_environments_has_every_key_of_env_toml_and_no_other(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    model: type[BaseModel] = type(read_file(tmp_path / "envs" / "dev" / "env.toml", Project(tmp_path)))
    page = (ROOT / "docs" / "environments.md").read_text(encoding="utf-8")
    section = page.partition("## env.toml")[2].partition("\nOne credential choice")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {
        name.strip("[]")
        for cell in first_cells
        for code in re.findall(r"`([^`]+)`", cell)
        for name in [code.split()[0]]
    }
    assert documented == set(model.model_fields)


def test_the_page_on_commands_has_every_command() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert {name for name in COMMANDS if f"`toolkit {name}" not in page} == set()
