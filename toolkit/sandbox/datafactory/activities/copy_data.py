"""Copy, of files as they are and of delimited text, between blob containers.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview
"""

from __future__ import annotations

from typing import Any

from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import Blob, Refused, failed_at
from toolkit.sandbox.datafactory.datasets import Dataset, dataset_of
from toolkit.sandbox.datafactory.durations import timestamp
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled, required
from toolkit.sandbox.datafactory.files import chosen_files
from toolkit.sandbox.datafactory.tables import read_rows, write_rows

_KINDS = ("Binary", "DelimitedText")


async def copy_data(step: Step) -> Json:
    source, sink = step.value("source") or {}, step.value("sink") or {}
    origin = dataset_of(step, _only(step, "inputs"))
    target = dataset_of(step, _only(step, "outputs"))
    step.show_input({"source": source, "sink": sink})
    for dataset in (origin, target):
        if dataset.kind not in _KINDS:
            raise not_modelled(f"copies of a dataset of type '{dataset.kind}'")
    if (origin.kind == "Binary") != (target.kind == "Binary"):
        raise ActivityFailed("2200", "Binary dataset can only be copied to a Binary dataset.")
    if step.value("translator"):
        raise not_modelled("copies with a translator")
    began = step.run.engine.clock.now()
    try:
        files = await chosen_files(origin, source.get("storeSettings") or {})
        if not files:
            raise ActivityFailed(
                "2200",
                "ErrorCode=UserErrorSourceBlobNotExist,'Type=Microsoft.DataTransfer.Common.Shared."
                f"HybridDeliveryException,Message=The required Blob is missing. ContainerName: {origin.container}, "
                f"path: {origin.path}.,Source=Microsoft.DataTransfer.ClientLibrary,'",
            )
        contents = [await origin.store.read(origin.container, file.name) for file in files]
    except Refused as refused:
        raise failed_at("Source", refused) from None
    named = _targets(origin, target, files, (sink.get("storeSettings") or {}).get("copyBehavior"))
    try:
        written, rows = await _write(origin, target, list(zip(named, contents, strict=True)))
    except Refused as refused:
        raise failed_at("Sink", refused) from None
    if (source.get("storeSettings") or {}).get("deleteFilesAfterCompletion") is True:
        for file in files:
            await origin.store.delete(origin.container, file.name)
    return {
        "dataRead": sum(len(content) for content in contents),
        "dataWritten": sum(written.values()),
        "filesRead": len(files),
        "filesWritten": len(written),
        **({} if rows is None else {"rowsRead": rows, "rowsCopied": rows}),
        "copyDuration": max(1, round(step.run.engine.clock.now() - began)),
        "errors": [],
        "effectiveIntegrationRuntime": origin.store.runtime.name,
        "executionDetails": [{"status": "Succeeded", "start": timestamp(began)}],
    }


def _only(step: Step, name: str) -> Any:
    references = step.definition.get(name) or []
    if len(references) != 1:
        raise required(name)
    return references[0]


def _targets(origin: Dataset, target: Dataset, files: list[Blob], behavior: Any) -> list[str]:
    """The name of each file where it goes: https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage
    #blob-storage-as-a-sink-type (copyBehavior)"""
    folder = target.named("").path
    if target.file and (len(files) == 1 or behavior == "MergeFiles"):
        return [folder + target.file] * len(files)
    if behavior == "MergeFiles":
        raise not_modelled("merged files without a file name in the sink's dataset")
    if behavior == "FlattenHierarchy":
        raise not_modelled("the copy behaviour 'FlattenHierarchy', which makes up file names")
    root = origin.named("").path
    return [folder + file.name.removeprefix(root) for file in files]


async def _write(origin: Dataset, target: Dataset, files: list[tuple[str, bytes]]) -> tuple[dict[str, int], int | None]:
    """(bytes by file, rows)."""
    merged: dict[str, bytes] = {}
    rows: int | None = None
    for name, content in files:
        if origin.kind == "DelimitedText":
            header, body = read_rows(origin.kind, origin.properties, content)
            rows = (rows or 0) + len(body)
            properties = dict(target.properties)
            if name in merged:
                properties["firstRowAsHeader"] = False
            content = write_rows(properties, header, body)
        merged[name] = merged.get(name, b"") + content
    for name, content in merged.items():
        await target.store.write(target.container, name, content)
    return {name: len(content) for name, content in merged.items()}, rows
