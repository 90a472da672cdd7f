"""A new environment from another one's data: what is its own is written, what can be computed is, the rest is kept."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from toolkit.environment import FILE_NAME, Environment, environment_names, load_environment
from toolkit.environment.addresses import ADDRESS_SPACE
from toolkit.environment.editing import with_string
from toolkit.environment.file import read_text
from toolkit.environment.variables import read_variables, variable_files
from toolkit.errors import UsageError
from toolkit.files import disk_errors, write_atomically
from toolkit.project import Project
from toolkit.terraform.data import check_data
from toolkit.terraform.offline import run_offline
from toolkit.toolchain.engines import engine_of
from toolkit.toolchain.terraform import ensure_terraform

# As modules/naming has it, which says so itself: here it keeps a path from being written.
_NAME = re.compile(r"[a-z][a-z0-9]{1,6}")
_BACKEND = """\
# Where this environment's state lives. The names come from workload, environment and subscription
# (terraform/modules/naming): after a change of one of these, `toolkit bootstrap {name}` says what to write here.
resource_group_name  = "{group}"
storage_account_name = "{account}"
container_name       = "tfstate"
key                  = "platform.tfstate"
use_azuread_auth     = true
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is the new environment's own. ``addresses`` is None where its network is somebody else's."""

    name: str
    tenant_id: str
    subscription_id: str
    location: str
    addresses: IPv4Network | None


def check_name(name: str, project: Project) -> None:
    """Raises UsageError for a name that no environment can have, or that one has."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of an environment: 2 to 7 lower-case letters and digits, starting with a "
            "letter (longer ones do not fit into a key vault's 24 characters)",
            hint="toolkit env new qa --from dev",
        )
    if name in environment_names(project) or (project.envs_dir / name).exists():
        raise UsageError(f"envs/{name} is there already", hint=f"toolkit env show {name}, or choose another name")


def make_environment(source: Environment, wanted: Wanted) -> list[Path]:
    """Write ``envs/NAME`` and check it as ``toolkit env validate`` does. Answers the files.

    Raises UsageError, with nothing left behind, when what would be written is wrong.
    """
    project = source.project
    check_name(wanted.name, project)
    names = _computed_names(source, wanted)
    files = {
        FILE_NAME: _env_toml(source, wanted),
        "terraform.tfvars": _variables(source, wanted),
        "backend.hcl": _BACKEND.format(
            name=wanted.name, group=names["state_resource_group"], account=names["state_storage_account"]
        ),
    }
    folder = project.envs_dir / wanted.name
    try:
        with disk_errors(f"envs/{wanted.name}"):
            folder.mkdir()
            for name, text in files.items():
                write_atomically(folder / name, text, 0o644)
            lock = source.folder / engine_of(ensure_terraform()).lock_file
            if lock.is_file():  # the same provider, by the same checksums
                shutil.copyfile(lock, folder / lock.name)
        check_data(load_environment(wanted.name, project))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return sorted(path for path in folder.iterdir())


def _env_toml(source: Environment, wanted: Wanted) -> str:
    text = read_text(source.folder / FILE_NAME, source.project.root)
    values = {"tenant": wanted.tenant_id, "subscription": wanted.subscription_id, "location": wanted.location}
    for key, value in values.items():
        text = with_string(text, key, value)
    return text


def _variables(source: Environment, wanted: Wanted) -> str:
    path = source.folder / "terraform.tfvars"
    if not path.is_file():
        return ""
    text = read_text(path, source.project.root)
    if wanted.addresses is None:
        return text
    pattern = rf'^([ \t]*{ADDRESS_SPACE}[ \t]*=[ \t]*)"[^"\n]*"'
    text, count = re.subn(pattern, rf'\g<1>"{wanted.addresses}"', text, flags=re.MULTILINE)
    if count != 1:
        raise UsageError(
            f"envs/{source.data_name}/terraform.tfvars: network.{ADDRESS_SPACE} is not replaced: {count} lines set one",
            hint="copy the folder, and edit the copy (docs/how-to.md)",
        )
    return text


def _computed_names(source: Environment, wanted: Wanted) -> dict[str, str]:
    """What modules/naming makes of the new environment: Terraform itself says it, so that there is one place for it."""
    variables: dict[str, Any] = {}
    for path in variable_files(source):
        variables.update(read_variables(path, source.project.root))
    if variables.get("name_overrides"):
        raise UsageError(
            f"envs/{source.data_name}/terraform.tfvars has name_overrides: its names cannot be two environments'",
            hint="choose another --from, or copy the folder and edit the copy (docs/how-to.md)",
        )
    terraform = ensure_terraform().path
    with disk_errors("the folder for computing names"), tempfile.TemporaryDirectory(prefix="toolkit-names-") as made:
        folder = Path(made)
        module = source.project.terraform_dir / "modules" / "naming"
        shutil.copytree(module, folder / "naming", ignore=shutil.ignore_patterns("tests", ".terraform*", "*.md"))
        call = {
            "source": "./naming",
            "workload": variables.get("workload", ""),
            "environment": wanted.name,
            "subscription_id": wanted.subscription_id,
        }
        document = {"module": {"names": call}, "output": {"names": {"value": "${module.names.names}"}}}
        (folder / "main.tf.json").write_text(json.dumps(document), encoding="utf-8")

        def run(*arguments: str) -> str:
            done = run_offline(terraform, folder, source, *arguments)
            if done.returncode != 0:
                words = " ".join((done.stderr or done.stdout).split())
                raise UsageError(f"the names of the new environment cannot be computed: {words}")
            return done.stdout

        run("init", "-backend=false", "-input=false", "-no-color")
        run("plan", "-input=false", "-lock=false", "-no-color", "-out=plan")
        shown = json.loads(run("show", "-json", "plan"))
    names: dict[str, str] = shown["planned_values"]["outputs"]["names"]["value"]
    return names
