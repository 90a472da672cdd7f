"""Reading the control plane: each resource and each list once per run, however many checks want it.

Checks run beside each other and are made again while waiting can help, so an answer has an age: a :class:`View` takes
what was read since its moment and reads the rest anew.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import ARM
from toolkit.azure.pipeline import RestClient
from toolkit.records import Json

# An answer of nobody's, which is what a run's first look takes.
EVER = float("-inf")


@dataclass(slots=True)
class _Answer:
    """One read; ``lock`` is held while it is made, so that whoever else wants it waits instead of asking again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    moment: float | None = None
    value: Any = None
    refusal: HttpResponseError | None = None


class Reader:
    """The control plane as the runner sees it from where it stands. Made once per run, used from many threads.

    ``requests`` counts what was really asked. Answers are shared: nobody may change one.
    """

    def __init__(self, client: RestClient, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._clock = clock
        self._answers: dict[tuple[str, str], _Answer] = {}
        self._lock = threading.Lock()
        self._attempted: set[str] = set()
        self.requests = 0

    def now(self) -> View:
        """What is read from this moment on: for a check that is made again."""
        return View(self, self._clock())

    def ever(self) -> View:
        """What was read at any time of the run."""
        return View(self, EVER)

    def attempt(self, who: str) -> View:
        """For an attempt of a check: what was read at any time, but for one that is made again."""
        with self._lock:
            again = who in self._attempted
            self._attempted.add(who)
        return self.now() if again else self.ever()

    def documents(self) -> dict[str, Any]:
        """What was read, by method and path; of a refusal what it said."""
        with self._lock:
            answers = sorted(self._answers.items())
        return {
            f"{kind} {path}": answer.value if answer.refusal is None else {"refused": str(answer.refusal)}
            for (kind, path), answer in answers
            if answer.moment is not None
        }

    def close(self) -> None:
        self.client.__exit__()

    def answer(self, kind: str, path: str, since: float, read: Callable[[], Any]) -> Any:
        """What ``read`` found, now or earlier. Raises its refusal again."""
        with self._lock:
            answer = self._answers.setdefault((kind, _same(path)), _Answer())
        with answer.lock:
            if answer.moment is None or answer.moment < since:
                begun = self._clock()
                with self._lock:
                    self.requests += 1
                # A connection that broke says nothing of the resource: that is not kept, and the next one asks again.
                try:
                    answer.value, answer.refusal = read(), None
                except HttpResponseError as refusal:
                    if refusal.response is None:
                        raise
                    answer.value, answer.refusal = None, refusal
                answer.moment = begun
            if answer.refusal is not None:
                raise answer.refusal.with_traceback(None)
            return answer.value


@dataclass(frozen=True, slots=True)
class View:
    """The answers of a reader that are no older than a moment."""

    reader: Reader
    since: float
    # Told of each answer that is taken: method, address, status, Azure's code.
    observe: Callable[[str, str, int | None, str | None], None] = lambda *_: None

    def get(self, resource_id: str, version: str | None = None) -> Json:
        """A resource. Raises azure.core's HttpResponseError as Azure refuses it (ResourceNotFoundError for a 404)."""
        path = _with_version(resource_id, version)
        answer: Json = self._answer("GET", path, lambda client: client.get(path))
        return answer

    def find(self, resource_id: str, version: str | None = None) -> Json | None:
        """A resource, or None when it is not there."""
        try:
            return self.get(resource_id, version)
        except ResourceNotFoundError:
            return None
        except HttpResponseError as error:
            # Data Factory's answer to a managed endpoint that is not there:
            # https://github.com/hashicorp/terraform-provider-azurerm/pull/12618
            if error.status_code == 400 and "/managedprivateendpoints/" in resource_id.casefold():
                return None
            raise

    def list(self, path: str, version: str | None = None, **query: str) -> list[Json]:
        """All pages of a list; ``query`` holds further parameters, such as ``filter`` for ``$filter``."""
        more = {f"${name}": value for name, value in query.items()}
        url = _with_version(path, version, more)
        found: list[Json] = self._answer("LIST", url, lambda client: list(client.list(url)))
        return found

    def post(self, path: str, version: str | None = None, body: Json | None = None) -> Json:
        """An action that only reads, such as ``…/config/appsettings/list``."""
        url = _with_version(path, version)
        sent = json.dumps(body, sort_keys=True) if body else ""
        answer: Json = self._answer("POST", url, lambda client: client.post(url, body), sent)
        return answer

    def _answer(self, kind: str, path: str, read: Callable[[RestClient], Any], sent: str = "") -> Any:
        def found() -> Any:
            try:
                return read(self.reader.client)
            except HttpResponseError as error:  # a plain pipeline has no exception of its own for what is not there
                if error.status_code == 404:
                    raise ResourceNotFoundError(response=error.response) from error
                raise

        method, url = ("GET" if kind == "LIST" else kind), f"{ARM}{path}"
        try:
            answer = self.reader.answer(f"{kind} {sent}".strip(), path, self.since, found)
        except HttpResponseError as refusal:
            self.observe(method, url, refusal.status_code, refusal.error.code if refusal.error else None)
            raise
        self.observe(method, url, 200, None)
        return answer


def _with_version(path: str, version: str | None, more: dict[str, str] | None = None) -> str:
    parts = urlsplit(path)
    query = {**dict(parse_qsl(parts.query)), **(more or {})}
    query["api-version"] = version or query.get("api-version") or api_version(parts.path)
    return f"{parts.path}?{urlencode(query, safe='$')}"


def _same(path: str) -> str:
    """Azure compares ids without regard to case, so that one resource is one answer."""
    return path.casefold()
