"""docs/rbac.md: who may do what where, and why, as an applied `local` has it.

Terraform's outputs `role_assignments` are the source: what was made, not what was meant.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.environment import Environment, connect, load_environment
from toolkit.environment.diff import variable_keys
from toolkit.errors import ToolkitError
from toolkit.project import Project
from toolkit.terraform.outputs import saved_outputs

PATH = Path("docs/rbac.md")
ENVIRONMENT = "local"

HEAD = """\
# Who may do what where, and why

Written by `python -m docs.generate rbac` from the role assignments of an applied `local`; the end-to-end tests compare
it with the platform that they apply. Change [platform/rbac.tf](../terraform/platform/rbac.tf) or
[bootstrap/identities.tf](../terraform/bootstrap/identities.tf), not this file.

No shared key, no access policy and no local account stands beside these roles. A group's rows are made once for every
id of its variable (`operator_group_ids`, `data_scientist_group_ids`, `data_engineer_group_ids`). An identity that is
not here (probe `nobody`) has no role.
"""

# `local` has no keys of its own: tests/contract/test_customer_managed_keys.py compares this with a platform that has.
KEYS = """
## Made by the platform with customer-managed keys

Where `customer_managed_keys` is enabled. Each role is on one key, the narrowest scope that there is: an identity as which people's
code runs (factory, Batch) uses no other service's key.

| identity | scope | role | why |
|---|---|---|---|
| identity `batch` | key vault, key `batch` | Key Vault Crypto Service Encryption User | the Batch account encrypts with this key of the platform's |
| identity `encryption` | key vault, key `container-registry` | Key Vault Crypto Service Encryption User | the registry encrypts with this key of the platform's |
| identity `encryption` | key vault, key `storage` | Key Vault Crypto Service Encryption User | storage accounts encrypt with this key of the platform's |
| identity `factory` | key vault, key `data-factory` | Key Vault Crypto Service Encryption User | the factory encrypts with this key of the platform's |
| identity `workspace` | key vault, key `machine-learning-workspace` | Key Vault Crypto Service Encryption User | the workspace encrypts with this key of the platform's |
"""  # noqa: E501

_Outputs = Mapping[str, Any]


def rbac_document(project: Project) -> dict[Path, str]:
    """The matrix of a `local` that is applied for it in a throw-away copy of the project; takes half a minute."""
    with tempfile.TemporaryDirectory(prefix="toolkit-rbac-") as temporary:
        copy = Project(Path(temporary))
        for folder in (project.envs_dir, project.terraform_dir):
            shutil.copytree(folder, copy.root / folder.name, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        try:
            _toolkit(copy, "apply", ENVIRONMENT, "--no-smoke")
            return {PATH: document(load_environment(ENVIRONMENT, copy))}
        finally:
            _toolkit(copy, "sandbox", "stop")


def document(environment: Environment) -> str:
    """The matrix of an environment that was applied on this machine.

    Raises ToolkitError when it was not, and for an identity or a scope that no output names.
    """
    platform = saved_outputs(environment)
    try:
        record = (environment.state_dir / "bootstrap.json").read_text(encoding="utf-8")
    except OSError:
        record = ""
    if platform is None or not record:
        raise ToolkitError(f"{environment.name} is not applied here", hint=f"toolkit apply {environment.name}")
    bootstrap = json.loads(record)["outputs"]
    identities = identity_names(environment, platform)
    identities[bootstrap["plan_identity"]["principal_id"]] = "identity `plan`"
    scopes = scope_names(bootstrap) | scope_names(platform)
    scopes[f"/subscriptions/{environment.subscription_id}".lower()] = "subscription"
    roles = role_names(bootstrap) | role_names(platform)
    tables = [
        f"\n## {title}\n\n{matrix(outputs['role_assignments'], identities, scopes, roles)}"
        for title, outputs in (("Made by the platform", platform), ("Made by the bootstrap", bootstrap))
    ]
    return HEAD + "".join(tables) + KEYS


def identity_names(environment: Environment, platform: _Outputs) -> dict[str, str]:
    """Object id -> who that is."""
    names: dict[str, str] = {}
    for key, value in variable_keys(environment).items():
        if key.endswith("_group_ids"):
            names.update(dict.fromkeys(value, f"group of {_spaced(key.removesuffix('_group_ids'))}s"))
    for name, value in platform.items():
        if name.endswith("_principal_id"):
            names[value] = _spaced(name.removesuffix("_principal_id"))
    names.update({item["principal_id"]: f"identity `{name}`" for name, item in platform["identities"].items()})
    names.update({item["principal_id"]: f"probe `{name}`" for name, item in platform["probe_identities"].items()})
    if operator := connect(environment).operator:
        names[operator.object_id] = "operator who bootstraps"
    return names


def scope_names(outputs: _Outputs) -> dict[str, str]:
    """Resource id -> what that is, from the names of the outputs."""
    names = {
        value.lower(): _spaced(name.removesuffix("_id"))
        for name, value in outputs.items()
        if name.endswith("_id") and str(value).startswith("/subscriptions/")
    }
    for name, endpoint in outputs.get("private_endpoints", {}).items():
        names[endpoint["id"].lower()] = f"private endpoint `{name}`"
    for name, identity in outputs.get("service_identities", {}).items():
        names[identity["id"].lower()] = f"identity `{name}`"
    return names


def role_names(outputs: _Outputs) -> dict[str, str]:
    """Id of a custom role's definition -> its name, from outputs that are maps of ids by name."""
    return {
        item: f"custom role `{name}`"
        for value in outputs.values()
        if isinstance(value, Mapping)
        for name, item in value.items()
        if isinstance(item, str) and "/roleDefinitions/" in item
    }


def matrix(
    assignments: _Outputs, identities: Mapping[str, str], scopes: Mapping[str, str], roles: Mapping[str, str]
) -> str:
    """One row for each assignment of an output `role_assignments`. Raises ToolkitError for an id without a name."""
    rows = sorted(
        (
            _known(identities, row["principal_id"], f"the identity of {key}"),
            _scope(scopes, row["scope"], key),
            _known(roles, row["role"], f"the role of {key}") if row["role"].startswith("/") else row["role"],
            row["why"],
        )
        for key, row in assignments.items()
    )
    return "| identity | scope | role | why |\n|---|---|---|---|\n" + "".join(
        f"| {' | '.join(row)} |\n" for row in dict.fromkeys(rows)
    )


def _scope(scopes: Mapping[str, str], scope: str, key: str) -> str:
    """A name for a resource, or for a child of one: its last type and name."""
    if scope.lower() in scopes:
        return scopes[scope.lower()]
    for parent in _parents(scope):
        rest = scope[len(parent) + 1 :]
        if parent.lower() in scopes and not rest.startswith("providers/"):
            kind, name = rest.split("/")[-2:]
            return f"{scopes[parent.lower()]}, {kind.removesuffix('s')} `{name}`"
    return _known({}, scope, f"the scope of {key}")


def _parents(scope: str) -> Iterator[str]:
    parts = scope.split("/")
    for length in range(len(parts) - 2, 4, -2):
        yield "/".join(parts[:length])


def _known(names: Mapping[str, str], value: str, what: str) -> str:
    if value not in names:
        raise ToolkitError(f"no output names {what}: {value}", hint="add an output that names it")
    return names[value]


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _toolkit(project: Project, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments],
        env={**os.environ, "TOOLKIT_PROJECT": str(project.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise ToolkitError(f"toolkit {' '.join(arguments)} failed:\n{done.stdout}")
