"""Datasets and the linked services behind them, with their parameters filled in.

https://learn.microsoft.com/azure/data-factory/concepts-datasets-linked-services and
https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage, …/connector-azure-data-lake-storage
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from toolkit.pipelines.expressions import ExpressionError, Scope, resolve
from toolkit.records import Json
from toolkit.sandbox.datafactory.blobs import BlobStore
from toolkit.sandbox.datafactory.datalake import SUFFIX, DataLakeStore
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled, required
from toolkit.sandbox.datafactory.outbound import runtime_of
from toolkit.sandbox.store import Resource


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file or folder: where it is, and how its content is written."""

    name: str
    kind: str  # Binary, DelimitedText, Json
    properties: Json
    store: BlobStore
    container: str
    folder: str
    file: str

    @property
    def path(self) -> str:
        """Below the container; with a slash at the end where it is a folder."""
        folder = f"{self.folder.strip('/')}/" if self.folder.strip("/") else ""
        return folder + self.file

    def named(self, file: str) -> Dataset:
        return replace(self, file=file)


def dataset_of(step: Step, reference: Any) -> Dataset:
    """What a DatasetReference names."""
    reference = reference or {}
    name = str(reference.get("referenceName") or "")
    if not name:
        raise required("dataset")
    resource = entity(step, "datasets", name)
    declared = resource.properties.get("parameters") or {}
    given = _filled(declared, step.evaluated(reference.get("parameters") or {}), f"dataset '{name}'")
    scope = replace(step.frame.scope, dataset=given)
    properties = _resolved(resource.properties.get("typeProperties") or {}, scope)
    location = properties.get("location") or {}
    kind = str(resource.properties.get("type", ""))
    if location.get("type") not in ("AzureBlobStorageLocation", "AzureBlobFSLocation"):
        raise not_modelled(f"datasets of type '{kind}' at a '{location.get('type')}'")
    linked = resource.properties.get("linkedServiceName") or {}
    store = _blob_store(step, linked, scope)
    return Dataset(
        name,
        kind,
        properties,
        store,
        str(location.get("container") or location.get("fileSystem") or ""),
        str(location.get("folderPath") or ""),
        str(location.get("fileName") or ""),
    )


def entity(step: Step, kind: str, name: str) -> Resource:
    found = step.run.engine.world.store.get(f"{step.run.factory.id}/{kind}/{name}")
    if found is None:
        raise ActivityFailed(
            "BadRequest", f"'{name}' could not be found among the {kind} of '{step.run.factory.name}'."
        )
    return found


def _filled(declared: Json, given: Json, of: str) -> Json:
    filled: Json = {}
    for name, declaration in declared.items():
        if name in given:
            filled[name] = given[name]
        elif "defaultValue" in declaration:
            filled[name] = declaration["defaultValue"]
        else:
            raise ActivityFailed("BadRequest", f"The parameter '{name}' of the {of} has no value.")
    return filled


def _resolved(value: Json, scope: Scope) -> Json:
    try:
        found: Json = resolve(value, scope)
    except ExpressionError as error:
        raise ActivityFailed(error.code, str(error)) from None
    return found


def linked_service(step: Step, reference: Json, scope: Scope) -> tuple[Resource, Json]:
    """What a LinkedServiceReference names, and its properties with its parameters filled in."""
    name = str(reference.get("referenceName") or "")
    resource = entity(step, "linkedservices", name)
    given = _filled(
        resource.properties.get("parameters") or {}, _resolved(reference.get("parameters") or {}, scope), name
    )
    return resource, _resolved(resource.properties.get("typeProperties") or {}, replace(scope, linked_service=given))


def _blob_store(step: Step, reference: Json, scope: Scope) -> BlobStore:
    resource, properties = linked_service(step, reference, scope)
    name, kind = resource.name, str(resource.properties.get("type", ""))
    if kind not in ("AzureBlobStorage", "AzureBlobFS"):
        raise ActivityFailed(
            "2110", f"The linked service type '{kind}' is not supported for '{step.record['activityType']}' activities."
        )
    endpoint = str(properties.get("url" if kind == "AzureBlobFS" else "serviceEndpoint") or "")
    if not endpoint:
        raise not_modelled(f"the linked service '{name}', which does not sign in with the factory's identity")
    runtime = runtime_of(step.run.engine.world.store, step.run.factory, resource.properties.get("connectVia"))
    outbound = step.run.engine.outbound
    token = outbound.token(step.run.factory, "https://storage.azure.com/", properties.get("credential"))
    host = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}").hostname or ""
    kind_of_store = DataLakeStore if host.lower().endswith(SUFFIX) else BlobStore
    return kind_of_store(outbound, runtime, f"https://{host}", token)
