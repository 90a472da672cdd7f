"""A run of the smoke tests on one environment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM
from toolkit.azure.denial import classify
from toolkit.checks.attempts import denial_words
from toolkit.checks.engine import ChecksInterrupted, ChecksLost, Clock, run_checks, validate_allowed_skips
from toolkit.checks.model import Check, CheckObserver, CheckResult, RunResult
from toolkit.environment import Connection
from toolkit.errors import ToolkitError
from toolkit.evidence import circumstances
from toolkit.smoke.context import Context, Run
from toolkit.smoke.registry import EVERY, ON_REQUEST
from toolkit.smoke.standing import standing

KIND = "smoke"
_GROUP_VERSION = API_VERSIONS["microsoft.resources/resourcegroups"]
_SANDBOX = "toolkit sandbox status says whether it runs, toolkit sandbox start starts it"


class RunLost(ToolkitError):
    """The platform stopped answering in the middle; ``result`` says what was proven until then."""

    def __init__(self, error: ToolkitError, result: RunResult) -> None:
        proven = result.count("PASS")
        super().__init__(f"{error.message}: {proven} checks had passed until then", hint=error.hint)
        self.result = result


class RunInterrupted(KeyboardInterrupt):
    """Somebody ended the run; ``result`` says what was proven until then."""

    def __init__(self, result: RunResult) -> None:
        super().__init__()
        self.result = result


def run(
    connection: Connection,
    outputs: Mapping[str, Any],
    checks: Sequence[Check[Context]],
    *,
    patience: float | None = None,
    observer: CheckObserver | None = None,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Run ``checks`` and say how each ended; what starts jobs comes last, and alone.

    ``patience`` scales every retry budget (the environment's own by default). Raises UsageError when the runner has no
    credential or env.toml allows skips of unknown checks; ToolkitError when the runner cannot sign in or nothing is
    applied: every check would fail for that one reason; RunLost and RunInterrupted, once every check that ran has
    cleaned up.
    """
    environment = connection.environment
    chosen = list(checks)
    asked = [check for check in chosen if check.category in ON_REQUEST]
    first = [check for check in chosen if check not in asked] if asked else checks
    validate_allowed_skips(environment.allowed_smoke_skips, [check.id for check in (*EVERY, *chosen)], KIND)
    started = datetime.now(UTC)
    budget = environment.patience if patience is None else patience
    name = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    state = Run(connection, outputs, name, patience=budget, say=say)
    begin = time.monotonic()
    state.credential("runner")
    results: tuple[CheckResult, ...] = ()
    ended_early: ChecksInterrupted | ChecksLost | None = None
    try:
        who = circumstances(connection, sign_in(state))
        applied(state)
        who |= standing(connection, outputs)
        # azure-ai-ml takes its way from the process's environment and draws its progress on stderr: nobody beside it.
        for together in (first, asked):
            results += run_checks(
                together,
                lambda check: Context(state, check),
                allowed_skips=environment.allowed_smoke_skips,
                patience=budget,
                observer=observer,
                clock=clock,
                stop=state.stop,
                earlier=results,
                lost=lambda: lost(state),
            )
    except (ChecksInterrupted, ChecksLost) as ended:
        ended_early = ended
        results += ended.results
    finally:
        state.close()
    results = tuple(replace(one, requests=state.exchanges(one.check.id)) for one in results)
    result = RunResult(
        kind=KIND,
        environment=environment.name,
        run_id=state.id,
        started_at=started.isoformat(timespec="seconds"),
        duration=time.monotonic() - begin,
        results=results,
        circumstances={**who, **_not_run(chosen)},
        interrupted=ended_early is not None,
        bodies=state.bodies,
    )
    if isinstance(ended_early, ChecksLost):
        raise RunLost(ended_early.error, result) from ended_early
    if ended_early:
        raise RunInterrupted(result) from ended_early
    return result


def _not_run(checks: Sequence[Check[Context]]) -> dict[str, str]:
    """What nobody asked for, so that no report looks as if it had been proven."""
    missing = [name for name in ON_REQUEST if name not in {check.category for check in checks}]
    return {"not run": ", ".join(missing)} if missing else {}


def sign_in(run: Run) -> str:
    """The runner's token for the control plane. Raises ToolkitError when none can be had."""
    runner = run.connection.runner
    credential = run.credential("runner")
    assert credential is not None  # only the anonymous identity has none
    try:
        return credential.get_token(f"{ARM}/.default").token
    except AzureError as error:
        denial = classify(error)
        if _nobody_answered(error) and run.connection.environment.target == "sandbox":
            raise ToolkitError("the sandbox does not answer: nothing was proven", hint=_SANDBOX) from error
        raise ToolkitError(
            f"the runner cannot sign in from {runner.name}, so nothing was proven: {denial_words(denial)}",
            hint=denial.hint,
        ) from error


def applied(run: Run) -> None:
    """Raises ToolkitError when the platform's resource group is gone: every check would fail for that one reason."""
    group = run.outputs.get("resource_group_id")
    if not group:
        return  # a check's own failure: the outputs are lost
    try:
        run.view("").get(str(group), _GROUP_VERSION)
    except ResourceNotFoundError as error:
        env = run.connection.environment.name
        raise ToolkitError(
            f"nothing is applied to {env}: its resource group {str(group).rsplit('/', 1)[-1]} does not exist",
            hint=f"toolkit apply {env}",
        ) from error
    except AzureError as error:
        if isinstance(error, HttpResponseError) and error.response is not None:
            return  # who may not read the group is told by the checks that read more
        raise _lost(run, error, "does not answer: nothing was proven") from error


def lost(run: Run) -> ToolkitError | None:
    """What stopped answering since the run began; None while the control plane answers, whatever it says."""
    group = run.outputs.get("resource_group_id")
    if not group:
        return None
    try:
        run.anew().get(str(group), _GROUP_VERSION)
    except AzureError as error:
        if isinstance(error, HttpResponseError) and error.response is not None and error.status_code != 502:
            return None
        return _lost(run, error, "stopped answering while the checks ran")
    return None


def _lost(run: Run, error: AzureError, what: str) -> ToolkitError:
    if run.connection.environment.target == "sandbox":
        return ToolkitError(f"the sandbox {what}", hint=_SANDBOX)
    denial = classify(error)
    return ToolkitError(f"Azure Resource Manager {what} ({denial_words(denial)})", hint=denial.hint)


def _nobody_answered(error: BaseException | None) -> bool:
    """Whether a broken connection is at the bottom of it: azure-identity wraps that in an error of authentication."""
    while error is not None:
        if isinstance(error, ServiceRequestError | ServiceResponseError | OSError):
            return True
        error = error.__cause__ or error.__context__
    return False
