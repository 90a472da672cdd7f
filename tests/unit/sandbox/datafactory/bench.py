"""The engine on a store of its own, with web servers that a test writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.unit.sandbox import harness
from toolkit.sandbox.datafactory.engine import FactoryEngine
from toolkit.sandbox.model import Origin
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import NoIdentity

T = TypeVar("T")
Json = dict[str, Any]
SUBSCRIPTION = "0e0f0000-0000-4000-8000-000000000002"
FACTORY = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf"


@dataclass(frozen=True)
class Seen:
    vantage: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Web:
    """Hosts that a test serves: a function of the request for each."""

    def __init__(self) -> None:
        self.hosts: dict[str, Callable[[Request], Awaitable[Response]]] = {}
        self.seen: list[Seen] = []

    def serves(self, host: str) -> bool:
        return host in self.hosts

    def answers(self, host: str, *answers: Response | Json) -> None:
        """One after the other; the last one from then on."""
        left = list(answers)

        async def answer(request: Request) -> Response:
            now = left.pop(0) if len(left) > 1 else left[0]
            return now if isinstance(now, Response) else JSONResponse(now)

        self.hosts[host] = answer

    async def __call__(self, origin: Origin, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.seen.append(Seen(origin.vantage.name, request.method, str(request.url), dict(request.headers), body))
        response = await self.hosts[request.url.hostname or ""](request)
        await response(scope, receive, send)


class Identities:
    """The factory's own identity, and no other."""

    def token(self, owner: Resource, resource: str, identity_id: str | None = None) -> str:
        if identity_id is not None:
            raise NoIdentity(f"the identity {identity_id} is not assigned to '{owner.name}'")
        return f"token-for-{resource}"


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "state.sqlite3"
        self.web = Web()
        self.runner = asyncio.Runner()
        self.open()
        self.entity("", {"globalParameters": {"environment": {"type": "String", "value": "test"}}})

    def open(self) -> None:
        """A sandbox begins, on what an earlier one left."""
        self.store = Store(self.path)
        self.engine = FactoryEngine(harness.world(self.path.parent, self.store), Identities())

        async def begin() -> None:
            self.engine.open(self.web)

        self.run(begin())

    def close(self) -> None:
        self.run(self.engine.close())
        self.runner.close()
        self.store.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        async def in_time() -> T:
            async with asyncio.timeout(30):
                return await coroutine

        return self.runner.run(in_time())

    # -- the factory ---------------------------------------------------------------------------------------------------

    def entity(self, kind: str, properties: Json) -> Resource:
        id_ = f"{FACTORY}/{kind}" if kind else FACTORY
        type_ = "Microsoft.DataFactory/factories" + (f"/{kind.split('/')[0]}" if kind else "")
        resource = Resource(id=id_, type=type_, body={"id": id_, "properties": properties})
        self.store.put(resource)
        return resource

    def pipeline(self, *activities: Json, name: str = "main", **properties: Any) -> None:
        self.entity(f"pipelines/{name}", {"activities": list(activities), **properties})

    def begin(self, name: str = "main", **given: Any) -> str:
        """Inside of a coroutine."""
        factory, pipeline = self.store.get(FACTORY), self.store.get(f"{FACTORY}/pipelines/{name}")
        assert factory is not None
        assert pipeline is not None
        return self.engine.create_run(factory, pipeline, given)

    async def end(self, run_id: str) -> Json:
        """The run, once it has ended."""
        task = self.engine._tasks.get(run_id)
        if task is not None:
            await asyncio.wait({task})
        run = self.engine.run(FACTORY, run_id)
        assert run is not None
        return run

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the engine go on until this holds; run() ends what never does."""
        while not holds():
            await asyncio.sleep(0)

    async def pass_time(self, run_id: str, seconds: float) -> Json:
        """Put the clock forward, step by step, until the run has ended."""
        while run_id in self.engine._tasks:
            await self.engine.clock.advance(seconds)
            await asyncio.sleep(0)
        return await self.end(run_id)

    def carry_out(self, name: str = "main", **given: Any) -> Json:
        async def whole() -> Json:
            return await self.end(self.begin(name, **given))

        return self.run(whole())

    def activities(self, run: Json) -> dict[str, Json]:
        """By name; of several runs of one, the last."""
        return {activity["activityName"]: activity for activity in self.engine.activity_runs(run["runId"])}

    def statuses(self, run: Json) -> list[tuple[str, str]]:
        return [(activity["activityName"], activity["status"]) for activity in self.engine.activity_runs(run["runId"])]


def after(*names: str, on: str = "Succeeded") -> list[Json]:
    return [{"activity": name, "dependencyConditions": [on]} for name in names]


def expression(text: str) -> Json:
    return {"type": "Expression", "value": text}


def activity(name: str, kind: str, properties: Json | None = None, **more: Any) -> Json:
    return {"name": name, "type": kind, "typeProperties": properties or {}, **more}


def set_variable(name: str, value: Any, **more: Any) -> Json:
    variable = more.pop("variable", name)
    return activity(name, "SetVariable", {"variableName": variable, "value": value}, **more)


def append(name: str, variable: str, value: Any, **more: Any) -> Json:
    return activity(name, "AppendVariable", {"variableName": variable, "value": value}, **more)


def fail(name: str, message: Any = "broken", code: Any = "500", **more: Any) -> Json:
    return activity(name, "Fail", {"message": message, "errorCode": code}, **more)


def ok(name: str, **more: Any) -> Json:
    """An activity that does nothing."""
    return activity(name, "Wait", {"waitTimeInSeconds": 0}, **more)


def web(name: str, url: Any = "https://api.example/x", method: str = "GET", **more: Any) -> Json:
    outer = {key: more.pop(key) for key in ("policy", "dependsOn") if key in more}
    return activity(name, "WebActivity", {"method": method, "url": url, **more}, **outer)


def body_of(seen: Seen) -> Any:
    return json.loads(seen.body)
