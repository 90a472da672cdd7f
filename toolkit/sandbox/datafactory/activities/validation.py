"""Validation: waits until a dataset is there.

https://learn.microsoft.com/azure/data-factory/control-flow-validation-activity
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import Refused, failed_at
from toolkit.sandbox.datafactory.datasets import Dataset, dataset_of
from toolkit.sandbox.datafactory.durations import seconds_of
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed

_DEFAULT_TIMEOUT, _DEFAULT_SLEEP = "7.00:00:00", 10


async def validation(step: Step) -> Json:
    dataset = dataset_of(step, step.properties.get("dataset"))
    clock = step.run.engine.clock
    limit = seconds_of(step.value("timeout") or _DEFAULT_TIMEOUT, "timeout")
    sleep, smallest, children = step.value("sleep"), step.value("minimumSize"), step.value("childItems")
    step.show_input({"dataset": step.properties.get("dataset"), "minimumSize": smallest, "childItems": children})
    due = clock.now() + limit
    try:
        while not await _holds(dataset, smallest, children):
            if clock.now() >= due:
                raise ActivityFailed("ActivityTimedOut", f"The dataset did not fulfil it within {limit:.0f} seconds.")
            await clock.sleep(float(sleep if isinstance(sleep, int) else _DEFAULT_SLEEP))
    except Refused as refused:
        raise failed_at("", refused) from None
    return {"exists": True, "effectiveIntegrationRuntime": dataset.store.runtime.name}


async def _holds(dataset: Dataset, smallest: object, children: object) -> bool:
    if dataset.file:
        blob = await dataset.store.properties(dataset.container, dataset.path)
        return blob is not None and (not isinstance(smallest, int) or blob.size >= smallest)
    inside = await dataset.store.list(dataset.container, dataset.path)
    if children is False:
        return not inside
    return bool(inside) or (children is None and await dataset.store.is_folder(dataset.container, dataset.path))
