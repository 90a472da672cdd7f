"""The example in every module's README is planned as it stands, among stubs of the modules that it mentions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from docs.generate.readmes import Module, module_folders
from tests.conftest import ROOT
from toolkit.toolchain.provider import after_init, resolve_provider
from toolkit.toolchain.terraform import ensure_terraform

pytestmark = pytest.mark.contract

SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-mlp-dev"
PROVIDERS = f"{GROUP}/providers"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/stmlpdev"
WORKSPACE = f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/mlw-mlp-dev"

VARIABLES = {
    "resource_group_id": GROUP,
    "subscription_id": SUBSCRIPTION.rpartition("/")[2],
    "tenant_id": "00000000-0000-4000-8000-000000000002",
}

# module -> output -> what it has given once that module is applied.
STUBS: dict[str, dict[str, Any]] = {
    "ci": {"principal_id": "00000000-0000-4000-8000-000000000003"},
    "container_registry": {"id": f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/crmlpdev"},
    "data_factory": {
        "id": f"{PROVIDERS}/Microsoft.DataFactory/factories/adf-mlp-dev",
        "integration_runtime_name": "ir-managed-vnet",
    },
    "identity": {
        "id": f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/id-mlp-dev",
        "client_id": "00000000-0000-4000-8000-000000000004",
    },
    "key_vault": {"id": f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv-mlpdev"},
    "machine_learning_workspace": {
        "id": WORKSPACE,
        "compute_ids": {"cpu-cluster": f"{WORKSPACE}/computes/cpu-cluster"},
    },
    "monitoring": {
        "action_group_id": f"{PROVIDERS}/Microsoft.Insights/actionGroups/ag-mlp",
        "application_insights_id": f"{PROVIDERS}/Microsoft.Insights/components/appi-mlp",
        "log_analytics_workspace_id": f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/log-mlp",
    },
    "network": {
        "id": f"{PROVIDERS}/Microsoft.Network/virtualNetworks/vnet-mlp",
        "subnet_ids": {
            name: f"{PROVIDERS}/Microsoft.Network/virtualNetworks/vnet-mlp/subnets/snet-{name.replace('_', '-')}"
            for name in ("private_endpoints", "batch", "functions")
        },
    },
    "private_dns": {
        "zone_ids": {
            name: f"{PROVIDERS}/Microsoft.Network/privateDnsZones/{name}"
            for name in ("privatelink.vaultcore.azure.net", "privatelink.batch.azure.com")
        }
    },
    "state": {"container_ids": {"tfstate": f"{STORAGE}/blobServices/default/containers/tfstate"}},
    "storage": {
        "id": STORAGE,
        "name": "stmlpdev",
        "blob_endpoint": "https://stmlpdev.blob.core.windows.net/",
    },
    "pointer_storage": {
        "blob_endpoint": "https://stcpmlpdev.blob.core.windows.net/",
        "container_ids": {"ml-globals": f"{STORAGE}/blobServices/default/containers/ml-globals"},
    },
    "function_storage": {"name": "stfnmlpdev", "blob_endpoint": "https://stfnmlpdev.blob.core.windows.net/"},
    "workspace_identity_access": {
        "assignments": {"a": {"id": f"{STORAGE}/providers/Microsoft.Authorization/roleAssignments/{'0' * 8}"}}
    },
}  # fmt: skip

TEST = """\
mock_provider "azapi" {}

run "NAME" {
  command = plan
  module {
    source = "../example_NAME"
  }
}
"""

MODULES = module_folders(ROOT / "terraform")


def example_of(module: Path) -> str:
    examples = re.findall(r"^```hcl\n(.*?)^```", (module / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert len(examples) == 1, f"{module}: one example"
    return str(examples[0])


def write_root(folder: Path, example: str) -> None:
    """A root module of the example, the variables and the modules that it refers to."""
    folder.mkdir()
    (folder / "main.tf").write_text(example)
    blocks: dict[str, Any] = {}
    for name in sorted(set(re.findall(r"\bvar\.(\w+)", example))):
        blocks.setdefault("variable", {})[name] = {"default": VARIABLES[name]}
    for name in sorted(set(re.findall(r"\bmodule\.(\w+)", example))):
        call: dict[str, Any] = {"source": f"./stubs/{name}"}
        if instances := re.findall(rf'\bmodule\.{name}\["(\w+)"\]', example):
            call["for_each"] = {instance: instance for instance in instances}
        blocks.setdefault("module", {})[name] = call
        stub = folder / "stubs" / name
        stub.mkdir(parents=True)
        outputs = {output: {"value": value} for output, value in STUBS[name].items()}
        (stub / "main.tf.json").write_text(json.dumps({"output": outputs}))
    (folder / "stubs.tf.json").write_text(json.dumps(blocks))


def leave_schemas_out(folder: Path, example: str) -> None:
    """What the platform does for azapi 1.15 (docs/adr/0002), without a line of it in the example.

    https://developer.hashicorp.com/terraform/language/files/override
    """
    ((name, source),) = re.findall(r'^module "(\w+)" {\s+source\s*= "([^"]+)"', example, re.M)
    if "schema_validation" in {labels[0] for labels, _ in Module(folder / source).blocks("variable")}:
        override = {"module": {name: {"schema_validation": False}}}
        (folder / "override.tf.json").write_text(json.dumps(override))


def plan(folder: Path, examples: dict[str, str]) -> dict[str, str]:
    """Example -> what became of its plan: "pass", or else Terraform's words."""
    terraform_dir = folder / "terraform"
    shutil.copytree(ROOT / "terraform", terraform_dir, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    root = terraform_dir / "examples"
    (root / "tests").mkdir(parents=True)
    (root / "main.tf").write_text("")  # init passes over a folder without any configuration
    terraform = ensure_terraform()
    provider = resolve_provider(target_is_sandbox=True, terraform=terraform)
    for name, example in examples.items():
        write_root(terraform_dir / f"example_{name}", example)
        # A file each, as Terraform skips what follows a failed run of the same file.
        (root / "tests" / f"{name}.tftest.hcl").write_text(TEST.replace("NAME", name))
    env = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "ARM_USE_MSI": "false"}
    if provider.cli_config_file is not None:
        env["TF_CLI_CONFIG_FILE"] = str(provider.cli_config_file)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*terraform.command, *arguments], cwd=root, env=env, capture_output=True, text=True)

    init = run("init", "-backend=false", "-input=false", "-no-color")
    if init.returncode != 0:
        return dict.fromkeys(examples, init.stdout + init.stderr)
    if not after_init(provider, root / ".terraform.lock.hcl").schema_validation:
        for name, example in examples.items():
            leave_schemas_out(terraform_dir / f"example_{name}", example)
    # https://developer.hashicorp.com/terraform/internals/machine-readable-ui
    messages = [json.loads(line) for line in run("test", "-json").stdout.splitlines()]
    said = [(m.get("@testrun"), json.dumps(m["diagnostic"], indent=1)) for m in messages if "diagnostic" in m]
    runs = [message["test_run"] for message in messages if message["type"] == "test_run"]
    outcomes = {run["run"]: run["status"] for run in runs if "status" in run}  # the others tell of progress
    return {
        name: "pass" if outcomes.get(name) == "pass" else "\n".join(text for run, text in said if run in (None, name))
        for name in examples
    }


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One `terraform test` for all of them: every module is loaded once."""
    return plan(tmp_path_factory.mktemp("examples"), {module.name: example_of(module) for module in MODULES})


@pytest.mark.parametrize("module", [module.name for module in MODULES])
def test_the_example_is_planned(plans: dict[str, str], module: str) -> None:
    assert plans[module] == "pass"


def test_an_example_that_went_stale_is_told(tmp_path: Path) -> None:
    example = example_of(ROOT / "terraform" / "modules" / "private_dns")
    assert "zones " in example
    assert "zoens" in plan(tmp_path, {"private_dns": example.replace("zones ", "zoens ")})["private_dns"]
