"""Whose line it is: Terraform names files of the work folder, which are copies; a person wants the file to open.

Everything that Terraform reads in ``.toolkit/<env>/work`` stands for something else
(:mod:`toolkit.terraform.workspace`): terraform/ is copied as it is, so that lines stay; variable files are copied under
names that decide their precedence; the toolkit's own variables come from env.toml.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import PurePosixPath

from toolkit.environment import Environment
from toolkit.environment.file import FILE_NAME
from toolkit.environment.variables import variable_files
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.rules import filled_from
from toolkit.terraform.workspace import BACKEND_FILE, COPIES, FILLED, WorkFolder

_TOP_LEVEL = re.compile(r'  "(\w+)":')
# In the words of Terraform: "at ../modules/x/variables.tf:12,3-13", "on main.tf line 7".
_NAMED = re.compile(
    r"(?<![\w/.-])((?:\.\./|[\w-]+/)*[\w.-]+\.(?:tf|tfvars|tfvars\.json))(?::(\d+)(?:,[\d-]+)?| line (\d+))"
)


def own_place(folder: WorkFolder, file: str, line: int | None) -> tuple[str, int | None]:
    """The project's file and line for those that Terraform, run in ``folder``, names; relative to the project.

    What is no copy is answered as it is.
    """
    environment = folder.environment
    root = environment.project.root
    path = PurePosixPath(os.path.normpath(folder.path / file))
    if not path.is_relative_to(environment.work_dir):
        return (str(path.relative_to(root)) if path.is_relative_to(root) else file), line
    name = path.name
    if name in COPIES:
        source = variable_files(environment)[COPIES.index(name)]
        return str(source.relative_to(root)), line
    if name == FILLED:
        return _of_env_toml(folder, line)
    if name == BACKEND_FILE:
        return f"envs/{environment.data_name}/{BACKEND_FILE}", None
    if (original := _original(environment, path)) is not None:
        return original, line
    return str(path.relative_to(root)) if path.is_relative_to(root) else file, line


def with_own_places(folder: WorkFolder, diagnostic: Diagnostic) -> Diagnostic:
    """The same, with the project's files in its place and in its words."""

    def named(found: re.Match[str]) -> str:
        said = found[2] or found[3]
        file, line = own_place(folder, found[1], int(said))
        return f"{file}:{line}" if line is not None else file

    file, line = diagnostic.file, diagnostic.line
    if file is not None:
        file, line = own_place(folder, file, line)
    return replace(diagnostic, file=file, line=line, detail=_NAMED.sub(named, diagnostic.detail))


def _original(environment: Environment, path: PurePosixPath) -> str | None:
    relative = path.relative_to(environment.work_dir)
    source = environment.project.terraform_dir / relative
    return str(source.relative_to(environment.project.root)) if source.is_file() else None


def _of_env_toml(folder: WorkFolder, line: int | None) -> tuple[str, int | None]:
    """The key of env.toml that fills the variable whose value this line of ours is in."""
    environment = folder.environment
    try:
        written = (folder.path / FILLED).read_text(encoding="utf-8").splitlines()[: line or 0]
    except OSError:
        written = []
    name = next((found[1] for text in reversed(written) if (found := _TOP_LEVEL.match(text))), None)
    file, number = filled_from(environment, name)
    return file or f"envs/{environment.data_name}/{FILE_NAME}", number
