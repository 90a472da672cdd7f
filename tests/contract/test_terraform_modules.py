"""``terraform test`` of every module and root: bodies, outputs, and each input that must fail at plan.

The provider is the real one with its resources mocked (`mock_provider` in tests/*.tftest.hcl): nothing is called.
OpenTofu runs the same files of the modules. Its mocks are known at plan already, so what another resource has for a
parent has a real id there (`override_resource`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engines import path_of, what_it_is
from toolkit.toolchain.provider import resolve_provider
from toolkit.toolchain.terraform import ensure_terraform
from toolkit.toolchain.tool import Tool, dotted

pytestmark = pytest.mark.contract

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
FOLDERS = sorted(
    str(path.parent.relative_to(TERRAFORM))
    for path in TERRAFORM.rglob("terraform.tf")
    if ".terraform" not in path.relative_to(TERRAFORM).parts
)
# Of the platform's files; the rest is for make test-full.
SAMPLE = ("platform.tftest.hcl", "services.tftest.hcl")

# Their tests need what only Terraform has: files of mocks, mocks of one instance of many, and some at plan, some not.
ROOTS = ("bootstrap", "platform")

Terraform = Callable[[str, list[str]], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return runner(tmp_path_factory.mktemp("modules") / "terraform", ensure_terraform())


@pytest.fixture(scope="module")
def opentofu(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    found = what_it_is("opentofu")
    tool = Tool(found.engine.name, (str(path_of("opentofu")),), dotted(found.version), "for the tests")
    return runner(tmp_path_factory.mktemp("opentofu") / "terraform", tool)


def runner(copy: Path, tool: Tool) -> Terraform:
    """Runs the engine in a folder of a copy of terraform/, since init leaves files behind."""
    shutil.copytree(TERRAFORM, copy, ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*"))
    provider = resolve_provider(target_is_sandbox=True, terraform=tool)
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "ARM_USE_MSI": "false"}
    if provider.cli_config_file is not None:
        environment["TF_CLI_CONFIG_FILE"] = str(provider.cli_config_file)

    def run(folder: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*tool.command, *arguments, "-no-color"],
            cwd=copy / folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_every_folder_has_a_readme_and_tests() -> None:
    assert {"bootstrap", "platform", "modules/naming"} <= set(FOLDERS)
    for folder in FOLDERS:
        assert list((TERRAFORM / folder / "tests").glob("*.tftest.hcl")), f"terraform/{folder} has no tests"
        if folder.startswith("modules/"):
            assert (TERRAFORM / folder / "README.md").is_file(), f"terraform/{folder} has no README.md"


def suites() -> Iterator[Any]:
    """Folder and file (all of its files when that is empty). The platform's take a second for each of their runs."""
    for folder in FOLDERS:
        if folder != "platform":
            yield pytest.param(folder, "", id=folder)
            continue
        for path in sorted((TERRAFORM / folder / "tests").glob("*.tftest.hcl")):
            marks = () if path.name in SAMPLE else pytest.mark.slow
            yield pytest.param(folder, f"tests/{path.name}", id=f"{folder}/{path.name}", marks=marks)


@pytest.mark.parametrize(("folder", "file"), list(suites()))
def test_terraform_test(folder: str, file: str, terraform: Terraform) -> None:
    run_tests(folder, file, terraform)


@pytest.mark.slow
@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder not in ROOTS])
def test_tofu_test(folder: str, opentofu: Terraform) -> None:
    run_tests(folder, "", opentofu)


def run_tests(folder: str, file: str, terraform: Terraform) -> None:
    initialised = terraform(folder, ["init", "-backend=false", "-input=false"])
    assert initialised.returncode == 0, initialised.stdout + initialised.stderr
    tested = terraform(folder, ["test", *([f"-filter={file}"] if file else [])])
    assert tested.returncode == 0, tested.stdout + tested.stderr
    passed = re.search(r"^Success! (\d+) passed, 0 failed\.$", tested.stdout, re.MULTILINE)
    assert passed is not None, tested.stdout
    assert int(passed[1]) > 0, tested.stdout
