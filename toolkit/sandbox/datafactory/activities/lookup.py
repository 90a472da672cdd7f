"""Lookup: https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity (5,000 rows, 4 MB)"""

from __future__ import annotations

import json

from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import Refused, failed_at
from toolkit.sandbox.datafactory.datasets import dataset_of
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed
from toolkit.sandbox.datafactory.files import chosen_files
from toolkit.sandbox.datafactory.tables import as_records, read_rows

_ROWS = 5000
_BYTES = 4 * 1024 * 1024


async def lookup(step: Step) -> Json:
    source = step.value("source") or {}
    dataset = dataset_of(step, step.properties.get("dataset"))
    first_only = step.value("firstRowOnly") is not False
    step.show_input({"source": source, "dataset": step.properties.get("dataset"), "firstRowOnly": first_only})
    records: list[Json] = []
    try:
        files = await chosen_files(dataset, source.get("storeSettings") or {})
        if not files:
            raise ActivityFailed(
                "2011", f"The required Blob is missing. Folder path: {dataset.container}/{dataset.path}."
            )
        for file in files:
            content = await dataset.store.read(dataset.container, file.name)
            records += as_records(*read_rows(dataset.kind, dataset.properties, content))
    except Refused as refused:
        raise failed_at("", refused) from None
    about = {"effectiveIntegrationRuntime": dataset.store.runtime.name}
    if first_only:
        output: Json = {"firstRow": records[0], **about} if records else about
    else:
        rows = records[:_ROWS]  # what is more is not returned
        output = {"count": len(rows), "value": rows, **about}
    if len(json.dumps(output)) > _BYTES:
        raise ActivityFailed("2011", "The length of execution output is over limit (around 4MB currently).")
    return output
