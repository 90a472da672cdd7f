"""The engine without a service around it: a factory's definitions, mocked activities, and time that costs none.

``toolkit.pipelines.testing`` is what users see of it.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

from toolkit.pipelines.model import ARM_TYPES, PROVIDER, Factory
from toolkit.records import Json
from toolkit.sandbox.datafactory.clock import FactoryClock
from toolkit.sandbox.datafactory.engine import FactoryEngine
from toolkit.sandbox.datafactory.execution import ActivityType, Step
from toolkit.sandbox.datafactory.failures import ActivityFailed
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import FactoryRefused, HostedIdentities, World

# What is given for an activity: asked with its pipeline's name, its own, its type and its evaluated properties. None:
# not mocked. The answer is (output, None), or (None, (code, message)) for a failure.
Mock = Callable[[str, str, str, Json], tuple[Json | None, tuple[str, str] | None] | None]
# These work on the definitions alone, so that they run unless somebody mocks them.
CONTROL = frozenset({
    "AppendVariable", "ExecutePipeline", "Fail", "Filter", "ForEach", "IfCondition", "SetVariable", "Switch", "Until",
    "Wait",
})  # fmt: skip
NOT_MOCKED = "NotMocked"
_FACTORY = f"/subscriptions/test/resourceGroups/test/providers/{PROVIDER}factories"

__all__ = ["NOT_MOCKED", "FactoryRefused", "run_mocked"]


def run_mocked(factory: Factory, pipeline: str, parameters: Mapping[str, Any], mock: Mock) -> tuple[Json, list[Json]]:
    """The run's record, and those of its activities and of the runs that it started. Raises world.FactoryRefused."""
    store = Store(":memory:")
    owner = _fill(store, factory)
    found = store.get(f"{owner.id}/pipelines/{pipeline}")
    if found is None:
        raise LookupError(pipeline)
    loop = _TimelessLoop()
    engine = _Engine(cast(World, SimpleNamespace(store=store)), loop, mock)

    async def whole() -> Json:
        record = await engine.ended(engine.start(owner, found, dict(parameters), _MANUAL))
        await engine.close()  # a pipeline that nobody waited for
        return record

    try:
        record = loop.run_until_complete(whole())
    finally:
        loop.close()
    activities = [one for run in engine.runs(owner.id) for one in engine.activity_runs(run["runId"])]
    return record, activities


_MANUAL: Json = {"id": "", "name": "Manual", "invokedByType": "Manual"}


def _fill(store: Store, factory: Factory) -> Resource:
    owner = Resource(f"{_FACTORY}/{factory.name}", f"{PROVIDER}factories", {"name": factory.name, "properties": {}})
    owner.properties["globalParameters"] = {name: node.value for name, node in factory.global_parameters.items()}
    store.put(owner)
    for one in factory.all:
        if one.kind in ("factory", "globalParameters", "managedPrivateEndpoint"):
            continue
        type_ = ARM_TYPES[one.kind]
        body = {"name": one.name, "properties": one.properties.value}
        store.put(Resource(f"{owner.id}/{type_.split('/')[-1]}/{one.name}", f"{PROVIDER}{type_}", body))
    return owner


class _Engine(FactoryEngine):
    def __init__(self, world: World, loop: _TimelessLoop, mock: Mock) -> None:
        super().__init__(world, cast(HostedIdentities, None))
        self.clock = _TimelessClock(loop)
        self._mock = mock

    def activity_type(self, name: str) -> ActivityType:
        async def run(step: Step) -> Json:
            if name in CONTROL and self._mock(step.run.pipeline.name, step.name, "", {}) is None:
                return await super(_Engine, self).activity_type(name).function(step)
            properties = step.evaluated(step.properties)
            step.show_input(properties)
            given = self._mock(step.run.pipeline.name, step.name, name, properties)
            if given is None:
                raise ActivityFailed(NOT_MOCKED, f"The activity '{step.name}' of type '{name}' has no mocked output.")
            output, failure = given
            if failure is not None:
                raise ActivityFailed(*failure)
            return output or {}

        return ActivityType(name, run, has_policy=name not in CONTROL)


class _TimelessClock(FactoryClock):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._offset = time.time() - loop.time()

    def now(self) -> float:
        return self._loop.time() + self._offset + self._ahead


class _Selector(selectors.DefaultSelector):
    """When nothing is to be done but to wait, the time that would be waited has passed."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self.skipped += timeout
        return ready


class _TimelessLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._waiting = _Selector()
        super().__init__(self._waiting)

    def time(self) -> float:
        return super().time() + self._waiting.skipped
