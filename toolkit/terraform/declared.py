"""What an environment's data declares: every resource of terraform/ with what is known of it before anything is asked.

The same root without providers that ``env validate`` plans (offline.py), in which each resource stays as its
arguments: Terraform itself says how many there are and what they are called. What another resource would give (ids,
above all) is unknown. It takes a second or two, needs no state, and asks nobody.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.environment import Environment, Operator
from toolkit.environment.variables import variable_files
from toolkit.errors import ToolkitError, UsageError
from toolkit.files import disk_errors
from toolkit.records import Json
from toolkit.terraform.offline import run_offline, write_offline
from toolkit.terraform.rules import UNKNOWN_UNTIL_APPLY
from toolkit.terraform.state import read_backend
from toolkit.terraform.workspace import ROOTS, RootName, declared_variables, filled_variables

_NOBODY = Operator("00000000-0000-0000-0000-000000000000", "User")
_VARIABLES = "toolkit.tfvars.json"
_PLAN = "declared.tfplan"
# How the offline root calls what was ``azapi_resource.this``.
_CALLED = re.compile(r"^(azapi_resource_action|azapi_update_resource|azapi_resource)_(.+)$")
_ARGUMENTS = ("name", "tags", "parent_id", "resource_id", "location", "body", "action", "method", "when")


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource of the configuration. ``kind`` is Terraform's type, ``type`` Azure's; what is None or missing in
    ``body`` is left out there, or known after an apply only. ``action`` and ``method`` are an azapi_resource_action's.
    """

    root: RootName
    address: str
    kind: str
    type: str
    name: str | None = None
    parent_id: str | None = None
    resource_id: str | None = None
    location: str | None = None
    tags: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    action: str | None = None
    method: str | None = None
    when: str | None = None

    @property
    def resource_type(self) -> str:
        """Without its api-version."""
        return self.type.partition("@")[0]

    @property
    def properties(self) -> Mapping[str, Any]:
        return (self.body or {}).get("properties") or {}


def declared_resources(environment: Environment, terraform: Path) -> tuple[Declared, ...]:
    """Of both roots, in the order of their addresses. Raises UsageError for data that terraform/ refuses, ToolkitError
    when Terraform does not run."""
    values = filled_variables(
        environment, environment.operator or _NOBODY, read_backend(environment), schema_validation=True
    )
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(ROOTS)) as pool:
        return tuple(
            one
            for found in pool.map(lambda root: _of_root(environment, root, values, terraform), ROOTS)
            for one in found
        )


def _of_root(environment: Environment, root: RootName, values: Json, terraform: Path) -> list[Declared]:
    project = environment.project
    with (
        disk_errors("the folder for reading terraform/"),
        tempfile.TemporaryDirectory(prefix="toolkit-declared-") as made,
    ):
        folder = write_offline(project.terraform_dir, root, Path(made), with_resources=True)
        known = declared_variables(project.terraform_dir / root)
        (folder / _VARIABLES).write_text(
            json.dumps({name: value for name, value in values.items() if name in known}), encoding="utf-8"
        )
        files = [*(path for path in variable_files(environment) if path.is_file()), folder / _VARIABLES]

        def run(*words: str) -> str:
            done = run_offline(terraform, folder, environment, *words)
            if done.returncode and words[0] != "plan":
                said = (done.stderr or done.stdout).strip()
                raise ToolkitError(f"terraform {words[0]} of terraform/ failed: {said}")
            return done.stdout

        run("init", "-backend=false", "-input=false")
        arguments = [f"-var-file={path}" for path in files]
        told = run("plan", "-input=false", "-lock=false", "-json", f"-out={_PLAN}", *arguments)
        if problem := _problem(told, (folder / _PLAN).is_file()):
            raise UsageError(
                f"terraform/{root} refuses the data of {environment.name}: {problem}",
                hint=f"toolkit env validate {environment.name} says every problem, with file and line",
            )
        document = json.loads(run("show", "-json", _PLAN))
    return sorted(_found(root, document["planned_values"].get("root_module", {})), key=lambda one: one.address)


def _problem(told: str, planned: bool) -> str | None:
    """What Terraform says against the data, in its first error; it saves a plan of what it could evaluate."""
    for line in told.splitlines():
        diagnostic = json.loads(line).get("diagnostic", {}) if line.startswith("{") else {}
        if diagnostic.get("severity") == "error" and diagnostic["summary"] not in UNKNOWN_UNTIL_APPLY:
            return " ".join(f"{diagnostic['summary']}: {diagnostic.get('detail', '')}".split())
    return None if planned else "Terraform does not say why"


def _found(root: RootName, module: Mapping[str, Any]) -> Iterator[Declared]:
    for item in module.get("resources", []):
        called = _CALLED.match(item["name"])
        said = item["values"].get("input") or {}
        if called is None or not said.get("type"):
            continue
        address = item["address"].replace(f"terraform_data.{item['name']}", f"{called[1]}.{called[2]}")
        yield Declared(
            root,
            address,
            called[1],
            said["type"],
            **{key: said.get(key) for key in _ARGUMENTS},
        )
    for child in module.get("child_modules", []):
        yield from _found(root, child)
