"""What must be there before an environment may follow another: the commit, and green evidence that nobody edited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from toolkit.environment import Environment
from toolkit.environment.diff import Row, compare
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.evidence.runs import Run, runs
from toolkit.evidence.seal import CHECKSUMS, verify
from toolkit.evidence.signing import VerifyingKey
from toolkit.evidence.statement import digest
from toolkit.records import Json
from toolkit.terraform.versions import commit

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Proof:
    """The green run of the first environment. ``sha256`` is of its checksums, so that it names every file of it."""

    run: str
    environment: str
    commit: str
    time: str
    passed: int
    sha256: str
    signed_with: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """Who said yes, when (UTC) and how: ``terminal``, ``--approved-by``, or ``rehearsal``, which asks nobody."""

    who: str | None
    when: str
    how: str


def approval(who: str | None, how: str) -> Approval:
    return Approval(who, datetime.now(UTC).isoformat(timespec="seconds"), how)


def refuse_pair(source: Environment, target: Environment) -> None:
    """Raises UsageError for two environments of which the one cannot follow the other."""
    if source.name == target.name:
        raise UsageError(f"{source.name} cannot follow itself", hint=f"toolkit apply {source.name}")
    if source.data_name == target.data_name and target.target == "sandbox":
        raise UsageError(
            f"{target.name} is the rehearsal of {source.name}: it comes before it, not after",
            hint=f"toolkit promote {target.name} {source.name}",
        )


def current_commit(target: Environment) -> str:
    """The commit that would be promoted. Raises RefusedError where what is here is no commit."""
    found = commit(target)
    if not found:
        raise RefusedError(
            "nothing was promoted: this is no git checkout with a commit, so nobody can say what was proven",
            hint="promote from a checkout of the commit that was applied",
        )
    if found.endswith("+"):
        raise RefusedError(
            "nothing was promoted: terraform/ or envs/ differ from the commit "
            f"{found.rstrip('+')[:12]}, so what would be applied was never proven",
            hint="commit (git status shows what), apply the first environment, then promote",
        )
    return found


def proof_of(
    source: Environment,
    wanted: str,
    folder: Path,
    max_age: timedelta,
    key: VerifyingKey | None = None,
    now: datetime | None = None,
) -> Proof:
    """The newest run of ``source`` with tests on the commit ``wanted``, when it is green, sealed and young enough.

    Raises RefusedError, which names the piece that is missing.
    """
    again = f"toolkit smoke {source.name}"
    tested = [run for run in runs(folder) if run.report.get("ran") and run.report.get("environment") == source.name]
    there = [run for run in tested if run.report.get("commit") == wanted]
    if not there:
        other = tested[-1] if tested else None
        known = (
            f"the newest tests of {source.name} ({other.name}) were of {_short(str(other.report.get('commit')))}"
            if other
            else f"no tests of {source.name} are kept in {folder}"
        )
        raise _missing(f"there is no evidence of {source.name} for the commit {wanted[:12]}: {known}", _apply(source))
    newest = there[-1]
    try:
        verified = verify(newest.folder, key)
    except ToolkitError as error:
        raise _missing(f"the evidence of {source.name} does not hold: {error.message}", again) from error
    if newest.report.get("green") is not True:
        raise _missing(
            f"the newest tests of {source.name} for the commit {wanted[:12]} are red: {newest.name}",
            f"toolkit evidence show {source.name} {newest.name}",
        )
    when = _time(newest)
    age = (now or datetime.now(UTC)) - when
    if age > max_age or age < -timedelta(minutes=5):
        words = (
            f"{age / timedelta(days=1):.1f} days old, more than the {max_age / timedelta(days=1):g} that are allowed"
        )
        if age.total_seconds() < 0:
            words = "from the future: this machine's clock, or the one that tested, is wrong"
        raise _missing(f"the evidence {newest.name} of {source.name} is {words}", again)
    return Proof(
        newest.name,
        source.name,
        wanted,
        when.isoformat(timespec="seconds"),
        int((newest.report.get("summary") or {}).get("passed", 0)),
        digest(newest.folder / CHECKSUMS)["sha256"],
        verified.verified_with,
    )


def differences(source: Environment, target: Environment) -> list[Row]:
    """Every key of the data that differs."""
    return [row for row in compare(source, target) if row.differs]


def record(proof: Proof, target: Environment, rows: list[Row], approved: Approval | None) -> Json:
    """``promotion.json``: what was promoted on whose word, as evidence keeps it."""
    return {
        "from": proof.environment,
        "to": target.name,
        "commit": proof.commit,
        "proof": asdict(proof),
        "approval": asdict(approved) if approved else None,
        "differences": [f"{row.file}: {row.key}" for row in rows],
    }


def who_started(variables: Mapping[str, str]) -> str | None:
    """Who started the job of a CI system, as it says; None elsewhere.

    https://docs.github.com/actions/reference/workflows-and-actions/variables,
    https://learn.microsoft.com/azure/devops/pipelines/build/variables
    """
    if variables.get("GITHUB_ACTIONS") == "true":
        return variables.get("GITHUB_TRIGGERING_ACTOR") or variables.get("GITHUB_ACTOR")
    if variables.get("TF_BUILD"):
        return variables.get("BUILD_REQUESTEDFOR")
    return None


def _missing(what: str, way_out: str) -> RefusedError:
    return RefusedError(f"nothing was promoted: {what}", hint=way_out)


def _apply(source: Environment) -> str:
    return (
        f"toolkit apply {source.name}, on this commit; --evidence DIR names the folder of another machine's runs, "
        "such as a job's artifacts"
    )


def _short(found: str) -> str:
    return f"{found[:12]} with changes" if found.endswith("+") else found[:12] if _COMMIT.fullmatch(found) else "none"


def _time(run: Run) -> datetime:
    try:
        found = datetime.fromisoformat(str(run.report.get("started_at")))
    except ValueError:
        raise _missing(f"the evidence {run.name} does not say when it was made", "run the tests again") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
