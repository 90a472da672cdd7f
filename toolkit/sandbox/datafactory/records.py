"""Runs as the service shows them, and where they are kept.

https://learn.microsoft.com/rest/api/datafactory/pipeline-runs/get and
https://learn.microsoft.com/rest/api/datafactory/activity-runs/query-by-pipeline-run
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from toolkit.records import Json
from toolkit.sandbox.datafactory.durations import timestamp
from toolkit.sandbox.store import Store

_PIPELINES = "adf-pipeline-run"
_ACTIVITIES = "adf-activity-run"
OPEN = ("Queued", "InProgress", "Canceling")


class RunRecords:
    """Pipeline runs by (factory, run id), activity runs by (run id, order)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._order = 0

    # -- pipeline runs -------------------------------------------------------------------------------------------------

    def new_pipeline_run(self, factory_id: str, body: Json, now: float) -> Json:
        run_id = str(uuid.uuid4())
        run: Json = {
            "id": f"{factory_id}/pipelineruns/{run_id}".upper(),
            "runId": run_id,
            "runGroupId": run_id,
            "isLatest": True,
            "debugRunId": None,
            "runStart": timestamp(now),
            "runEnd": None,
            "durationInMs": None,
            "status": "Queued",
            "message": "",
            "lastUpdated": timestamp(now),
            "annotations": [],
            "runDimension": {},
            **body,
        }
        self.keep_pipeline_run(factory_id, run)
        return run

    def keep_pipeline_run(self, factory_id: str, run: Json) -> None:
        self._store.put_document(_PIPELINES, f"{factory_id}/{run['runId']}", run)

    def pipeline_run(self, factory_id: str, run_id: str) -> Json | None:
        return self._store.document(_PIPELINES, f"{factory_id}/{run_id}")

    def pipeline_runs(self, factory_id: str) -> list[Json]:
        return [run for _, run in self._store.documents(_PIPELINES, f"{factory_id}/")]

    def all_open(self) -> Iterator[tuple[str, Json]]:
        """(factory id, run) of what has not ended."""
        for key, run in self._store.documents(_PIPELINES):
            if run["status"] in OPEN:
                yield key.rpartition("/")[0], run

    def end_pipeline_run(
        self, factory_id: str, run: Json, status: str, message: str, now: float, started: float
    ) -> None:
        run.update(
            status=status,
            message=message,
            runEnd=timestamp(now),
            lastUpdated=timestamp(now),
            durationInMs=round((now - started) * 1000),
        )
        self.keep_pipeline_run(factory_id, run)

    # -- activity runs -------------------------------------------------------------------------------------------------

    def keep_activity_run(self, run: Json) -> None:
        """``order`` of the record, which nobody sees, keeps them as they began."""
        if "order" not in run:
            self._order += 1
            run["order"] = self._order
        self._store.put_document(_ACTIVITIES, f"{run['pipelineRunId']}/{run['order']:09d}", run)

    def activity_runs(self, run_id: str) -> list[Json]:
        return [_shown(run) for _, run in self._store.documents(_ACTIVITIES, f"{run_id}/")]

    def open_activity_runs(self, run_id: str) -> list[Json]:
        return [run for _, run in self._store.documents(_ACTIVITIES, f"{run_id}/") if run["status"] in OPEN]


def _shown(run: Json) -> Json:
    return {key: value for key, value in run.items() if key != "order"}
