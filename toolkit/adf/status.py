"""What is published, against a Git-mode folder and what Terraform deployed, and which runs prove anything of it.

Which definition a run executes: a trigger and `toolkit adf run` take what is published, the studio's Debug takes the
draft of a branch. https://learn.microsoft.com/azure/data-factory/source-control#publish-code-changes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from toolkit.adf.difference import Difference, differences
from toolkit.adf.runs import PipelineRun
from toolkit.pipelines.documents import json_path
from toolkit.pipelines.model import Factory, Kind

State = Literal["same", "differs", "not published", "only published", "not there"]
_SHOWN: tuple[Kind, ...] = ("linkedService", "dataset", "dataflow", "pipeline", "trigger", "credential")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The newest run of a pipeline that executed what is published now; None when there is none.

    A debug run is none, whatever it did, and neither is a run from before the last publication.
    """

    run: PipelineRun | None
    debug_runs: int
    earlier_runs: int

    @property
    def words(self) -> str:
        if self.run is not None:
            when = self.run.started.strftime("%Y-%m-%d %H:%M") if self.run.started else ""
            return f"{self.run.status} {when}".strip()
        reasons = []
        if self.earlier_runs:
            reasons.append(f"{self.earlier_runs} before it was published")
        if self.debug_runs:
            reasons.append(f"{self.debug_runs} debug")
        return f"none ({', '.join(reasons)})" if reasons else "none"


@dataclass(frozen=True, slots=True)
class Row:
    """``git`` and ``terraform`` are None when nothing is compared with, or nothing of that name is theirs."""

    kind: Kind
    name: str
    git: State | None
    terraform: State | None
    places: tuple[str, ...] = ()
    evidence: Evidence | None = None

    @property
    def differs(self) -> bool:
        return any(state not in (None, "same") for state in (self.git, self.terraform))


@dataclass(frozen=True, slots=True)
class Status:
    factory: str
    repository: dict[str, Any] | None
    rows: tuple[Row, ...]

    @property
    def differs(self) -> bool:
        return any(row.differs for row in self.rows)


def status(
    published: Factory, runs: Sequence[PipelineRun], *, git: Factory | None = None, terraform: Factory | None = None
) -> Status:
    """``terraform`` owns what it names and nothing else; of a Git folder everything is compared."""
    in_git = _by_name(differences(git, published, _SHOWN)) if git else {}
    in_terraform = _by_name(differences(terraform, published, _SHOWN, said_only=True)) if terraform else {}
    rows = []
    for kind in _SHOWN:
        factories = [one for one in (published, git, terraform) if one is not None]
        for key in sorted({one.name.lower() for factory in factories for one in factory.of(kind)}):
            owned = terraform is not None and terraform.find(kind, key) is not None
            named = next(found for factory in factories if (found := factory.find(kind, key)))
            of_git, of_terraform = in_git.get((kind, key)), in_terraform.get((kind, key)) if owned else None
            rows.append(
                Row(
                    kind,
                    named.name,
                    _state(of_git) if git is not None and not (owned and git.find(kind, key) is None) else None,
                    _state(of_terraform) if owned else None,
                    tuple(_places("git", of_git)) + tuple(_places("terraform", of_terraform)),
                    evidence(published, named.name, runs) if kind == "pipeline" else None,
                )
            )
    return Status(published.name, _repository(published), tuple(rows))


def evidence(published: Factory, pipeline: str, runs: Iterable[PipelineRun]) -> Evidence:
    resource = published.find("pipeline", pipeline)
    since = _moment(resource.properties.text("lastPublishTime")) if resource else None
    own = [run for run in runs if run.pipeline.lower() == pipeline.lower() and not run.under_way]
    debug = [run for run in own if run.debug]
    real = [run for run in own if not run.debug]
    counted = [run for run in real if since is None or (run.started is not None and run.started >= since)]
    newest = max(counted, key=lambda run: run.started.timestamp() if run.started else 0.0, default=None)
    return Evidence(newest if resource else None, len(debug), len(real) - len(counted))


def status_document(found: Status) -> dict[str, Any]:
    return {
        "factory": found.factory,
        "repository": found.repository,
        "differs": found.differs,
        "resources": [
            {
                "kind": row.kind,
                "name": row.name,
                "git": row.git,
                "terraform": row.terraform,
                "places": list(row.places),
                **(
                    {
                        "evidence": {
                            "run": row.evidence.run.id if row.evidence.run else None,
                            "status": row.evidence.run.status if row.evidence.run else None,
                            "debug_runs": row.evidence.debug_runs,
                            "runs_before_publication": row.evidence.earlier_runs,
                        }
                    }
                    if row.evidence
                    else {}
                ),
            }
            for row in found.rows
        ],
    }


def _by_name(found: Iterable[Difference]) -> dict[tuple[Kind, str], Difference]:
    return {(one.kind, one.name.lower()): one for one in found}


def _state(found: Difference | None) -> State:
    if found is None:
        return "same"
    states: dict[str, State] = {"only-left": "not published", "only-right": "only published", "differs": "differs"}
    return states[found.change]


def _places(source: str, found: Difference | None) -> Iterable[str]:
    """Both values, where both are short enough to be read."""
    if found is None or found.left is None or found.right is None:
        return
    for path in found.paths:
        ours, theirs = found.left.properties.get(*path), found.right.properties.get(*path)
        said = f"{source} {_short(ours.value if ours else None)}, published {_short(theirs.value if theirs else None)}"
        yield f"{json_path(path)}: {said}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _repository(published: Factory) -> dict[str, Any] | None:
    """Which repository the studio publishes from, and the commit that it published last."""
    for resource in published.of("factory"):
        found = resource.properties.at("repoConfiguration").value
        if isinstance(found, dict):
            names = ("type", "accountName", "repositoryName", "collaborationBranch", "rootFolder", "lastCommitId")
            return {name: found[name] for name in names if found.get(name)}
    return None


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo else None
