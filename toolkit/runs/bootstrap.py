"""``toolkit bootstrap``: the state account, identities and roles that everything else stands on.

Its own state ends up in the account that it makes: the first run keeps it in a local file, waits until this identity
can write to the account, and moves it there. A run that was killed anywhere in between is completed by the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.environment.variables import variable_files
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.files import disk_errors, write_atomically
from toolkit.guard.check import guard_plan, refuse
from toolkit.live.meant import forget_manifest
from toolkit.runs.state_access import documentation_rules
from toolkit.runs.state_role import assign_state_role
from toolkit.terraform.applying import NOTHING, apply_plan, check_losses
from toolkit.terraform.initialising import prepare
from toolkit.terraform.losses import HALF_MADE
from toolkit.terraform.plan import PlanSummary
from toolkit.terraform.planning import SavedPlan, make_plan, with_announcements
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.state import BOOTSTRAP_KEY, StateDeniedError, StateStore
from toolkit.terraform.workspace import toolkit_variables

_BACKEND_TF = 'terraform {\n  backend "azurerm" {}\n}\n'


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What a run did: the plan's summary, the outputs, and whether the state was moved in this run."""

    summary: PlanSummary
    outputs: dict[str, Any]
    moved: bool


def bootstrap(session: Session) -> Bootstrapped:
    """Make what is missing. Running it again changes nothing. Raises ToolkitError."""
    plan, local = plan_bootstrap(session)
    return apply_bootstrap(session, plan, local=local)


def bootstrap_what_is_missing(session: Session) -> None:
    """For a command that changes nothing: make a bootstrap that is not there, and leave one that is there alone.

    Raises RefusedError when a half-made one needs more than that.
    """
    name = session.environment.name
    if not _look_for_local_state(session):
        session.observer.note(
            f"the bootstrap of {name} was not made from today's configuration: `toolkit apply {name}` runs it first; "
            "this plan is for the one that is there"
        )
        return
    session.observer.note(f"{name} has no bootstrap yet: making it")
    plan, local = plan_bootstrap(session)
    if any(change.action != "create" and change.reason != HALF_MADE for change in plan.summary.changes):
        raise RefusedError(
            f"the bootstrap of {name} is half made, and more than creating is left of it ({plan.summary.sentence})",
            hint=f"toolkit bootstrap {name}",
        )
    apply_bootstrap(session, plan, local=local)


def plan_bootstrap(session: Session, *, force_unlock: str | None = None) -> tuple[SavedPlan, bool]:
    """The plan, and whether the state is still in the local file."""
    check_reach(session)
    try:
        local = _look_for_local_state(session)
    except StateDeniedError as denied:
        if denied.kind != "storage-role" or not assign_state_role(session):
            raise
        local = _look_for_local_state(session)
    prepare_bootstrap(session, local)
    plan = with_announcements(session, make_plan(session, "bootstrap", force_unlock=force_unlock), "bootstrap")
    _check_names(session, plan)
    return plan, local


def _look_for_local_state(session: Session) -> bool:
    """Whether the state is still in the local file, or nowhere."""
    from toolkit.azure.login import check_login

    check_login(session.connection)
    store = StateStore(session.connection, session.backend.with_key(BOOTSTRAP_KEY))
    session.observer.step(
        f"looking for the state in {store.backend.storage_account_name}/{store.backend.container_name}"
    )
    return _state_is_local(session, store)


def apply_bootstrap(
    session: Session, plan: SavedPlan, *, local: bool, allowed: Mapping[str, str] = NOTHING
) -> Bootstrapped:
    """Apply the plan and move the state into the account.

    ``allowed`` as in :func:`toolkit.terraform.applying.apply_plan`.
    """
    check_losses(session, plan, "bootstrap", allowed)
    refuse(guard_plan(session.environment, plan.document, "bootstrap", allowed, plan.summary))
    if not plan.summary.empty:
        # Whatever ends this run half-way, the next command finds an unfinished bootstrap and not yesterday's.
        with disk_errors("the record of the bootstrap"):
            _marker(session).unlink(missing_ok=True)
    forget_manifest(
        session.environment
    )  # what was meant before; the next apply of the platform, or check, reads it anew
    outputs = apply_plan(session, plan, "bootstrap", allowed)
    if local:
        session.let_in()
        store = StateStore(session.connection, session.backend.with_key(BOOTSTRAP_KEY))
        store.wait_until_writable(session.observer.note)
        _move_state(session, store)
    marker = {
        "storage_account_name": session.backend.storage_account_name,
        "configuration": _configuration(session),
        "outputs": outputs,
    }
    with disk_errors("the record of the bootstrap"):
        write_atomically(_marker(session), json.dumps(marker, indent=2, sort_keys=True) + "\n", 0o644)
    return Bootstrapped(plan.summary, outputs, local)


def is_bootstrapped(session: Session) -> bool:
    """Whether this folder's last bootstrap was of the configuration as it stands now."""
    try:
        recorded = json.loads(_marker(session).read_bytes()).get("configuration")
    except (OSError, ValueError, AttributeError):
        return False
    return bool(recorded == _configuration(session))


def check_reach(session: Session) -> None:
    """On Azure: refuse addresses that nobody has, and say where a rule for an address has no effect."""
    environment = session.environment
    if not environment.exists_outside:
        return
    where = f"envs/{environment.data_name}/env.toml"
    for rule in documentation_rules(environment):
        raise UsageError(
            f"{where}: state_ip_rules names {rule}, an address for documentation that nobody has on Azure",
            hint="delete it; state_subnet_ids or state_private_endpoint in terraform.tfvars let runners in Azure in",
        )
    if environment.vantages[0] == "vnet" and environment.state_ip_rules:
        session.observer.note(
            "a storage account ignores the rule for an address when the request comes from its own region "
            f"({environment.location}): a runner there needs state_subnet_ids or state_private_endpoint"
        )


def _marker(session: Session) -> Path:
    return session.environment.state_dir / "bootstrap.json"


def _configuration(session: Session) -> str:
    """A hash over everything that the bootstrap is made from: its root, the modules and the variables."""
    terraform = session.environment.project.terraform_dir
    digest = hashlib.sha256()
    sources = [path for folder in ("bootstrap", "modules") for path in sorted((terraform / folder).rglob("*.tf"))]
    for path in [*sources, *variable_files(session.environment)]:
        if ".terraform" not in path.parts and path.is_file():
            digest.update(str(path.relative_to(session.environment.project.root)).encode() + b"\0" + path.read_bytes())
    variables = toolkit_variables(session.connection, session.backend, schema_validation=True)
    digest.update(json.dumps(variables, sort_keys=True).encode())
    return digest.hexdigest()


def _state_is_local(session: Session, store: StateStore) -> bool:
    """Which of the two states counts.

    A state file here beside a state in the account is a run that was killed while it moved the state: the account's is
    the same or newer, or the move had not written everything and is done again.
    """
    file = session.folder("bootstrap").path / "terraform.tfstate"
    mine = _read_state(file.read_bytes()) if file.is_file() else None
    try:
        present = store.presence() == "present"
    except ToolkitError:
        if mine is None:
            raise
        present = False  # roles and rules that this very state is about to make may still be missing
    if not present:
        return True
    if mine is None:
        return False
    theirs = _read_state(store.download())
    if mine.get("lineage") != theirs.get("lineage"):
        raise ToolkitError(
            f"two different states of the bootstrap: {file} and {BOOTSTRAP_KEY} in "
            f"{store.backend.storage_account_name}",
            hint=f"somebody else has bootstrapped this environment; move {file} away, then run again",
        )
    if int(mine.get("serial", 0)) > int(theirs.get("serial", 0)):
        return True
    _forget_local_state(session)
    return False


def prepare_bootstrap(session: Session, local: bool) -> None:
    """Initialise the bootstrap's root, on the state in the local file or on the one in the account."""
    folder = session.folder("bootstrap")
    backend_tf = folder.path / "backend.tf"
    with disk_errors("the work folder"):
        if local:
            backend_tf.unlink(missing_ok=True)
            # Terraform's memory of a backend that a reset sandbox no longer has would make it ask to migrate.
            (folder.path / ".terraform" / "terraform.tfstate").unlink(missing_ok=True)
        else:
            folder.path.mkdir(parents=True, exist_ok=True)
            write_atomically(backend_tf, _BACKEND_TF, 0o644)
    prepare(session, "bootstrap", remote_state=not local)


def _check_names(session: Session, plan: SavedPlan) -> None:
    """backend.hcl says where the platform looks for its state: it must be the account that the bootstrap makes."""
    # output_changes and not planned_values: that leaves an output out whole when a part of it is not known yet.
    planned = plan.document.get("output_changes", {}).get("state", {}).get("after") or {}
    expected = {
        name: getattr(session.backend, name)
        for name in ("resource_group_name", "storage_account_name", "container_name")
    }
    wrong = {name: planned[name] for name in expected if planned.get(name) not in (None, expected[name])}
    if wrong:
        raise UsageError(
            f"envs/{session.environment.data_name}/backend.hcl does not name what terraform/bootstrap makes: "
            + ", ".join(f"{name} is {expected[name]}, not {value}" for name, value in wrong.items()),
            hint="correct backend.hcl: " + "; ".join(f'{name} = "{value}"' for name, value in wrong.items()),
        )


def _move_state(session: Session, store: StateStore) -> None:
    folder = session.folder("bootstrap")
    session.observer.step(f"moving the bootstrap's state into {store.backend.storage_account_name}")
    with disk_errors("the work folder"):
        folder.write_backend(store.backend)
        write_atomically(folder.path / "backend.tf", _BACKEND_TF, 0o644)
    folder.forget_initialised()
    session.run(
        "bootstrap",
        "init",
        input=False,
        no_color=FLAG,
        migrate_state=FLAG,
        force_copy=FLAG,
        backend_config=str(folder.backend_file),
    )
    if store.presence() != "present":
        raise ToolkitError(
            f"the state was moved, but {BOOTSTRAP_KEY} is not in {store.backend.storage_account_name}",
            hint=f"it is still in {folder.path / 'terraform.tfstate'}: run toolkit bootstrap "
            f"{session.environment.name} again",
        )
    _forget_local_state(session)


def _forget_local_state(session: Session) -> None:
    with disk_errors("the local state"):
        for path in session.folder("bootstrap").path.glob("terraform.tfstate*"):
            path.unlink()


def _read_state(content: bytes) -> dict[str, Any]:
    try:
        state = json.loads(content or b"{}")
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}
