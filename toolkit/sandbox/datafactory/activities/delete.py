"""Delete: https://learn.microsoft.com/azure/data-factory/delete-activity"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import Refused, failed_at
from toolkit.sandbox.datafactory.datasets import dataset_of
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import not_modelled
from toolkit.sandbox.datafactory.files import chosen_files


async def delete(step: Step) -> Json:
    if step.value("enableLogging") is True:
        raise not_modelled("the log of a Delete activity")
    dataset = dataset_of(step, step.properties.get("dataset"))
    settings = step.value("storeSettings") or {}
    step.show_input({"dataset": step.properties.get("dataset"), "storeSettings": settings})
    try:
        files = await chosen_files(dataset, settings)
        for file in files:
            await dataset.store.delete(dataset.container, file.name)
    except Refused as refused:
        raise failed_at("", refused) from None
    return {
        "datasetName": dataset.name,
        "relativePath": f"{dataset.container}/{dataset.path}",
        "recursive": settings.get("recursive", True) is not False,
        "filesDeleted": len(files),
        "effectiveIntegrationRuntime": dataset.store.runtime.name,
    }
