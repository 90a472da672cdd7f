"""The pointer: which version of a code asset runtimes use.

``pointer.schema.json`` is the contract for those who read it: the fields under ``contract`` are promised, those under
``provenance`` say where the version comes from, and nothing may depend on them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import ToolkitError
from toolkit.records import as_text

SCHEMA_VERSION = 1


class Contract(BaseModel):
    """What consumers may depend on."""

    schemaVersion: int = Field(ge=1)
    assetName: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$")
    version: str = Field(min_length=1)
    workspaceName: str = Field(min_length=1)
    resourceGroup: str = Field(min_length=1)
    subscriptionId: str = Field(pattern=r"^[0-9a-fA-F-]{36}$")


class Provenance(BaseModel):
    """What nothing may depend on: it says where a version comes from, where somebody knows."""

    buildId: str | None = None
    sourceBranch: str | None = None
    sourceVersion: str | None = None
    registeredAtUtc: str | None = None


class Pointer(Contract, Provenance):
    """The whole document. Fields of a later schema are kept out of a document of this one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @property
    def label(self) -> str:
        return f"{self.assetName}:{self.version}"

    def content(self) -> bytes:
        return as_text(self.model_dump()).encode()


class InvalidPointer(ToolkitError):
    """The blob is there and is no pointer."""


class NewerPointer(ToolkitError):
    """The blob is of a schema that this toolkit does not know."""


def parse_pointer(content: bytes, where: str) -> Pointer:
    """Raises InvalidPointer or NewerPointer, which name the blob and what is wrong with it."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InvalidPointer(f"{where} is not JSON: {error}", hint=_AGAIN) from error
    if not isinstance(document, dict):
        raise InvalidPointer(f"{where} is not a JSON object", hint=_AGAIN)
    version = document.get("schemaVersion")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerPointer(
            f"{where} is of schema {version}, and this toolkit knows {SCHEMA_VERSION}", hint="update the toolkit"
        )
    try:
        return Pointer.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors())
        raise InvalidPointer(f"{where} is no pointer: {problems}", hint=_AGAIN) from error


_AGAIN = "toolkit assets publish replaces it with a registered version, toolkit assets rollback with an earlier one"


def registered_after(pointer: Pointer, published: datetime) -> bool:
    """Whether the clocks disagree: a version cannot be registered after its pointer was written."""
    if pointer.registeredAtUtc is None:
        return False
    try:
        registered = datetime.fromisoformat(pointer.registeredAtUtc)
    except ValueError:
        return True
    registered = registered if registered.tzinfo else registered.replace(tzinfo=UTC)
    return (registered - published).total_seconds() > 300


def as_facts(pointer: Pointer, etag: str, published: datetime) -> dict[str, Any]:
    """For ``--json``: the document, and what the storage says of it."""
    return {
        **pointer.model_dump(),
        "publishedAtUtc": published.astimezone(UTC).isoformat(timespec="seconds"),
        "etag": etag,
    }
