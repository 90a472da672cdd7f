"""What a rerun in recovery mode does again, and what it takes from the run before.

* https://learn.microsoft.com/azure/data-factory/monitor-visually#rerun-pipelines-and-activities: containers are
  evaluated again and what is in them may be skipped, Wait, SetVariable and Filter do their work again, and a pipeline
  that is called is rerun in the same way (AppendVariable like SetVariable is inferred)
* https://learn.microsoft.com/rest/api/datafactory/pipelines/create-run (startActivityName, startFromFailure)
* skipped activities give the output of the run before: https://github.com/Azure/Azure-DataFactory/issues/195

That whatever depends on an activity that is run again runs again, too, and that outputs which were secure are fetched
again, is (inferred).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.records import Json

_AGAIN = frozenset({
    "AppendVariable", "ExecutePipeline", "Filter", "ForEach", "IfCondition", "SetVariable", "Switch", "Until", "Wait",
})  # fmt: skip
RECOVERED = "Recovered"


@dataclass(frozen=True, slots=True)
class Plan:
    """Of some activities side by side: the records of those that are skipped, and what is run without a look back."""

    kept: Mapping[str, Json] = field(default_factory=dict)
    fresh: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Again:
    """The run before: its activities' last attempts by (iteration hash, name). ``start`` None: from what failed."""

    previous: Mapping[tuple[str, str], Json]
    start: str | None

    @classmethod
    def of(cls, activity_runs: list[Json], start: str | None) -> Again:
        return cls({(run["iterationHash"], run["activityName"]): run for run in activity_runs}, start)

    def before(self, name: str, iteration: str) -> Json | None:
        return self.previous.get((iteration_hash(iteration), name))

    def plan(self, activities: list[Json], iteration: str) -> Plan:
        by_name = {str(activity["name"]): activity for activity in activities}
        before = {name: self.before(name, iteration) for name in by_name}
        if self.start is None:
            begin = {
                name for name, run in before.items() if run is not None and run["status"] in ("Failed", "Cancelled")
            }
            fresh = _downstream(activities, begin)
        else:
            begin = {name for name, activity in by_name.items() if self.start in names_in(activity)}
            fresh = _downstream(activities, begin) | (begin & {self.start})
        kept = {
            name: run
            for name, run in before.items()
            if run is not None and name not in begin | fresh and self._is_kept(by_name[name], run)
        }
        return Plan(kept, frozenset(fresh))

    def _is_kept(self, activity: Json, run: Json) -> bool:
        if activity.get("type") in _AGAIN or (activity.get("policy") or {}).get("secureOutput"):
            return False
        succeeded = run["status"] == "Succeeded" or (run["status"], run["recoveryStatus"]) == ("Skipped", RECOVERED)
        return succeeded or (self.start is not None and run["status"] == "Failed")


def _downstream(activities: list[Json], begin: set[str]) -> set[str]:
    found: set[str] = set()
    while True:
        more = {
            str(activity["name"])
            for activity in activities
            if any(str(one["activity"]) in begin | found for one in activity.get("dependsOn") or ())
        }
        if more <= found:
            return found
        found |= more


def names_in(activity: Any) -> Iterator[str]:
    """Its own name, and those of all activities that it holds."""
    if isinstance(activity, dict):
        if "type" in activity and "name" in activity:
            yield str(activity["name"])
        for key, value in (activity.get("typeProperties") or activity).items():
            if key in ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities", "cases"):
                for inner in value or ():
                    yield from names_in(inner)


def iteration_hash(iteration: str) -> str:
    return hashlib.sha256(iteration.encode()).hexdigest()[:32] if iteration else ""
