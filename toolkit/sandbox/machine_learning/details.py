"""What the run history says of a job, and where a run's artifacts are."""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.store import Resource


def artifacts_of(name: str) -> str:
    return f"ExperimentRun/dcid.{name}"


def details_of(job: Resource) -> Json:
    """Of the run history: status, times and error as its clients read them."""
    error = job.internal.get("error")
    return {
        "runId": job.name,
        "status": job.properties["status"],
        "startTimeUtc": job.internal.get("started"),
        "endTimeUtc": job.internal.get("ended"),
        "error": {"error": {"code": "UserError", "message": error}} if error else None,
        "properties": job.properties.get("properties") or {},
        "logFiles": {},
    }
