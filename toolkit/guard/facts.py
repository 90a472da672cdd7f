"""What an environment's data says that policies hold a plan against."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.environment import Environment
from toolkit.environment.variables import read_variables, variable_files
from toolkit.errors import ToolkitError
from toolkit.records import Json
from toolkit.terraform.workspace import RootName

# What an environment that says nothing else may use; `virtualMachines` are the nodes of clusters and pools. A registry
# has private endpoints in Premium only: https://learn.microsoft.com/azure/container-registry/container-registry-skus
ALLOWED_SKUS: Mapping[str, tuple[str, ...]] = {
    "Microsoft.ContainerRegistry/registries": ("Premium",),
    "Microsoft.KeyVault/vaults": ("standard", "premium"),
    "Microsoft.MachineLearningServices/workspaces": ("Basic",),
    "Microsoft.Network/natGateways": ("Standard*",),
    "Microsoft.Network/publicIPAddresses": ("Standard*",),
    "Microsoft.Storage/storageAccounts": ("Standard_*",),
    "Microsoft.Web/serverfarms": ("FC1", "EP*", "P*v*"),
    "virtualMachines": ("Standard_D*", "Standard_E*", "Standard_F*", "Standard_NC*_T4_v3"),
}
# Roles that lead to others' rights: they go to whom the matrix names and to nobody else (docs/adr/0008).
_BROAD = frozenset({"Contributor", "Key Vault Administrator", "Storage Blob Data Owner", "private_endpoint_approver"})
_ROLE = re.compile(r'^\s+"([^"]+)"\s*=\s*"([0-9a-f-]{36})"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Facts:
    """``storage_service`` is the key of ``public_network_access`` that storage accounts of the planned root follow."""

    name: str
    protected: bool
    allowed_locations: tuple[str, ...]
    public_network_access: Mapping[str, str]
    storage_service: str
    required_tags: tuple[str, ...]
    allowed_skus: Mapping[str, tuple[str, ...]]
    further_roles: tuple[str, ...]
    built_in_roles: Mapping[str, str] = field(repr=False)  # name by GUID

    def for_policies(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "built_in_roles"}


def facts_of(environment: Environment, root: RootName, document: Json) -> Facts:
    """What a plan's own document says of the variables is taken from it, which spares reading their files.

    Raises UsageError for a variable file that is no HCL.
    """
    guard, built_in_roles = environment.guard, _built_in_roles(environment)
    return Facts(
        name=environment.name,
        protected=environment.protected,
        allowed_locations=tuple(dict.fromkeys((environment.location, *guard.allowed_locations))),
        public_network_access=asdict(environment.public_network_access),
        storage_service="state" if root == "bootstrap" else "storage",
        required_tags=tuple(sorted(_required_tags(environment, document))),
        allowed_skus={**ALLOWED_SKUS, **guard.allowed_skus},
        further_roles=tuple(sorted(_delegated(document, built_in_roles) - _BROAD)),
        built_in_roles=built_in_roles,
    )


def bootstrap_outputs(document: Json) -> Json:
    """As the platform's root reads them of the bootstrap's state; none in a plan of the bootstrap itself."""
    values = (document.get("prior_state") or {}).get("values") or {}
    for item in (values.get("root_module") or {}).get("resources", []):
        if item["mode"] == "data" and item["type"] == "terraform_remote_state":
            found = (item.get("values") or {}).get("outputs")
            return found if isinstance(found, dict) else {}
    return {}


def _required_tags(environment: Environment, document: Json) -> Iterable[str]:
    planned = (document.get("variables") or {}).get("required_tags")
    if planned is not None:
        return planned.get("value") or ()
    variables: dict[str, Any] = {}
    for path in variable_files(environment):
        variables.update(read_variables(path, environment.project.root))
    return variables.get("required_tags") or ()


def _delegated(document: Json, names: Mapping[str, str]) -> set[str]:
    """The built-in roles that the bootstrap lets CI hand out, further_delegated_roles of its variables included."""
    return {names[guid] for guid in bootstrap_outputs(document).get("delegated_role_ids") or () if guid in names}


def _built_in_roles(environment: Environment) -> dict[str, str]:
    """Terraform's own table is the one place of these ids."""
    path = environment.project.terraform_dir / "modules" / "role_assignments" / "roles.tf"
    try:
        return {guid: name for name, guid in _ROLE.findall(path.read_text(encoding="utf-8"))}
    except OSError as error:
        raise ToolkitError(f"{path} cannot be read: {error.strerror}") from error
