"""The work folder: ``.toolkit/<env>/work``, a copy of terraform/ with the environment's data in it.

Environments run in parallel because each has its own copy, provider lock file and ``.terraform``. Everything that
Terraform needs is in files that it reads by itself, so a bare ``terraform plan`` in there does what the toolkit does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from toolkit.environment import Connection, Environment, Operator
from toolkit.environment.shell import refuse_variables
from toolkit.environment.types import declared
from toolkit.environment.variables import unknown_keys, variable_files
from toolkit.errors import UsageError
from toolkit.files import disk_errors, write_atomically, write_if_changed
from toolkit.records import Json, as_text
from toolkit.terraform.state import Backend

RootName = Literal["bootstrap", "platform"]
ROOTS: tuple[RootName, ...] = ("bootstrap", "platform")
LOCK_FILE = ".terraform.lock.hcl"
BACKEND_FILE = "backend.hcl"
LEASES = "toolkit_leases"
# What the variable files are called here, in the order of their precedence, and what the toolkit's own variables are.
COPIES = ("00-common.auto.tfvars", "10-environment.auto.tfvars")
FILLED = "20-toolkit.auto.tfvars.json"

_FOLDERS = (*ROOTS, "modules")
_LEFT_OUT = {"tests", "examples", ".terraform"}
_COPIED = {".tf", ".json", ".tftpl", ".tmpl", ".py"}
_FINGERPRINT = "toolkit-init"
# Files of the work folder that are not copies: Terraform's own and those that are written below.
_KEPT = (
    "*.auto.tfvars",
    "*.auto.tfvars.json",
    LOCK_FILE,
    BACKEND_FILE,
    "backend.tf",
    "terraform.tfstate*",
    "errored.tfstate",
)


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """One root of one environment in its work folder. ``kept_lock_name``: each engine pins providers for itself."""

    environment: Environment
    root: RootName
    kept_lock_name: str = LOCK_FILE

    @property
    def path(self) -> Path:
        return self.environment.work_dir / self.root

    @property
    def lock_file(self) -> Path:
        return self.path / LOCK_FILE

    @property
    def kept_lock_file(self) -> Path:
        return self.environment.lock_file_dir / self.kept_lock_name

    @property
    def backend_file(self) -> Path:
        return self.path / BACKEND_FILE

    def refresh(self) -> None:
        """Make the copy equal to terraform/, and put the environment's variable files in.

        Raises UsageError for a variable that no root declares, ToolkitError when the disk refuses.
        """
        check_variables(self.environment)
        with disk_errors("the work folder"):
            for folder in _FOLDERS:
                _mirror(self.environment.project.terraform_dir / folder, self.environment.work_dir / folder)
            # The names' order is their precedence: https://developer.hashicorp.com/terraform/language/values/variables
            sources = variable_files(self.environment)
            for name, source in zip(COPIES, sources, strict=True):
                target = self.path / name
                if source.is_file():
                    write_if_changed(target, source.read_bytes())
                else:
                    target.unlink(missing_ok=True)

    def write_variables(self, values: Json) -> None:
        """The variables that the toolkit fills, those of them that this root declares."""
        declared = declared_variables(self.environment.project.terraform_dir / self.root)
        document = {name: value for name, value in values.items() if name in declared}
        with disk_errors("the work folder"):
            content = as_text(document, sort_keys=True).encode()
            write_if_changed(self.path / FILLED, content)

    def write_leases(self, leases: Mapping[str, Sequence[str]]) -> None:
        """What is open at the moment (terraform/leases.py), where this root wants to know."""
        path = self.path / "30-leases.auto.tfvars.json"
        with disk_errors("the work folder"):
            if LEASES in declared_variables(self.environment.project.terraform_dir / self.root):
                write_if_changed(path, as_text({LEASES: leases}, sort_keys=True).encode())
            else:
                path.unlink(missing_ok=True)

    def write_backend(self, backend: Backend) -> None:
        with disk_errors("the work folder"):
            write_if_changed(self.backend_file, backend.as_hcl().encode())

    def restore_lock_file(self) -> bool:
        """Bring the kept provider lock file in; False when there is none."""
        with disk_errors("the provider lock file"):
            if not self.kept_lock_file.is_file():
                self.lock_file.unlink(missing_ok=True)
                return False
            write_if_changed(self.lock_file, self.kept_lock_file.read_bytes())
            return True

    def keep_lock_file(self) -> bool:
        """Keep the provider lock file for the next run; True when it is new or differs."""
        with disk_errors("the provider lock file"):
            return write_if_changed(self.kept_lock_file, self.lock_file.read_bytes())

    def fingerprint(self, *facts: str) -> str:
        """What `terraform init` depends on: configuration, backend, provider, and ``facts``."""
        digest = hashlib.sha256("\0".join(facts).encode())
        paths = [
            p for folder in (self.root, "modules") for p in sorted((self.environment.work_dir / folder).rglob("*.tf"))
        ]
        for path in [*paths, self.backend_file, self.lock_file]:
            if ".terraform" not in path.parts and path.is_file():
                digest.update(str(path.relative_to(self.environment.work_dir)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def is_initialised(self, fingerprint: str) -> bool:
        try:
            return (self.path / ".terraform" / _FINGERPRINT).read_text(encoding="ascii") == fingerprint
        except OSError:
            return False

    def mark_initialised(self, fingerprint: str) -> None:
        with disk_errors("the work folder"):
            write_atomically(self.path / ".terraform" / _FINGERPRINT, fingerprint)

    def forget_initialised(self) -> None:
        (self.path / ".terraform" / _FINGERPRINT).unlink(missing_ok=True)


def toolkit_variables(connection: Connection, backend: Backend, *, schema_validation: bool) -> Json:
    """Every variable that comes from env.toml, for whichever root declares it.

    Raises UsageError when there is no operator, who gets a data role on the state: never guessed from the caller.
    """
    environment, operator = connection.environment, connection.operator
    if operator is None:
        raise UsageError(
            f"envs/{environment.data_name}/env.toml names no operator",
            hint='add operator = { object_id = "…", type = "Group" }: the person or group that bootstraps '
            "(az ad signed-in-user show --query id, or az ad group show --group NAME --query id)",
        )
    return filled_variables(environment, operator, backend, schema_validation=schema_validation)


def filled_variables(
    environment: Environment, operator: Operator, backend: Backend, *, schema_validation: bool
) -> Json:
    """The same for whoever bootstraps."""
    return {
        "environment": environment.data_name,
        "location": environment.location,
        "tenant_id": environment.tenant_id,
        "subscription_id": environment.subscription_id,
        "public_network_access": asdict(environment.public_network_access),
        "state": {
            "resource_group_name": backend.resource_group_name,
            "storage_account_name": backend.storage_account_name,
            "container_name": backend.container_name,
            "tenant_id": environment.tenant_id,
            "subscription_id": environment.subscription_id,
        },
        "schema_validation": schema_validation,
        "alert_receiver_required": environment.alert_receiver_required,
        "operator_principal_id": operator.object_id,
        "operator_principal_type": operator.type,
        "state_ip_rules": list(environment.state_ip_rules),
        "github_repository": environment.github_repository,
        "github_subject": environment.github_subject_template,
    }


def check_variables(environment: Environment) -> None:
    """Refuse what Terraform would leave out with a warning, or in silence: misspelt variables and keys of objects."""
    variables = [v for root in ROOTS for v in declared(environment.project.terraform_dir, root)]
    refuse_variables(environment, {v.name for v in variables})
    if problems := unknown_keys(environment, variables):
        raise UsageError("\n".join(problems), hint="docs/variables.md lists every variable and key")


def declared_variables(folder: Path) -> set[str]:
    names: set[str] = set()
    for path in folder.glob("*.tf"):
        names.update(re.findall(r'^variable\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE))
    return names


def _mirror(source: Path, target: Path) -> None:
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and path.suffix in _COPIED and not _LEFT_OUT.intersection(path.relative_to(source).parts)
    }
    for relative in sorted(wanted):
        write_if_changed(target / relative, (source / relative).read_bytes())
    for path in sorted(target.rglob("*"), reverse=True):
        relative = path.relative_to(target)
        if ".terraform" in relative.parts or relative in wanted:
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif not any(path.match(pattern) for pattern in _KEPT):
            path.unlink()
