"""Which resources of an environment a lease can be taken on, and who takes it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.ci.runs import job_of, run_of
from toolkit.environment import Environment
from toolkit.errors import UsageError, nearest
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.model import Owner, group_of
from toolkit.processes import ProcessId, identify
from toolkit.terraform.outputs import Outputs
from toolkit.terraform.state import read_backend

STATE = "state"
# name for people -> output of terraform/platform
TARGETS: Mapping[str, str] = {
    "storage": "storage_account_id",
    "lake": "lake_storage_account_id",
    "pointers": "pointer_storage_account_id",
    "functions": "function_storage_account_id",
    "vault": "key_vault_id",
    "registry": "container_registry_id",
    "workspace": "machine_learning_workspace_id",
    "batch": "batch_account_id",
    "function": "function_app_id",
}
# Another door of the same resource.
DOORS: Mapping[str, tuple[str, str]] = {"scm": ("function_app_id", "scm")}
_DEFAULT = "storage"
_TYPES: Mapping[str, str] = {"account": "Microsoft.Storage/storageAccounts", "vault": "Microsoft.KeyVault/vaults"}
_DETACHED = ProcessId(0, "")


def state_target(environment: Environment) -> Target:
    """The account of the states: known before any output of Terraform, from ``envs/<env>/backend.hcl``."""
    return target_of(read_backend(environment).account_id)


@dataclass(frozen=True, slots=True)
class Choice:
    """What leases are taken on, and the resource groups that leases of this environment are looked for in."""

    targets: tuple[Target, ...]
    groups: tuple[str, ...]


def choose(environment: Environment, names: Sequence[str], outputs: Callable[[], Outputs]) -> Choice:
    """Those that are named; the workspace's default account otherwise.

    A name is one of TARGETS, DOORS or STATE, a resource's own, one with its kind (``account:NAME``, ``vault:NAME``), or
    a resource's id (``…#scm`` for that door), which need not be the environment's. ``outputs`` are asked for only when
    a name needs them: the state that they come from is closed, too, when a lease on its account is taken. Raises
    UsageError for a name that the environment does not have.
    """
    state = state_target(environment)
    at_hand = {STATE: state, state.name: state, f"account:{STATE}": state, f"account:{state.name}": state}
    found: list[Target | str] = [target_of(n) if n.startswith("/") else at_hand.get(n, n) for n in names or (_DEFAULT,)]
    groups: list[str] = []
    if missing := [one for one in found if isinstance(one, str)]:
        known = outputs()
        groups = [str(known["resource_group_id"]).lower()]
        standing = standing_targets(environment, known)
        at_hand |= {name: _named(standing, name) for name in missing}
    chosen = {target.key: target for one in found for target in [at_hand[one] if isinstance(one, str) else one]}
    return Choice(tuple(chosen.values()), tuple(dict.fromkeys([*groups, *map(group_of, chosen)])))


def _named(standing: Mapping[str, Target], name: str) -> Target:
    kind, _, plain = name.rpartition(":")
    wanted = {one: target for one, target in standing.items() if not kind or target.kind.type == _TYPES[kind]}
    by_name = {**{target.name: target for target in wanted.values()}, **wanted}
    if plain in by_name:
        return by_name[plain]
    close = nearest(plain, by_name)
    raise UsageError(
        f"the environment has no {f'{kind} ' if kind else ''}{plain} to take a lease on: it has "
        + ", ".join(f"{one} ({target.name})" for one, target in wanted.items()),
        hint=f"did you mean {close!r}?" if close else "--target takes the id of a resource that is not the platform's",
    )


def standing_targets(environment: Environment, outputs: Outputs) -> dict[str, Target]:
    """By their names for people: what this environment has of them."""
    platform = {name: target_of(outputs[output]) for name, output in TARGETS.items() if outputs.get(output)}
    doors = {
        name: target_of(f"{outputs[output]}#{door}") for name, (output, door) in DOORS.items() if outputs.get(output)
    }
    return {**platform, **doors, STATE: state_target(environment)}


def owner(environ: Mapping[str, str], *, detached: bool) -> Owner:
    """Who takes a lease: a job of a CI run, or somebody at a machine. A ``detached`` one outlives this process."""
    process = (None if detached else identify(os.getpid())) or _DETACHED
    if run := run_of(environ):
        name = ", ".join(part for part in (str(run), job_of(environ)) if part)
        return Owner(name, socket.gethostname(), process, run.url)
    return Owner(f"{_user()}@{socket.gethostname()}", socket.gethostname(), process)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
