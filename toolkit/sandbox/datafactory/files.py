"""Which files of a store an activity means: its dataset's, narrowed or widened by its ``storeSettings``."""

from __future__ import annotations

import fnmatch

from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import Blob
from toolkit.sandbox.datafactory.datasets import Dataset
from toolkit.sandbox.datafactory.failures import not_modelled

_KNOWN = frozenset(
    (
        *("type", "recursive", "wildcardFolderPath", "wildcardFileName", "prefix", "deleteFilesAfterCompletion"),
        *("maxConcurrentConnections", "enablePartitionDiscovery", "copyBehavior", "disableMetricsCollection"),
    )
)


async def chosen_files(dataset: Dataset, settings: Json) -> list[Blob]:
    """https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage#blob-storage-as-a-source-type"""
    unknown = sorted(name for name, value in settings.items() if name not in _KNOWN and value is not None)
    if unknown:
        raise not_modelled(f"the store setting '{unknown[0]}'")
    recursive = settings.get("recursive", True) is not False
    folder, file = settings.get("wildcardFolderPath"), settings.get("wildcardFileName")
    if settings.get("prefix") is not None:
        return await dataset.store.list(dataset.container, str(settings["prefix"]))
    if file is None and folder is None:
        if dataset.file:
            blob = await dataset.store.properties(dataset.container, dataset.path)
            return [blob] if blob else []
        found = await dataset.store.list(dataset.container, dataset.path)
        return [blob for blob in found if recursive or "/" not in blob.name.removeprefix(dataset.path)]
    pattern = f"{str(folder).strip('/')}/" if folder is not None else dataset.named("").path
    plain = pattern[: min((pattern.find(mark) for mark in "*?[" if mark in pattern), default=len(pattern))]
    found = await dataset.store.list(dataset.container, plain)
    return [blob for blob in found if _matches(blob.name, pattern, str(file or "*"), recursive)]


def _matches(name: str, folder: str, file: str, recursive: bool) -> bool:
    """The folder's wildcards stay inside of a level; files below it count where it is recursive."""
    levels = folder.strip("/").split("/") if folder.strip("/") else []
    parts = name.split("/")
    if len(parts) <= len(levels) or not all(
        fnmatch.fnmatchcase(part, level) for part, level in zip(parts, levels, strict=False)
    ):
        return False
    return fnmatch.fnmatchcase(parts[-1], file) and (recursive or len(parts) == len(levels) + 1)
