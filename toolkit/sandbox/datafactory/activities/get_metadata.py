"""GetMetadata: https://learn.microsoft.com/azure/data-factory/control-flow-get-metadata-activity"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import Blob, Refused, failed_at
from toolkit.sandbox.datafactory.datasets import Dataset, dataset_of
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled, required
from toolkit.sandbox.datafactory.tables import read_rows


async def get_metadata(step: Step) -> Json:
    fields = [str(field) for field in step.value("fieldList") or ()]
    if not fields:
        raise required("fieldList")
    dataset = dataset_of(step, step.properties.get("dataset"))
    step.show_input({"dataset": step.properties.get("dataset"), "fieldList": fields})
    try:
        output = await _fields(dataset, fields)
    except Refused as refused:
        raise failed_at("", refused) from None
    return {**output, "effectiveIntegrationRuntime": dataset.store.runtime.name}


async def _fields(dataset: Dataset, fields: list[str]) -> Json:
    blob: Blob | None = None
    inside: list[Blob] = []
    if dataset.file:
        blob = await dataset.store.properties(dataset.container, dataset.path)
    else:
        inside = await dataset.store.list(dataset.container, dataset.path)
    there = blob is not None or bool(inside) or await dataset.store.is_folder(dataset.container, dataset.path)
    if not there:
        if "exists" in fields:
            return {"exists": False}
        raise ActivityFailed("2011", f"The required Blob is missing. Path: {dataset.container}/{dataset.path}.")
    found: Json = {}
    for field in fields:
        found[field] = await _field(field, dataset, blob, inside)
    return found


async def _field(field: str, dataset: Dataset, blob: Blob | None, inside: list[Blob]) -> object:
    match field:
        case "exists":
            return True
        case "itemName":
            return dataset.file or dataset.folder.strip("/").rpartition("/")[2] or dataset.container
        case "itemType":
            return "File" if blob else "Folder"
        case "size" if blob:
            return blob.size
        case "lastModified" if blob:
            return f"{parsedate_to_datetime(blob.last_modified):%Y-%m-%dT%H:%M:%SZ}"
        case "contentMD5" if blob:
            return blob.md5
        case "childItems" if not blob:
            return _children(dataset, inside)
        case "columnCount" | "structure" if blob:
            header, _ = read_rows(
                dataset.kind, dataset.properties, await dataset.store.read(dataset.container, blob.name)
            )
            return len(header) if field == "columnCount" else [{"name": name, "type": "String"} for name in header]
        case "size" | "contentMD5" | "columnCount" | "structure" | "childItems":
            raise ActivityFailed("2011", f"The field '{field}' is not supported for a {'file' if blob else 'folder'}.")
        case _:
            raise not_modelled(f"the metadata field '{field}'")


def _children(dataset: Dataset, inside: list[Blob]) -> list[Json]:
    kinds: dict[str, str] = {}
    for blob in inside:
        first, slash, _ = blob.name.removeprefix(dataset.path).partition("/")
        if first:
            kinds[first] = "Folder" if slash else "File"
    return [{"name": name, "type": kind} for name, kind in kinds.items()]
