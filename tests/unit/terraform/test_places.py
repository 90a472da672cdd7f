"""Whose line an error of Terraform's is: the project's files, never the copies in the work folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.environment import Environment, load_environment
from toolkit.errors import Place
from toolkit.project import Project
from toolkit.terraform.diagnostics import failure, from_text
from toolkit.terraform.events import Diagnostic, Events, Result
from toolkit.terraform.places import own_place, with_own_places
from toolkit.terraform.workspace import WorkFolder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> WorkFolder:
    """A project with the repository's data, whose work folder was made."""
    (tmp_path / "terraform").symlink_to(ROOT / "terraform")
    (tmp_path / "envs").symlink_to(ROOT / "envs")
    environment: Environment = load_environment("local", Project(tmp_path))
    made = WorkFolder(environment, "platform")
    made.refresh()
    made.write_variables({"environment": "local", "location": "westeurope", "tenant_id": "t", "state": {"a": "b"}})
    return made


def env_toml_line(folder: WorkFolder, key: str) -> int:
    text = (folder.environment.folder / "env.toml").read_text(encoding="utf-8")
    return next(at for at, line in enumerate(text.splitlines(), 1) if line.startswith(f"{key} "))


def test_each_file_of_the_work_folder_is_somebodys(folder: WorkFolder) -> None:
    """Walks through what is there: a file that is added belongs to somebody as well."""
    for path in sorted(folder.environment.work_dir.rglob("*")):
        if path.is_file():
            file, _ = own_place(folder, os.path.relpath(path, folder.path), 1)
            assert not file.startswith((".toolkit/", "..")), path
            assert (folder.environment.project.root / file).is_file(), path


@pytest.mark.parametrize(
    ("told", "own"),
    [
        (("main.tf", 78), ("terraform/platform/main.tf", 78)),
        (("../modules/storage_account/main.tf", 7), ("terraform/modules/storage_account/main.tf", 7)),
        (("10-environment.auto.tfvars", 74), ("envs/local/terraform.tfvars", 74)),
        (("00-common.auto.tfvars", 3), ("envs/common.tfvars", 3)),
        (("backend.hcl", 1), ("envs/local/backend.hcl", None)),
        (("/elsewhere/x.tf", 1), ("/elsewhere/x.tf", 1)),
    ],
)
def test_places(folder: WorkFolder, told: tuple[str, int], own: tuple[str, int | None]) -> None:
    assert own_place(folder, *told) == own


def test_what_the_toolkit_fills_in_is_a_line_of_env_toml(folder: WorkFolder) -> None:
    written = (folder.path / "20-toolkit.auto.tfvars.json").read_text(encoding="utf-8").splitlines()
    for variable, key in (("location", "location"), ("tenant_id", "tenant")):
        at = next(number for number, line in enumerate(written, 1) if f'"{variable}"' in line)
        expected = ("envs/local/env.toml", env_toml_line(folder, key))
        assert own_place(folder, "20-toolkit.auto.tfvars.json", at) == expected
    nested = next(number for number, line in enumerate(written, 1) if '"a": "b"' in line)
    assert own_place(folder, "20-toolkit.auto.tfvars.json", nested) == ("envs/local/backend.hcl", None)


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("by ../modules/network/variables.tf:12,3-13.", "by terraform/modules/network/variables.tf:12."),
        ("on main.tf line 7, in locals:", "on terraform/platform/main.tf:7, in locals:"),
        ("on 10-environment.auto.tfvars line 74:", "on envs/local/terraform.tfvars:74:"),
        ("GET https://x.blob.core.windows.net/a/main.tf: 403", "GET https://x.blob.core.windows.net/a/main.tf: 403"),
    ],
)  # fmt: skip
def test_places_in_words(folder: WorkFolder, words: str, own: str) -> None:
    assert with_own_places(folder, Diagnostic("error", "x", words)).detail == own


def test_an_error_says_the_line_and_an_annotation_has_it(folder: WorkFolder) -> None:
    """Of a resource: its address first, as ever, and where it is declared."""
    events = Events()
    detail = 'ERROR CODE: QuotaExceeded\n{"message": "Too much."}'
    for number in range(5):
        address = f"module.storage.azapi_resource.x[{number}]"
        events.diagnostics.append(
            Diagnostic("error", "It failed", detail, address, "../modules/storage_account/main.tf", 7)
        )
    events.diagnostics.append(Diagnostic("error", "Unsupported attribute", "No such.", None, "main.tf", 78))
    result = Result("apply", 1, events, "", "", 0)
    error = failure(result, {"env": "local"}, lambda one: with_own_places(folder, one))
    assert "  at terraform/modules/storage_account/main.tf:7" in error.message.splitlines()
    assert "terraform/platform/main.tf:78: Unsupported attribute" in error.message.splitlines()
    assert error.places[-1] == Place("terraform/platform/main.tf", 78, "Unsupported attribute\nNo such.")
    assert error.places[0].text.startswith("module.storage.azapi_resource.x[0]: ")
    assert len(error.places) == 6


def test_an_error_in_a_box_has_its_line(folder: WorkFolder) -> None:
    boxed = "╷\n│ Error: Unclosed configuration block\n│ \n│   on main.tf line 3, in locals:\n│    3: locals {\n╵\n"
    [told] = from_text(boxed)
    found = with_own_places(folder, told)
    assert (found.file, found.line) == ("terraform/platform/main.tf", 3)
