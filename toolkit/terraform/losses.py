"""What holds state or data is never replaced or deleted as a side effect of an apply or a bootstrap.

A plan that would do so is refused, whoever made it and whatever forces it: the reason, what would be lost and the
deliberate ways are said. ``toolkit destroy`` is one; the other is to allow one address, with a reason that is kept in
the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toolkit.errors import RefusedError, UsageError
from toolkit.terraform.plan import PlanSummary, ResourceChange
from toolkit.terraform.workspace import RootName

# Azure's type, and what goes with a resource of it. What can be made again from the configuration alone (networks,
# endpoints, role assignments, pools, functions) is not here.
STATEFUL: dict[str, str] = {
    "Microsoft.Resources/resourceGroups": "everything in the group, whoever made it",
    "Microsoft.Storage/storageAccounts": "all blobs, files, queues and tables, and what of them is soft-deleted",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "all blobs in it",
    "Microsoft.KeyVault/vaults": "all secrets, keys and certificates; the name stays taken while it is soft-deleted",
    "Microsoft.MachineLearningServices/workspaces": "all jobs, models, data assets and endpoints",
    "Microsoft.ContainerRegistry/registries": "all images",
    "Microsoft.OperationalInsights/workspaces": "all logs",
    "Microsoft.Insights/components": "the telemetry's tie to its logs",
    "Microsoft.DataFactory/factories": "run history, what was published from the studio, and its identity's roles",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "its principal id, on which roles hang",
}

LOCKS = "Microsoft.Authorization/locks"

_WHY = {
    "delete because no resource config": "it is no longer in the configuration",
    "delete because no module": "its module is no longer in the configuration",
    "delete because each key": "its key is no longer in the configuration",
    "delete because count index": "the configuration no longer asks for it",
    "delete because wrong repetition": "the configuration asks for it under another key",
    "replace by request": "a replacement was asked for",
    "replace by triggers": "something that it is bound to changes",
}
_THE_STATE = ("azapi_resource.state_resource_group", "module.state.")
_STATE_STAYS = (
    "put back what was changed, and all stays: the account that keeps the state, and its group, are never replaced. A "
    "platform that needs others is another environment, with a folder of its own in envs/"
)
# Its creation failed, so that nothing is in it, and only making it again helps.
HALF_MADE = "replace because tainted"


class Losing(Protocol):
    """A saved plan. ``final``: it breaks a ``prevent_destroy``, so that nothing can be allowed."""

    @property
    def summary(self) -> PlanSummary: ...

    @property
    def final(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Loss:
    """One resource of a plan that holds state or data and would not survive it."""

    change: ResourceChange
    holds: str

    @property
    def why(self) -> str:
        reason = self.change.reason or ""
        if self.change.forces:
            return f"because of {', '.join(self.change.forces)}"
        return f"because {_WHY.get(reason, reason or 'the configuration changed')}"


def losses(summary: PlanSummary) -> tuple[Loss, ...]:
    return tuple(
        Loss(change, STATEFUL[change.resource_type])
        for change in summary.changes
        if change.action in ("replace", "delete")
        and change.resource_type in STATEFUL
        and "azapi_resource" in change.address.split(".")
        and change.reason != HALF_MADE
    )


def parse_allowed(values: Sequence[str]) -> dict[str, str]:
    """``ADDRESS=REASON`` of the command line. Raises UsageError."""
    allowed: dict[str, str] = {}
    for value in values:
        match = re.fullmatch(r'((?:[^="]|"[^"]*")+)=(.*)', value, re.DOTALL)
        if match is None or not match[2].strip():
            raise UsageError(
                f"--allow-replace {value}: a resource's address and the reason belong together",
                hint="--allow-replace 'module.storage.azapi_resource.this=moved by hand, ticket 123'",
            )
        allowed[match[1].strip()] = match[2].strip()
    return allowed


def check_addresses(summary: PlanSummary, allowed: Mapping[str, str]) -> None:
    """Raises UsageError for an address that a plan does not lose.

    What it creates may be named, too: it may turn out to be there already, and in need of a replacement.
    """
    known = [loss.change.address for loss in losses(summary)]
    created = [c.address for c in summary.changes if c.action == "create" and c.resource_type in STATEFUL]
    # What a lock protects is not lost with it: the guard alone asks for an override (locks_kept.rego).
    locks = [c.address for c in summary.changes if c.action != "create" and c.resource_type == LOCKS]
    if unknown := [address for address in allowed if address not in (*known, *created, *locks)]:
        raise UsageError(
            f"--allow-replace {unknown[0]}: this plan neither replaces nor deletes such a resource",
            hint=f"what it would lose: {', '.join(known)}" if known else "it would lose nothing: leave the option out",
        )


def refuse_losses(plan: Losing, root: RootName, env: str, allowed: Mapping[str, str]) -> None:
    """Raises RefusedError for a plan that loses what nobody allowed."""
    found = losses(plan.summary)
    # Terraform cannot take away the account that it keeps this very state in.
    never = [loss for loss in found if root == "bootstrap" and loss.change.address.startswith(_THE_STATE)]
    refused = found if plan.final or never else [loss for loss in found if loss.change.address not in allowed]
    if refused:
        command = "bootstrap" if root == "bootstrap" else "apply"
        way_out = _STATE_STAYS if plan.final or never else _way_out(env, command, refused[0].change.address)
        raise RefusedError(f"{sentence(refused, env)}\n" + "\n".join(described(refused)), hint=way_out)


def sentence(refused: Sequence[Loss], env: str) -> str:
    things = "1 resource that holds" if len(refused) == 1 else f"{len(refused)} resources that hold"
    return f"the plan of {env} would replace or delete {things} state or data"


def described(refused: Sequence[Loss]) -> list[str]:
    """Two lines for each: what and why, and what would be lost."""
    lines: list[str] = []
    for loss in refused:
        change = loss.change
        lines.append(f"  {change.action} {change.address} ({change.resource_type}), {loss.why}")
        lines.append(f"    lost: {loss.holds}")
    return lines


def _way_out(env: str, command: str, address: str) -> str:
    return (
        f"put back what was changed, and all stays. If it is meant, save the data first; then `toolkit destroy {env}` "
        f"and begin anew, or allow each by its address: toolkit {command} {env} --allow-replace '{address}=REASON'"
    )
