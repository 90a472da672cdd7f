"""What was sent and what came back, as evidence keeps it: no bodies, no headers, no secret of a query."""

from __future__ import annotations

import json
import threading
from typing import Any

from toolkit.masking import shown_url
from toolkit.records import Json

# More different ones say no more, and a check that waits for a job asks for minutes.
_MOST = 50


class Exchanges:
    """Those of one attempt of a check, in order; the same one again is counted. Told from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Json] = []

    def add(self, method: str, url: str, status: int | None, code: str | None) -> None:
        one = {"method": method, "url": shown_url(url) if "://" in url else url, "status": status, "code": code}
        with self._lock:
            last = self._kept[-1] if self._kept else None
            if last is not None and all(last[name] == value for name, value in one.items()):
                last["times"] += 1
                return
            self._kept.append({**one, "times": 1})
            del self._kept[:-_MOST]

    def hook(self, response: Any) -> None:
        """``raw_response_hook`` of a client: https://learn.microsoft.com/python/api/azure-core/azure.core.pipeline.policies.customhookpolicy"""
        request, answer = response.http_request, response.http_response
        self.add(request.method, request.url, answer.status_code, _code(answer))

    def listed(self) -> tuple[Json, ...]:
        with self._lock:
            return tuple(dict(one) for one in self._kept)


def _code(answer: Any) -> str | None:
    """Azure's word for a refusal: in a header of the data planes, in the body elsewhere."""
    stated = answer.headers.get("x-ms-error-code")
    if stated or answer.status_code < 400 or "json" not in answer.headers.get("Content-Type", ""):
        return stated or None
    try:
        return _stated(json.loads(answer.text()))
    except Exception:  # a body that was not read yet, or is no JSON: the status has to do
        return None


def _stated(body: Any) -> str | None:
    """The innermost code: of ARM and Key Vault (``error``), tables, a registry's list, Batch and MLflow."""
    if not isinstance(body, dict):
        return None
    errors = body.get("errors")
    for part in (
        body.get("error"),
        body.get("odata.error"),
        errors[0] if isinstance(errors, list) and errors else None,
    ):
        if code := _stated(part):
            return code
    code = _stated(body.get("innererror")) or body.get("code") or body.get("error_code")
    return code if isinstance(code, str) else None
