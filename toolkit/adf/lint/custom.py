"""Custom activities, which Azure Batch runs."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.adf.lint.model import Hit, Rule, Subject, is_expression
from toolkit.pipelines.documents import Node
from toolkit.pipelines.model import Factory, Resource

_TROUBLE = "https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide#custom"
# What a linked service has that signs in without the key: https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage
_KEYLESS = ("serviceEndpoint", "credential", "servicePrincipalId", "sasUri", "sasToken")


def _named(factory: Factory, reference: Node | None) -> Resource | None:
    name = reference.text("referenceName") if reference is not None else None
    return None if name is None or is_expression(name) else factory.find("linkedService", name)


def _has_no_key(storage: Resource) -> bool:
    properties = storage.properties.at("typeProperties")
    return properties.get("accountKey") is None and any(properties.get(name) is not None for name in _KEYLESS)


def without_a_key(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("Custom"):
        own = activity.type_properties.get("resourceLinkedService")
        pool = _named(subject.factory, activity.node.get("linkedServiceName"))
        behind = pool.properties.at("typeProperties").get("linkedServiceName") if pool is not None else None
        for node, reference in ((own, own), (activity.node.get("linkedServiceName"), behind)):
            storage = _named(subject.factory, reference)
            if node is not None and storage is not None and _has_no_key(storage):
                yield Hit(
                    node, f"{activity.label} hands its files over through {storage.label}, which has no account key"
                )
                break


RULES: tuple[Rule, ...] = (
    Rule(
        "custom-without-key", "error", "A Custom activity has its files in a storage account that it has the key of.",
        "Data Factory signs the addresses of a task's files with the key, for whatever command, and fails with error "
        "2505 without one.",
        "Where keys are off, add the task over Batch's REST API: a WebActivity with the factory's credential, files by "
        "identityReference (terraform/modules/data_factory_pipelines/batch.tf does so).",
        _TROUBLE, without_a_key, refused=True,
    ),
)  # fmt: skip
