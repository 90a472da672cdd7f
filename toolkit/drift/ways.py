"""The ways on from a drift, each as the command that goes it: revert, adopt, accept."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from toolkit.drift.model import DataLine, Decision
from toolkit.live.findings import Finding
from toolkit.live.harm import FATAL
from toolkit.terraform.workspace import RootName


class _Row(NamedTuple):
    """An extra child of a resource at ``owner`` (a Terraform address), or an extra element at a ``path`` of it, that
    the environment's data can say."""

    type: str
    owner: str
    path: str
    file: str
    key: str


_ACCOUNTS = "Microsoft.Storage/storageAccounts"
_CONTAINERS = f"{_ACCOUNTS}/blobServices/containers"
_TFVARS, _ENV_TOML = "terraform.tfvars", "env.toml"
ROWS: tuple[_Row, ...] = (
    _Row(_CONTAINERS, "module.storage.azapi_resource.this", "", _TFVARS, "storage.containers"),
    _Row(_CONTAINERS, "module.lake.azapi_resource.this", "", _TFVARS, "storage.lake_containers"),
    _Row(_ACCOUNTS, "module.storage.azapi_resource.this", "ipRules", _TFVARS, "storage.ip_rules"),
    _Row(_ACCOUNTS, "module.lake.azapi_resource.this", "ipRules", _TFVARS, "storage.lake_ip_rules"),
    _Row(_ACCOUNTS, "module.pointer_storage.azapi_resource.this", "ipRules", _TFVARS, "storage.pointer_ip_rules"),
    _Row(_ACCOUNTS, "module.state.azapi_resource.this", "ipRules", _ENV_TOML, "state_ip_rules"),
    _Row("Microsoft.KeyVault/vaults", "module.key_vault.azapi_resource.this", "ipRules", _TFVARS, "key_vault.ip_rules"),
)


def data_line(finding: Finding, owner: str) -> DataLine | None:
    """What the environment's data could say so that this is meant; None where no key says it.

    ``owner``: the address of the resource, or of the one that an extra resource is below.
    """
    for row in ROWS:
        if row.type.casefold() != finding.type.casefold() or row.owner != owner:
            continue
        if finding.what == "extra" and not row.path:
            return DataLine(row.file, row.key, (finding.id.rsplit("/", 1)[-1],))
        if finding.what == "differs" and row.path and row.path in finding.path:
            values = tuple(one for one in _addresses(finding.live) if one not in _addresses(finding.meant))
            if values:
                return DataLine(row.file, row.key, values)
    return None


def _addresses(value: Any) -> list[str]:
    many = value if isinstance(value, list) else [] if value is None else [value]
    return [str(one.get("value") if isinstance(one, dict) else one) for one in many if one]


def ways(
    environment: str, finding: Finding, root: RootName, owner: str = ""
) -> tuple[Decision, dict[Decision, str], DataLine | None]:
    """What is advised, the command of each way, and what adopting it writes."""
    commands: dict[Decision, str] = {}
    if finding.what == "extra":
        commands["revert"] = f"az resource delete --ids {shlex.quote(finding.id)}"
        if finding.type.casefold() == "microsoft.authorization/roleassignments":
            commands["revert"] = f"az role assignment delete --ids {shlex.quote(finding.id)}"
        if finding.type.casefold().endswith("/privateendpointconnections"):
            commands["revert"] = f"az network private-endpoint-connection delete --yes --id {shlex.quote(finding.id)}"
    elif finding.type.casefold() == "microsoft.keyvault/vaults/secrets":
        name = finding.id.rsplit("/", 1)[-1]
        vault = finding.id.split("/")[8]
        commands["revert"] = f"az keyvault secret set-attributes --vault-name {vault} --name {name} --expires …"
    elif root == "bootstrap":
        commands["revert"] = f"toolkit bootstrap {environment}"
    elif finding.address:
        commands["revert"] = f"toolkit drift {environment} --revert {shlex.quote(finding.address)}"
    else:
        commands["revert"] = f"toolkit apply {environment}"
    what = f"{finding.id}#{finding.path}" if finding.path else finding.id
    if (line := data_line(finding, owner)) is not None:
        commands["adopt"] = f"toolkit drift {environment} --adopt {shlex.quote(what)}"
    until = "--until YYYY-MM-DD"
    commands["accept"] = f"toolkit drift {environment} --accept {shlex.quote(what)} --reason '…' {until}"
    if finding.harm in FATAL or finding.what == "missing" or finding.harm == "drift":
        return "revert", commands, line
    decision: Decision = "adopt" if line is not None else "revert" if finding.what == "differs" else "accept"
    return decision, commands, line
