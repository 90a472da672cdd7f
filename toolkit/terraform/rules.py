"""The rules of terraform/ that need nothing but the data, evaluated by Terraform itself in a root without providers.

Validations of the root's variables and of its modules', and preconditions (:mod:`toolkit.terraform.offline`). Terraform
plans such a root in a second or two: nothing is downloaded, asked or made.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.environment import Environment
from toolkit.environment.file import FILE_NAME, line_of, read_text
from toolkit.environment.variables import variable_files
from toolkit.errors import ToolkitError
from toolkit.files import disk_errors
from toolkit.records import Json
from toolkit.terraform.offline import run_offline, write_offline
from toolkit.terraform.origins import Origins, line_of_variable
from toolkit.terraform.workspace import RootName, declared_variables

_CHECKED_BY = re.compile(r"\s*This was checked by the validation rule at [^\n]*$")
_TOOLKIT_FILE = "toolkit.tfvars.json"
# Variables that env.toml calls by other names (toolkit.terraform.workspace.filled_variables); the rest have the same.
_KEYS = {
    "tenant_id": "tenant",
    "subscription_id": "subscription",
    "operator_principal_id": "operator.object_id",
    "operator_principal_type": "operator.type",
}
_BACKEND = "state"
# Not the data's fault: what is unknown until the apply may be how many there are; a real plan knows.
UNKNOWN_UNTIL_APPLY = ("Invalid for_each argument", "Invalid count argument")


def broken_rules(environment: Environment, root: RootName, values: Json, terraform: Path) -> list[str]:
    """What Terraform says of the data, a line or more for each rule, with the file and line of what breaks it.

    ``values`` are the variables that the toolkit fills from env.toml. Raises ToolkitError when Terraform does not run.
    """
    project = environment.project
    with disk_errors("the folder for checking variables"), tempfile.TemporaryDirectory(prefix="toolkit-rules-") as made:
        folder = write_offline(project.terraform_dir, root, Path(made))
        known = declared_variables(project.terraform_dir / root)
        document = {name: value for name, value in values.items() if name in known}
        # A line for each variable: Terraform names the line.
        text = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items())
        (folder / _TOOLKIT_FILE).write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
        files = [path for path in variable_files(environment) if path.is_file()]
        arguments = [f"-var-file={path}" for path in (*files, folder / _TOOLKIT_FILE)]

        def run(*words: str) -> str:
            done = run_offline(terraform, folder, environment, *words)
            if done.returncode not in (0, 1) or (words[0] == "init" and done.returncode):
                raise ToolkitError(f"terraform {words[0]} of the rules failed: {(done.stderr or done.stdout).strip()}")
            return done.stdout

        run("init", "-backend=false", "-input=false")
        told = run("plan", "-input=false", "-lock=false", "-json", *arguments)
        return list(dict.fromkeys(_problems(told, environment, folder)))


def _problems(told: str, environment: Environment, folder: Path) -> Iterator[str]:
    origins = Origins(folder)
    for line in told.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        diagnostic = event.get("diagnostic", {})
        if diagnostic.get("severity") == "error" and diagnostic["summary"] not in UNKNOWN_UNTIL_APPLY:
            yield f"{_where(diagnostic, environment, origins)}: {_words(diagnostic)}"


def _where(diagnostic: Mapping[str, Any], environment: Environment, origins: Origins) -> str:
    """The file that a person wrote, with the line where the variable is set; a folder when Terraform does not say."""
    place = diagnostic.get("range") or {}
    path = Path(os.path.normpath(origins.root / place.get("filename", "")))
    root = environment.project.root
    if path.name == _TOOLKIT_FILE:
        return _env_toml(environment, _variable_on(path, place["start"]["line"]))
    if path.is_relative_to(root / "envs"):
        return f"{path.relative_to(root)}:{place['start']['line']}"
    if path.suffix == ".tf":
        lines = (place["start"]["line"], place["end"]["line"])
        for name in origins.of(path, lines, diagnostic.get("address") or ""):
            for file in reversed(variable_files(environment)):
                number = line_of_variable(file.read_text(encoding="utf-8"), name) if file.is_file() else None
                if number is not None:
                    return f"{file.relative_to(root)}:{number}"
            if name.split(".")[0] in _variables_of_ours(origins.root / _TOOLKIT_FILE):
                return _env_toml(environment, name.split(".")[0])
    return f"envs/{environment.data_name}"


def _variable_on(file: Path, number: int) -> str | None:
    """The variable in this line of ours."""
    said = re.match(r'"(\w+)": ', file.read_text(encoding="utf-8").splitlines()[number - 1])
    return said[1] if said else None


def _variables_of_ours(file: Path) -> Collection[str]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document.keys()


def _env_toml(environment: Environment, variable: str | None) -> str:
    """The line and the key of env.toml that fill the variable."""
    file, number = filled_from(environment, variable)
    return file if number is None else f"{file}:{number}: {_KEYS.get(str(variable), variable)}"


def filled_from(environment: Environment, variable: str | None) -> tuple[str, int | None]:
    """The file, and the line of it, from which the toolkit fills a variable; of None, of any."""
    shown = f"envs/{environment.data_name}/{FILE_NAME}"
    if variable is None:
        return shown, None
    if variable == _BACKEND:
        return f"envs/{environment.data_name}/backend.hcl", None
    text = read_text(environment.folder / FILE_NAME, environment.project.root)
    return shown, line_of(text, _KEYS.get(variable, variable).split("."))


def _words(diagnostic: Mapping[str, Any]) -> str:
    detail = _CHECKED_BY.sub("", diagnostic.get("detail", "")).strip()
    return " ".join((detail or diagnostic["summary"]).split())
