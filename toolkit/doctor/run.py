"""A run of the doctor on one environment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from toolkit.checks.engine import ChecksInterrupted, run_checks
from toolkit.checks.model import Check, CheckObserver, CheckResult, RunResult
from toolkit.doctor.context import Context, Run
from toolkit.doctor.registry import CHECKS, KIND
from toolkit.environment import Connection


class DoctorInterrupted(KeyboardInterrupt):
    """Somebody ended the run; ``result`` says what was found until then."""

    def __init__(self, result: RunResult) -> None:
        super().__init__()
        self.result = result


def examine(
    connection: Connection, checks: Sequence[Check[Context]], *, observer: CheckObserver | None = None
) -> RunResult:
    """Run ``checks`` and what they depend on, each once, and say how each ended. Nothing is written anywhere.

    Raises DoctorInterrupted with what was found until then.
    """
    started, begin = datetime.now(UTC), time.monotonic()
    run = Run(connection)
    interrupted = False
    try:
        results = run_checks(
            _with_prerequisites(checks), lambda check: Context(run, check), patience=0, observer=observer
        )
    except ChecksInterrupted as ended:
        results, interrupted = ended.results, True
    finally:
        run.close()
    result = RunResult(
        kind=KIND,
        environment=connection.environment.name,
        run_id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        started_at=started.isoformat(timespec="seconds"),
        duration=time.monotonic() - begin,
        results=tuple(replace(one, requests=run.exchanges(one.check.id)) for one in results),
        circumstances={
            "target": connection.environment.target,
            "subscription": connection.environment.subscription_id,
            "tenant": connection.environment.tenant_id,
            "credential": connection.acts_with,
            **_acts_as(results),
        },
        interrupted=interrupted,
    )
    if interrupted:
        raise DoctorInterrupted(result)
    return result


def _with_prerequisites(checks: Sequence[Check[Context]]) -> list[Check[Context]]:
    """In the registry's order: a check that was chosen alone would otherwise say in other words what one before it
    says."""
    wanted = {check.id for check in checks}
    for check in reversed(CHECKS):
        if check.id in wanted:
            wanted.update(check.depends)
    return [check for check in CHECKS if check.id in wanted]


def _acts_as(results: Sequence[CheckResult]) -> dict[str, str]:
    found = next((one for one in results if one.check.id == "credential-token" and "acts_as" in one.facts), None)
    return {"acts as": str(found.facts["acts_as"]), "token until": str(found.facts["expires_at"])} if found else {}
