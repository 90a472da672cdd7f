"""Data Factory's run API as the SDK sees it over HTTP, with a script of what happens.

Paths, bodies and statuses: https://learn.microsoft.com/rest/api/datafactory
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.datafactory import DataFactoryManagementClient

from toolkit.adf.runs import Place


class FakeFactory:
    """``states``: what a run is, look after look; the last one stays. ``activities``: the same, of its activities."""

    def __init__(self) -> None:
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.states: dict[str, list[dict[str, Any]]] = {}
        self.activities: dict[str, list[list[dict[str, Any]]]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.fail_next = 0

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.requests.append((method, path, body))
        if self.fail_next:
            self.fail_next -= 1
            return 500, {"error": {"code": "InternalServerError", "message": "Try later."}}
        below = re.sub(r"^.*/factories/adf", "", path.split("?")[0])
        match method, below.strip("/").lower().split("/"):
            case "GET", ["pipelines"]:
                return 200, {"value": [{"name": name, "properties": value} for name, value in self.pipelines.items()]}
            case "GET", ["pipelines", name]:
                found = next((one for one in self.pipelines if one.lower() == name), None)
                return (200, {"name": found, "properties": self.pipelines[found]}) if found else _missing("Pipeline")
            case "POST", ["pipelines", _, "createrun"]:
                return 200, {"runId": "run-1"}
            case "GET", ["pipelineruns", run]:
                return (200, _next(self.states[run])) if run in self.states else _missing("PipelineRun")
            case "POST", ["pipelineruns", run, "queryactivityruns"]:
                return 200, {"value": _next(self.activities.get(run, [[]]))}
            case "POST", ["pipelineruns", run, "cancel"]:
                self.states[run] = [{**self.states[run][0], "status": "Cancelled"}]
                return 200, None
            case "POST", ["querypipelineruns"]:
                return 200, {"value": [one[0] for one in self.states.values()]}
        return 400, {"error": {"code": "BadRequest", "message": f"no {method} {below}"}}


@contextmanager
def serving(fake: FakeFactory) -> Iterator[Place]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            status, answer = fake.answer(self.command, self.path, body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _do

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with DataFactoryManagementClient(
            _NoToken(),
            "00000000-0000-0000-0000-000000000000",
            base_url=f"http://127.0.0.1:{server.server_address[1]}",
            authentication_policy=SansIOHTTPPolicy(),
            retry_total=0,
        ) as client:
            yield Place(client, "rg", "adf")
    finally:
        server.shutdown()
        server.server_close()


def run(status: str, run_id: str = "run-1", **rest: Any) -> dict[str, Any]:
    return {
        "runId": run_id,
        "pipelineName": "main",
        "status": status,
        "runStart": "2026-01-01T00:00:00Z",
        "invokedBy": {"name": "Manual", "invokedByType": "Manual"},
        **rest,
    }


def activity(name: str, status: str, kind: str = "Wait", **rest: Any) -> dict[str, Any]:
    return {
        "activityRunId": f"id-{name}",
        "activityName": name,
        "activityType": kind,
        "status": status,
        "activityRunStart": "2026-01-01T00:00:01Z",
        "durationInMs": 1500,
        "error": {"errorCode": "", "message": ""},
        **rest,
    }


class _NoToken:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise AssertionError("nothing is signed here")


def _next(script: list[Any]) -> Any:
    return script.pop(0) if len(script) > 1 else script[0]


def _missing(what: str) -> tuple[int, Any]:
    return 404, {"error": {"code": f"{what}NotFound", "message": f"The {what} was not found."}}
