"""A local HTTP server that answers what a test says, so that real SDK clients raise their real exceptions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    status: int
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Web:
    url: str
    answers: list[Answer]  # in order; the last one is given for ever
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


def storage_error(status: int, code: str, message: str) -> Answer:
    """https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2"""
    xml = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    headers = {"x-ms-error-code": code, "x-ms-request-id": "r-1", "Content-Type": "application/xml"}
    return Answer(status, xml, headers)


def json_error(status: int, code: str, message: str, inner: str | None = None) -> Answer:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return Answer(status, {"error": error}, {"x-ms-request-id": "r-2", "Content-Type": "application/json"})


@contextmanager
def serve(*answers: Answer) -> Iterator[Web]:
    web = Web("", list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            web.requests.append((self.command, self.path, dict(self.headers)))
            answer = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
            body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            data = body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_CONNECT = do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = reply

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
