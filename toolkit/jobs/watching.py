"""A job that was started: its status, its log, its end. Read over the control plane and from the log's blob.

azure-ai-ml's own stream needs an account key where the workspace keeps none; the log is a blob of the datastore
workspaceartifactstore, which whoever may read data reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest

from toolkit.assets.workspace import Access
from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import ARM
from toolkit.azure.clients import Actor
from toolkit.errors import ToolkitError, nearest
from toolkit.records import Json
from toolkit.waiting import Waits, steadily

TERMINAL = ("Completed", "Failed", "Canceled", "NotResponding")
_POLL = steadily(1.0)
_LOG = "user_logs/std_log.txt"


@dataclass(frozen=True, slots=True)
class Job:
    """What Azure ML says of a job now."""

    name: str
    status: str
    properties: Json

    @property
    def over(self) -> bool:
        return self.status in TERMINAL

    @property
    def code(self) -> str | None:
        """``NAME:VERSION`` of the code that it ran, as the job itself says."""
        code_id = self.properties.get("codeId")
        return str(code_id).rsplit("/codes/", 1)[-1].replace("/versions/", ":") if code_id else None

    @property
    def error(self) -> str | None:
        known = self.properties.get("properties") or {}
        return known.get("azureml.error")

    @property
    def facts(self) -> Json:
        return {
            "name": self.name,
            "status": self.status,
            "displayName": self.properties.get("displayName"),
            "experiment": self.properties.get("experimentName"),
            "code": self.code,
            "codeId": self.properties.get("codeId"),
            "environment": self.properties.get("environmentId"),
            "compute": str(self.properties.get("computeId") or "").rsplit("/", 1)[-1] or None,
            "command": self.properties.get("command"),
            "inputs": {
                name: value.get("uri") or value.get("value")
                for name, value in (self.properties.get("inputs") or {}).items()
            },
            "error": self.error,
        }


class JobTimeout(ToolkitError):
    """The job goes on; nobody waits for it any more."""


def job(access: Access, name: str) -> Job:
    """Raises ToolkitError when there is no such job."""
    found = access.resource(_id(access, name), f"the job {name} cannot be read")
    if found is None:
        access.require_workspace()
        raise ToolkitError(
            f"{access.workspace_name} has no job {name}{_near(access, name)}",
            hint="toolkit jobs submit prints the name",
        )
    return Job(name, str(found["properties"]["status"]), found["properties"])


def cancel(access: Access, name: str) -> Job:
    """Ask a job to end. Raises ToolkitError when it is over already."""
    known = job(access, name)
    if known.over:
        raise ToolkitError(f"the job {name} is over already: {known.status}")
    url = f"{ARM}{_id(access, name)}/cancel?api-version={api_version(_id(access, name))}"
    try:
        with access.arm() as client:
            client.send_request(HttpRequest("POST", url)).raise_for_status()
    except AzureError as error:
        raise access.refused(error, f"the job {name} was not cancelled") from error
    return job(access, name)


def wait(
    access: Access,
    name: str,
    *,
    seconds: float,
    line: Callable[[str], None] = lambda _: None,
    status: Callable[[str], None] = lambda _: None,
) -> Job:
    """Wait until a job is over, with its log line by line. Raises JobTimeout after ``seconds``; the job goes on."""
    waits, shown, seen = Waits(_POLL), 0, ""
    while True:
        now = job(access, name)
        if now.status != seen:
            seen = now.status
            status(seen)
        shown = _new_lines(access, name, shown, line, last=now.over)
        if now.over:
            return now
        pause = waits.next(seconds)
        if pause is None:
            raise JobTimeout(
                f"the job {name} is not over after {seconds:.0f} s: {now.status}",
                hint=f"it goes on: toolkit jobs wait {access.env} {name}, or toolkit jobs cancel {access.env} {name}",
            )
        time.sleep(pause)


def log(access: Access, name: str) -> str:
    """The log as it is now. Raises ToolkitError when there is none yet."""
    job(access, name)
    content = _log_from(access, name, 0)
    if content is None:
        raise ToolkitError(f"the job {name} has no log yet", hint=f"toolkit jobs wait {access.env} {name}")
    return content.decode(errors="replace")


def _new_lines(access: Access, name: str, shown: int, line: Callable[[str], None], *, last: bool) -> int:
    """Whole lines that were added; the rest of them at the end."""
    content = _log_from(access, name, shown)
    if not content:
        return shown
    whole = content if last else content[: content.rfind(b"\n") + 1]
    for text in whole.decode(errors="replace").splitlines():
        line(text)
    return shown + len(whole)


def _log_from(access: Access, name: str, offset: int) -> bytes | None:
    store = access.resource(
        f"{access.workspace_id}/datastores/workspaceartifactstore", "the workspace's artifact datastore cannot be read"
    )
    if store is None:
        raise ToolkitError(f"the workspace {access.workspace_name} has no artifact datastore")
    properties = store["properties"]
    actor = Actor(access.who, access.vantage, access.credential, access.subscription_id)
    with _errors(access, name), actor.blobs(f"https://{properties['accountName']}.blob.core.windows.net") as service:
        blob = service.get_blob_client(properties["containerName"], f"ExperimentRun/dcid.{name}/{_LOG}")
        try:
            size = int(blob.get_blob_properties().size)
            return b"" if size <= offset else blob.download_blob(offset=offset).readall()
        except ResourceNotFoundError:
            return None


@contextmanager
def _errors(access: Access, name: str) -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        raise access.refused(error, f"the log of {name} cannot be read") from error


def _near(access: Access, name: str) -> str:
    known: list[Any] = []
    try:
        with access.arm() as client:
            path = f"{access.workspace_id}/jobs"
            known = [one["name"] for one in client.list(path, {"api-version": api_version(path)})]
    except (AzureError, ValueError):
        return ""
    close = nearest(name, known)
    return f", did you mean {close!r}?" if close else ""


def _id(access: Access, name: str) -> str:
    return f"{access.workspace_id}/jobs/{name}"
