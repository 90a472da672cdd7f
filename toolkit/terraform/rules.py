"""The rules of terraform/ that need nothing but the data, evaluated by Terraform itself in a root without providers.

Such a root has a real root's variables with their validations, the locals that these read, and the module that makes
the names and tags. Terraform plans it in a fraction of a second: nothing is downloaded, asked or made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.environment import Environment
from toolkit.environment.file import FILE_NAME, line_of, read_text
from toolkit.environment.shell import inherited
from toolkit.environment.types import parse_file
from toolkit.environment.variables import variable_files
from toolkit.errors import ToolkitError
from toolkit.files import disk_errors
from toolkit.records import Json
from toolkit.terraform.workspace import RootName, declared_variables

_NAMING = "naming"
_REFERENCE = re.compile(r"\blocal\.([A-Za-z_]\w*)")
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


def broken_rules(environment: Environment, root: RootName, values: Json, terraform: Path) -> list[str]:
    """What Terraform says of the data, a line or more for each rule, with the file and line of what breaks it.

    ``values`` are the variables that the toolkit fills from env.toml. Raises ToolkitError when Terraform does not run.
    """
    project = environment.project
    with disk_errors("the folder for checking variables"), tempfile.TemporaryDirectory(prefix="toolkit-rules-") as made:
        folder = Path(made) / root
        _write_root(project.terraform_dir, root, folder)
        known = declared_variables(project.terraform_dir / root)
        document = {name: value for name, value in values.items() if name in known}
        # A line for each variable: Terraform names the line.
        text = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items())
        (folder / _TOOLKIT_FILE).write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
        files = [path for path in variable_files(environment) if path.is_file()]
        arguments = [f"-var-file={path}" for path in (*files, folder / _TOOLKIT_FILE)]
        settings = {**inherited(environment), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        _terraform(terraform, folder, settings, "init", "-backend=false", "-input=false")
        told = _terraform(terraform, folder, settings, "plan", "-input=false", "-lock=false", "-json", *arguments)
        return list(dict.fromkeys(_problems(told, environment, folder)))


def _write_root(terraform_dir: Path, root: RootName, folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copytree(terraform_dir / "modules" / _NAMING, folder.parent / "modules" / _NAMING)
    documents = []
    for file in sorted((terraform_dir / root).glob("*.tf")):
        if file.name.startswith("variables"):
            shutil.copy(file, folder)
        documents.append(parse_file(file))
    every = {name: value for d in documents for block in d.get("locals", []) for name, value in block.items()}
    needed: dict[str, Any] = {}
    texts = [file.read_text(encoding="utf-8") for file in folder.glob("variables*.tf")]
    while texts:
        for name in _REFERENCE.findall(texts.pop()):
            if name in every and name not in needed:
                needed[name] = every[name]
                texts.append(json.dumps(every[name]))
    naming = next(m[_NAMING] for d in documents for m in d.get("module", []) if _NAMING in m)
    (folder / "rules.tf.json").write_text(json.dumps({"locals": needed, "module": {_NAMING: naming}}), encoding="utf-8")


def _terraform(terraform: Path, folder: Path, settings: Mapping[str, str], *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(terraform), *arguments],
            cwd=folder,
            env=dict(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ToolkitError(f"Terraform ({terraform}) does not start: {error.strerror}") from error
    if done.returncode not in (0, 1) or (arguments[0] == "init" and done.returncode):
        raise ToolkitError(f"terraform {arguments[0]} of the rules failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _problems(told: str, environment: Environment, folder: Path) -> Iterator[str]:
    for line in told.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        diagnostic = event.get("diagnostic", {})
        if diagnostic.get("severity") == "error":
            yield f"{_where(diagnostic, environment, folder)}: {_words(diagnostic)}"


def _where(diagnostic: Mapping[str, Any], environment: Environment, folder: Path) -> str:
    """The file that a person wrote, with the line where the variable is set; a folder when Terraform does not say."""
    place = diagnostic.get("range") or {}
    path = Path(os.path.normpath(folder / place.get("filename", "")))
    root = environment.project.root
    if path.name == _TOOLKIT_FILE:
        return _env_toml(environment, path, place["start"]["line"])
    if path.is_relative_to(root / "envs"):
        return f"{path.relative_to(root)}:{place['start']['line']}"
    return f"envs/{environment.data_name}"


def _env_toml(environment: Environment, file: Path, number: int) -> str:
    """The line and the key of env.toml that fill the variable in this line of ours."""
    shown = f"envs/{environment.data_name}/{FILE_NAME}"
    said = re.match(r'"(\w+)": ', file.read_text(encoding="utf-8").splitlines()[number - 1])
    if said is None:
        return shown
    if said[1] == _BACKEND:
        return f"envs/{environment.data_name}/backend.hcl"
    key = _KEYS.get(said[1], said[1])
    text = read_text(environment.folder / FILE_NAME, environment.project.root)
    return f"{shown}:{line_of(text, key.split('.'))}: {key}"


def _words(diagnostic: Mapping[str, Any]) -> str:
    detail = _CHECKED_BY.sub("", diagnostic.get("detail", "")).strip()
    return " ".join((detail or diagnostic["summary"]).split())
