"""One locked run on one environment: what plan, apply, destroy, outputs and bootstrap are made of."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from toolkit.environment import Connection, Environment, connect
from toolkit.errors import RefusedError, ToolkitError
from toolkit.files import disk_errors, write_atomically
from toolkit.terraform import adopt, diagnostics, statelock
from toolkit.terraform.events import Observer, Result
from toolkit.terraform.gone import actions_without_target
from toolkit.terraform.lock import EnvironmentLock, lock_environment
from toolkit.terraform.plan import PlanSummary, summarise
from toolkit.terraform.purge import steps_after_destroy
from toolkit.terraform.runner import FLAG, Runner
from toolkit.terraform.state import BOOTSTRAP_KEY, Backend, read_backend
from toolkit.terraform.workspace import RootName, WorkFolder, toolkit_variables
from toolkit.toolchain.provider import Provider, after_init, resolve_provider
from toolkit.toolchain.terraform import ensure_terraform
from toolkit.toolchain.tool import Tool

_PLANS_KEPT = 10
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 30.0
# The platforms that people and CI agents use; a lock file with one platform's hashes fails on the others.
# https://developer.hashicorp.com/terraform/cli/commands/providers/lock
_LOCK_PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_arm64", "darwin_amd64", "windows_amd64")

# Terraform's default of 10 is used up by operations that wait for Azure, and by those that wait for azapi's locks
# (measured by benchmarks/critical_path.py). Azure allows bursts of 200 writes for a principal in a subscription:
# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
_PARALLELISM = 40


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan file (mode 0600: it may hold sensitive values), what it would change, and whether it destroys all."""

    file: Path
    summary: PlanSummary
    destroy: bool
    document: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def known_outputs(self) -> dict[str, Any]:
        """The outputs after this plan, as far as they are known and not sensitive: all, when it changes nothing."""
        outputs = self.document.get("planned_values", {}).get("outputs", {})
        return {name: item["value"] for name, item in outputs.items() if "value" in item and not item["sensitive"]}


@dataclass(slots=True)
class Session:
    """Holds the environment's lock. Use :func:`open_session`."""

    connection: Connection
    observer: Observer
    lock: EnvironmentLock
    terraform: Tool
    provider: Provider
    backend: Backend

    @property
    def environment(self) -> Environment:
        return self.connection.environment

    def folder(self, root: RootName) -> WorkFolder:
        return WorkFolder(self.environment, root)

    def runner(self, root: RootName) -> Runner:
        settings = dict(self.connection.process_environment())
        if self.provider.cli_config_file is not None:
            settings["TF_CLI_CONFIG_FILE"] = str(self.provider.cli_config_file)
        return Runner(
            self.terraform.path,
            self.folder(root).path,
            settings,
            self.environment.state_dir / "logs",
            self.observer,
            self.lock,
        )

    # -- init ------------------------------------------------------------------------------------------------------

    def prepare(self, root: RootName = "platform", *, remote_state: bool = True) -> None:
        """Refresh the work folder and initialise it, unless nothing that init depends on has changed."""
        folder = self.folder(root)
        folder.refresh()
        if remote_state:
            folder.write_backend(self.backend if root == "platform" else self.backend.with_key(BOOTSTRAP_KEY))
        else:
            folder.backend_file.unlink(missing_ok=True)
        first = not folder.restore_lock_file()
        facts = (
            self.terraform.version,
            str(self.terraform.path),
            str(self.provider.cli_config_file),
            self.provider.version or "",
        )
        if not folder.is_initialised(folder.fingerprint(*facts)):
            from toolkit.azure.login import check_login

            folder.forget_initialised()
            check_login(self.connection)
            self._init(folder, remote_state)
            if first and not self.environment.provider_may_be_built:
                self._lock_providers(folder)
            if folder.keep_lock_file() and not self.environment.provider_may_be_built:
                shown = folder.kept_lock_file.relative_to(self.environment.project.root)
                self.observer.note(f"commit {shown}: it pins the provider for everybody")
            folder.mark_initialised(folder.fingerprint(*facts))
        selected = after_init(self.provider, folder.lock_file)
        folder.write_variables(
            toolkit_variables(self.connection, self.backend, schema_validation=selected.schema_validation)
        )

    def _init(self, folder: WorkFolder, remote_state: bool) -> None:
        self.observer.step(f"terraform init ({folder.root})")
        if self.environment.provider_may_be_built:
            # Throw-away, and a provider built by another Go has another hash.
            folder.lock_file.unlink(missing_ok=True)
        options: dict[str, Any] = {"backend_config": str(folder.backend_file)} if remote_state else {}
        result = self.runner(folder.root).run(
            "init", input=False, no_color=FLAG, json=FLAG, reconfigure=FLAG, **options
        )
        if result.returncode != 0:
            raise self.failure(result)

    def _lock_providers(self, folder: WorkFolder) -> None:
        self.observer.step("writing the provider lock file for all platforms")
        options: dict[str, Any] = {"platform": list(_LOCK_PLATFORMS)}
        if self.environment.provider_mirror is not None:
            options["fs_mirror"] = str(self.environment.provider_mirror)
        result = self.runner(folder.root).run("providers lock", no_color=FLAG, **options)
        if result.returncode != 0:
            self.observer.note(
                "the provider lock file only covers this machine's platform: `terraform providers lock` failed "
                "(a mirror must hold every platform)"
            )

    # -- plan ------------------------------------------------------------------------------------------------------

    def plan(
        self,
        root: RootName = "platform",
        *,
        destroy: bool = False,
        force_unlock: str | None = None,
        locked: bool = True,
    ) -> SavedPlan:
        """Plan into ``.toolkit/<env>/plans`` (for the platform's root; the newest ten are kept).

        ``locked`` False takes no lock on the state, for an identity that may only read it.
        Raises ToolkitError when Terraform fails. A lock that a killed run of ours left on the state is freed first,
        when it is provably that.
        """
        if force_unlock is not None:
            self.unlock(root, force_unlock)
        file = self._new_plan_file(root)
        options: dict[str, Any] = {"destroy": FLAG} if destroy else {}
        if not locked:
            options["lock"] = False
        self._push_errored_state(root)
        self.observer.step(f"terraform plan ({root})")
        result = self._unlocking(root, lambda: self._plan_run(root, file, options))
        if result.returncode not in (0, 2):
            raise self.failure(result)
        self._show_warnings(result)
        file.chmod(0o600)
        document = self._show(root, file)
        steps = tuple(step.announcement for step in steps_after_destroy(document)) if root == "platform" else ()
        return SavedPlan(file, summarise(document, steps), destroy, document)

    def load_plan(self, root: RootName, file: Path) -> SavedPlan:
        """The model of a plan file that another run made."""
        document = self._show(root, file)
        steps = tuple(step.announcement for step in steps_after_destroy(document))
        destroy = bool(document.get("resource_changes")) and all(
            set(item["change"]["actions"]) <= {"delete", "no-op", "read"} for item in document["resource_changes"]
        )
        return SavedPlan(file, summarise(document, steps), destroy, document)

    def unlock(self, root: RootName, lock: str) -> None:
        """Free a lock on the state by its id. Raises ToolkitError when there is no such lock."""
        result = self.runner(root).run("force-unlock", lock, force=FLAG, no_color=FLAG)
        if result.returncode != 0:
            words = " ".join(line.strip(" │╷╵") for line in result.stderr.splitlines() if line.strip(" │╷╵"))
            raise ToolkitError(
                f"the lock {lock} cannot be freed: {words}", hint="the message of the refused run names the id"
            )
        self.observer.note(f"freed the lock {lock} of the state")

    def _unlocking(self, root: RootName, attempt: Callable[[], Result]) -> Result:
        """Run; when a lock that is provably ours is in the way, free it and run again."""
        result = attempt()
        errors = result.events.errors or diagnostics.from_text(result.stderr)
        held = diagnostics.lock_id(errors)
        if result.returncode == 0 or not held or not statelock.is_ours(errors, self.lock.left_behind):
            return result
        self.observer.note(f"the state is still locked by a run of this machine that is dead: freeing its lock {held}")
        self.unlock(root, held)
        return attempt()

    def _push_errored_state(self, root: RootName) -> None:
        """Save what an earlier apply could not: Terraform then keeps it in errored.tfstate.

        https://developer.hashicorp.com/terraform/cli/state/recover
        """
        file = self.folder(root).path / "errored.tfstate"
        if not file.is_file():
            return
        runner = self.runner(root)
        result = self._unlocking(root, lambda: runner.run("state push", file.name, no_color=FLAG))
        if result.returncode != 0:
            errors = diagnostics.from_text(result.stderr)
            if diagnostics.lock_id(errors):
                result.events.diagnostics.extend(errors)
                raise self.failure(result)
            raise ToolkitError(
                f"the state that the last apply could not save is in {file}, and cannot be saved now:\n"
                + "\n".join(f"  {d.summary}\n  {d.detail}" for d in errors),
                hint="somebody has applied since: move the file away when what it holds is not needed, then run again",
            )
        with disk_errors("the state that could not be saved"):
            file.unlink()
        self.observer.note("saved the state that the last apply could not save")

    def _plan_run(self, root: RootName, file: Path, options: dict[str, Any]) -> Result:
        return self.runner(root).run("plan", input=False, json=FLAG, detailed_exitcode=FLAG, out=str(file), **options)

    def _show(self, root: RootName, file: Path) -> dict[str, Any]:
        result = self.runner(root).run("show", str(file), json=FLAG, private=True)
        if result.returncode != 0:
            raise self.failure(result)
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def _new_plan_file(self, root: RootName) -> Path:
        plans = self.environment.state_dir / "plans"
        with disk_errors("the saved plan"):
            plans.mkdir(parents=True, exist_ok=True, mode=0o700)
            for old in sorted(plans.glob("*.tfplan"))[:-_PLANS_KEPT]:
                old.unlink(missing_ok=True)
        return plans / f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{root}.tfplan"

    # -- apply -----------------------------------------------------------------------------------------------------

    def apply(self, plan: SavedPlan, root: RootName = "platform") -> dict[str, Any]:
        """Apply exactly ``plan`` and answer the outputs.

        After errors that go away by themselves (diagnostics.RETRYABLE) the rest is planned again and applied, as long
        as it changes nothing that the first plan did not. Raises ToolkitError, or RefusedError for a stale plan.
        """
        approved = {change.address: change.action for change in plan.summary.changes}
        waits = _Waits()
        left = self.lock.left_behind
        if left is not None and left.command == "apply":
            adopt.remember(self.environment, adopt.created_in(left.log))
        while True:
            count = sum(2 if c.action == "replace" else 1 for c in plan.summary.changes)
            result = self._apply_run(root, plan.file, count)
            if result.returncode == 0:
                adopt.forget(self.environment)
                return result.events.outputs
            existing = adopt.already_existing(result.events.errors, adopt.remembered(self.environment))
            others = [error for error in result.events.errors if error.address not in existing]
            if existing and (not others or diagnostics.retryable(others)):
                self.observer.note(
                    f"{len(existing)} resources that the interrupted run had created are taken into the state; "
                    "planning again and going on"
                )
                plan = self._plan_with_imports(root, plan, existing)
                _must_be_within(plan.summary, approved, self.environment)
                continue
            if gone := actions_without_target(result.events.errors, plan.document):
                self._leave_out(root, gone)
                self.observer.note(
                    f"somebody has deleted what {', '.join(gone)} would have ended; planning again and going on"
                )
                plan = self.plan(root, destroy=plan.destroy)
                _must_be_within(plan.summary, approved, self.environment)
                continue
            row = diagnostics.retryable(result.events.errors)
            wait = waits.next(row) if row is not None else None
            if row is None or wait is None:
                raise self.failure(result)
            where = ", ".join(sorted({d.address for d in result.events.errors if d.address}))
            self.observer.note(f"{row.reason} ({row.name}: {where}); planning again and going on in {wait:.0f} s")
            time.sleep(wait)
            plan = self.plan(root, destroy=plan.destroy)
            _must_be_within(plan.summary, approved, self.environment)
            if plan.summary.empty:
                adopt.forget(self.environment)
                return plan.known_outputs

    def _leave_out(self, root: RootName, addresses: list[str]) -> None:
        """Take resources out of the state without destroying them."""
        result = self.runner(root).run("state rm", *addresses, no_color=FLAG)
        if result.returncode != 0:
            raise self.failure(result)

    def _apply_run(self, root: RootName, file: Path, planned: int) -> Result:
        """One run; one that is interrupted or killed leaves a record of what it began to create."""
        runner = self.runner(root)
        result: Result | None = None
        try:
            result = runner.run("apply", str(file), input=False, json=FLAG, planned=planned, parallelism=_PARALLELISM)
            return result
        finally:
            if (result is None or result.killed) and runner.last_log is not None:
                adopt.remember(self.environment, adopt.created_in(runner.last_log))

    def adopting(self, plan: SavedPlan, existing: dict[str, str], root: RootName = "platform") -> SavedPlan:
        """``plan`` again, taking resources (id by address) that it would create into the state instead.

        Raises RefusedError when the new plan would do more than the first one.
        """
        approved = {change.address: change.action for change in plan.summary.changes}
        again = self._plan_with_imports(root, plan, existing)
        _must_be_within(again.summary, approved, self.environment)
        return again

    def _plan_with_imports(self, root: RootName, plan: SavedPlan, existing: dict[str, str]) -> SavedPlan:
        imports = self.folder(root).path / adopt.IMPORTS_FILE
        with disk_errors("the work folder"):
            write_atomically(imports, adopt.import_blocks(existing, plan.document), 0o644)
        try:
            return self.plan(root, destroy=plan.destroy)
        finally:
            imports.unlink(missing_ok=True)

    def read_outputs(self, root: RootName = "platform") -> dict[str, Any]:
        """The outputs in the state, without the sensitive ones."""
        result = self.runner(root).run("output", json=FLAG, private=True, no_color=FLAG)
        if result.returncode != 0:
            raise self.failure(result)
        return {name: item["value"] for name, item in json.loads(_parsed(result)).items() if not item.get("sensitive")}

    def save_outputs(self, outputs: dict[str, Any]) -> None:
        with disk_errors("the outputs"):
            write_atomically(
                outputs_path(self.environment), json.dumps(outputs, indent=2, sort_keys=True) + "\n", 0o644
            )

    # -- words -----------------------------------------------------------------------------------------------------

    def failure(self, result: Result) -> ToolkitError:
        """What went wrong in a run of Terraform, as the error to raise."""
        error = diagnostics.failure(result, self.environment.name)
        stale = any("stale" in d.summary.lower() for d in result.events.errors)
        missing = diagnostics.state_missing(result.events.errors)
        if stale:
            return RefusedError(error.message, hint=error.hint)
        return StateMissingError(error.message, hint=error.hint) if missing else error

    def _show_warnings(self, result: Result) -> None:
        for warning in dict.fromkeys(result.events.warnings):
            # check_variables() has refused what neither root declares; what is left belongs to the other root.
            if "undeclared variable" not in warning.summary:
                where = f"{warning.address}: " if warning.address else ""
                self.observer.note(f"warning: {where}{warning.summary}: {' '.join(warning.detail.split())[:300]}")

    def versions(self) -> dict[str, str]:
        """What ran: for evidence and for the metadata of a saved plan."""
        from toolkit import __version__

        selected = after_init(self.provider, self.folder("platform").lock_file)
        return {
            "toolkit": __version__,
            "terraform": self.terraform.version,
            "azapi": selected.version or "",
            "provider_source": self.provider.source,
            "commit": commit(self.environment),
        }


class StateMissingError(ToolkitError):
    """The state account or its container is not there: bootstrap comes first."""


@contextmanager
def open_session(environment: Environment, command: str, observer: Observer) -> Iterator[Session]:
    """Lock the environment, make its target ready and find the tools.

    SIGTERM ends the command like Ctrl-C does: in order. Raises RefusedError while another command works on it.
    """
    with _terminating_in_order(), lock_environment(environment, command, observer) as lock:
        terraform = ensure_terraform(progress=observer.step)
        backend = read_backend(environment)
        provider = resolve_provider(
            target_is_sandbox=environment.provider_may_be_built,
            mirror=environment.provider_mirror,
            terraform=terraform,
            progress=observer.step,
        )
        connection = connect(environment, observer.step)
        if provider.notice:
            observer.note(provider.notice)
        yield Session(connection, observer, lock, terraform, provider, backend)


def outputs_path(environment: Environment) -> Path:
    return environment.state_dir / "outputs.json"


def commit(environment: Environment) -> str:
    """The commit that the configuration is at, with ``+`` when the tree differs; empty outside git."""
    root = str(environment.project.root)
    try:
        head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        status = subprocess.run(
            ["git", "-C", root, "status", "--porcelain", "--", "terraform", "envs"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if status.stdout.strip() else "")


@dataclass(slots=True)
class _Waits:
    """How long to wait before the next try: longer each time, until the budget of that error is used up."""

    started: dict[str, float] = field(default_factory=dict)
    tries: int = 0

    def next(self, row: diagnostics.Retryable) -> float | None:
        now = time.monotonic()
        began = self.started.setdefault(row.name, now)
        wait = min(_FIRST_WAIT * 1.6**self.tries, _LONGEST_WAIT)
        self.tries += 1
        return None if now - began + wait > row.budget_seconds else wait


def _must_be_within(summary: PlanSummary, approved: dict[str, Any], environment: Environment) -> None:
    """Going on after an error must not do what nobody agreed to. A half-made resource may have to be made again."""
    # Of a replacement, the first half may be done.
    allowed = {"create": ("update", "replace", "delete", "import"), "replace": ("create",)}
    for change in summary.changes:
        first = approved.get(change.address)
        if first is None or change.action not in (*allowed.get(first, ()), first):
            raise RefusedError(
                f"the rest of the apply would {change.action} {change.address}, which the plan that was agreed to "
                f"does not",
                hint=f"look at it first: toolkit plan {environment.name}",
            )


def _parsed(result: Result) -> str:
    return result.stdout or "{}"


@contextmanager
def _terminating_in_order() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: signals are its business
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
