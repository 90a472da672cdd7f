"""The runtime contract: what runs is the code version that the pointer names, read from nowhere else.

The pointer is the blob ``ml-globals/code-assets/ASSET/latest.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.adf.lint import urls
from toolkit.adf.lint.model import Hit, Rule, Subject, content, is_expression
from toolkit.pipelines.documents import Node
from toolkit.pipelines.expressions import analyse
from toolkit.pipelines.model import Activity

_CONTRACT = "docs/adf-lint.md"
_POINTER = re.compile(r"/ml-globals/code-assets/[^/]+/latest\.json", re.IGNORECASE)
_LISTING = re.compile(r"/codes(/[^/?]+(/versions)?)?/?(\?|$)", re.IGNORECASE)
_VERSION = re.compile(
    r"/codes/[^/\s'\"@{}]+/versions/(\d[^/\s'\"@{}]*)|azureml:[\w.-]*code[\w.-]*:(\d+)", re.IGNORECASE
)
# Who published, and from what; consumers must not depend on it.
PROVENANCE = ("buildId", "sourceBranch", "sourceVersion", "registeredAtUtc")


def _pointer_reads(subject: Subject) -> Iterator[Activity]:
    for activity in subject.activities_of("WebActivity"):
        if _POINTER.search(urls.pattern(activity.type_properties.at("url").value)):
            yield activity


def codes_lookup(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("WebActivity"):
        node = activity.type_properties.at("url")
        aimed = urls.target(node.value)
        method = str(content(activity.type_properties.at("method").value)).upper()
        management = aimed.host.startswith("management.azure.") or aimed.host.endswith(".api.azureml.ms")
        if method == "GET" and management and _LISTING.search(aimed.path):
            yield Hit(node, f"{activity.label} asks Azure ML for versions of code")


def hard_coded(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        for path, text in subject.texts(pipeline.resource):
            if path[-1] == "description" or "annotations" in path:
                continue
            if match := _VERSION.search(text):
                node = Node(pipeline.resource.node.document, path, text)
                yield Hit(node, f"pipeline {pipeline.name} names the code version {match[1] or match[2]} itself")


def provenance(subject: Subject) -> Iterator[Hit]:
    readers: dict[str, set[str]] = {}
    for activity in _pointer_reads(subject):
        readers.setdefault(activity.pipeline.name, set()).add(activity.name.lower())
    fields = {name.lower(): name for name in PROVENANCE}
    for pipeline in subject.factory.pipelines:
        for path, text in subject.texts(pipeline.resource) if pipeline.name in readers else ():
            if not is_expression(text):
                continue
            for reference in analyse(text).references:
                named = (reference.name or "").lower() in readers[pipeline.name]
                if reference.kind != "activity" or not named or len(reference.path) < 2:
                    continue
                if str(reference.path[0]).lower() == "output" and (field := fields.get(str(reference.path[1]).lower())):
                    node = Node(pipeline.resource.node.document, path, text)
                    yield Hit(node, f"pipeline {pipeline.name} depends on {field} of the pointer")


def anonymous(subject: Subject) -> Iterator[Hit]:
    for activity in _pointer_reads(subject):
        node = activity.type_properties.get("authentication")
        kind = (node.text("type") or "").lower() if node is not None else ""
        if kind not in ("msi", "userassignedmanagedidentity", "systemassignedmanagedidentity"):
            yield Hit(activity.type_properties, f"{activity.label} reads the pointer as {kind or 'nobody'}")


RULES: tuple[Rule, ...] = (
    Rule(
        "contract-hard-coded-version", "error", "No pipeline names a code version itself.",
        "It keeps running that version, whatever is registered and published.",
        "Read the pointer (pipeline read-code-pointer), and pass its version on as a parameter.", _CONTRACT, hard_coded,
    ),
    Rule(
        "contract-codes-lookup", "error", "No pipeline asks Azure ML which code versions there are.",
        "The newest one that is registered is not the one that was published: content that is registered again keeps "
        "an old number, and a version may be registered and never released.",
        "Read the pointer blob instead.", _CONTRACT, codes_lookup,
    ),
    Rule(
        "contract-provenance", "error", "No pipeline depends on the pointer's provenance.",
        "buildId, sourceBranch, sourceVersion and registeredAtUtc say who published; they may change their form, or be "
        "missing when a person publishes.",
        "Depend on assetName and version alone.", _CONTRACT, provenance,
    ),
    Rule(
        "contract-pointer-identity", "error", "The pointer is read with a managed identity.",
        "A key or a signature has to be kept and rotated; where keys are off, as here, the read is refused.",
        "Use authentication of type MSI with the resource https://storage.azure.com/.", _CONTRACT, anonymous,
    ),
)  # fmt: skip
