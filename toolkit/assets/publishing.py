"""The pointer blobs: written under a condition, read back, kept in a history that no clock orders.

``code-assets/ASSET/latest.json`` is what pipelines read. ``code-assets/ASSET/history/NUMBER-TIME-ETAG.json`` is every
content that it ever had: NUMBER counts on in the latest blob's metadata, under the same condition as its content; TIME
and ETAG are the storage's own of that write. So a publisher that died in between loses nothing: the next one puts what
it finds as the latest into the history before it replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContentSettings

from toolkit.assets.pointer import (
    SCHEMA_VERSION,
    InvalidPointer,
    NewerPointer,
    Pointer,
    Provenance,
    parse_pointer,
    registered_after,
)
from toolkit.assets.registration import code_id, require_name, require_version
from toolkit.assets.workspace import Access
from toolkit.azure.clients import Actor
from toolkit.ci.provenance import Provenance as Origin
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Published:
    """A pointer as the storage has it."""

    pointer: Pointer
    etag: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    """What a blob holds, whatever that is."""

    content: bytes
    etag: str
    at: datetime
    number: int | None


class NeverPublished(ToolkitError):
    """There is no pointer."""


class LostRace(ToolkitError):
    """Somebody else published meanwhile."""


class Pointers:
    """The pointers of one environment. Use it as a context manager."""

    def __init__(self, access: Access, name: str) -> None:
        self._access = access
        self.name = require_name(name)
        self._container_name = str(access.output("pointer_container_name"))
        endpoint = str(access.output("pointer_storage_blob_endpoint"))
        actor = Actor(access.who, access.vantage, access.credential, access.subscription_id)
        self._service = actor.blobs(endpoint)
        self._container: ContainerClient = self._service.get_container_client(self._container_name)
        self._folder = f"code-assets/{self.name}"
        self._latest = f"{self._folder}/latest.json"
        self.where = f"{self._container_name}/{self._latest}"

    def __enter__(self) -> Pointers:
        return self

    def __exit__(self, *details: object) -> None:
        self._service.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    def show(self) -> Published:
        """The current pointer. Raises NeverPublished when there is none, InvalidPointer when it is something else."""
        found = self._read(self._latest)
        if found is None:
            raise NeverPublished(
                f"{self.name} was never published: there is no {self.where}",
                hint=f"toolkit assets publish {self._access.env} {self.name} --version …",
            )
        return Published(parse_pointer(found.content, self.where), found.etag, found.at)

    def history(self) -> list[Published]:
        """Every pointer that was the latest, the newest first. What is no pointer is left out."""
        found: dict[str, Published] = {}
        names = self._kept_names()
        contents = [(name, self._read(name)) for name in names]
        latest = self._read(self._latest)
        if latest is not None and not _kept(latest, names):
            contents.append((self._history_name(latest, names), latest))
        for name, kept in contents:
            if kept is None:
                continue
            try:
                pointer = parse_pointer(kept.content, f"{self._container_name}/{name}")
            except (InvalidPointer, NewerPointer):
                continue
            _, time, etag = name.rsplit("/", 1)[-1].removesuffix(".json").split("-", 2)
            at = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
            found[name] = Published(pointer, f'"{etag}"', at)
        return [found[name] for name in sorted(found, reverse=True)]

    def problems(self) -> list[str]:
        """Everything that is wrong with the current pointer; none when runtimes can rely on it."""
        try:
            current = self.show()
        except (InvalidPointer, NewerPointer) as error:
            return [error.message]
        pointer, access = current.pointer, self._access
        expected = {
            "assetName": self.name,
            "workspaceName": access.workspace_name,
            "resourceGroup": access.resource_group,
            "subscriptionId": access.subscription_id,
        }
        found = [
            f"{field} is {getattr(pointer, field)!r}, and the platform's is {value!r}"
            for field, value in expected.items()
            if str(getattr(pointer, field)).lower() != value.lower()
        ]
        if not found and self._registered(pointer.version) is None:
            found.append(self._lacking(pointer.label))
        if registered_after(pointer, current.at):
            found.append(
                f"registeredAtUtc {pointer.registeredAtUtc} is after {current.at.isoformat()}, when the pointer was "
                "written: the publisher's clock is wrong"
            )
        return found

    def _lacking(self, label: str) -> str:
        try:
            self._access.require_workspace()
        except ToolkitError as gone:
            return f"{gone.message}; {gone.hint}"
        return f"the workspace {self._access.workspace_name} has no {label}"

    # -- writing -------------------------------------------------------------------------------------------------------

    def publish(self, version: str, origin: Origin) -> Published:
        """Point at a registered version; ToolkitError when the workspace lacks it, LostRace when beaten to it."""
        require_version(version)
        registered = self._registered(version)
        if registered is None:
            self._access.require_workspace()
            raise ToolkitError(
                f"nothing was published: the workspace {self._access.workspace_name} has no {self.name}:{version}",
                hint=f"toolkit assets register {self._access.env} {self.name} prints what Azure ML returned",
            )
        return self._write(
            self._pointer(
                version,
                buildId=origin.build_id,
                sourceBranch=origin.source_branch,
                sourceVersion=origin.source_version,
                registeredAtUtc=_created(registered),
            )
        )

    def rollback(self, to: str | None = None) -> Published:
        """Point at an earlier version again, the one before the current by default, with its provenance."""
        past = self.history()
        latest = self._read(self._latest)
        try:
            current = parse_pointer(latest.content, self.where).version if latest else None
        except InvalidPointer:
            current = None
        if to is not None:
            require_version(to)
        wanted = [one.pointer for one in past if (one.pointer.version == to if to else one.pointer.version != current)]
        if not wanted:
            known = ", ".join(dict.fromkeys(one.pointer.version for one in past)) or "none"
            what = f"{self.name}:{to} was never published" if to else f"{self.name} has no earlier version"
            raise ToolkitError(f"nothing was rolled back: {what} (published: {known})", hint="toolkit assets history")
        pointer = wanted[0]
        if self._registered(pointer.version) is None:
            self._access.require_workspace()
            raise ToolkitError(
                f"nothing was rolled back: the workspace {self._access.workspace_name} has no {pointer.label} any more",
                hint="name another version with --to, or register and publish its content again",
            )
        provenance = pointer.model_dump(include=set(Provenance.model_fields))
        return self._write(self._pointer(pointer.version, **provenance))

    def _pointer(self, version: str, **provenance: str | None) -> Pointer:
        return Pointer(
            schemaVersion=SCHEMA_VERSION,
            assetName=self.name,
            version=version,
            workspaceName=self._access.workspace_name,
            resourceGroup=self._access.resource_group,
            subscriptionId=self._access.subscription_id,
            **provenance,
        )

    def _write(self, pointer: Pointer) -> Published:
        before = self._read(self._latest)
        if before is not None:
            try:
                parse_pointer(before.content, self.where)
            except NewerPointer:
                raise
            except InvalidPointer:
                pass  # what is replaced is kept, whatever it is
            self._keep(before)
        content = pointer.content()
        condition: dict[str, Any] = {"overwrite": False}
        if before is not None:
            condition = {"overwrite": True, "etag": before.etag, "match_condition": MatchConditions.IfNotModified}
        number = {"number": str(_following(self._kept_names()))}
        try:
            with self._errors(f"{pointer.label} was not published"):
                settings = ContentSettings(content_type=_JSON)
                self._container.upload_blob(
                    self._latest, content, content_settings=settings, metadata=number, **condition
                )
        except LostRace as lost:
            raise self._lost(pointer) from lost
        back = self._read(self._latest)
        if back is None or back.content != content:
            raise self._lost(pointer)
        self._keep(back)
        return Published(pointer, back.etag, back.at)

    def _lost(self, pointer: Pointer) -> LostRace:
        """Who was quicker, as far as that can be told."""
        winner = self._read(self._latest)
        try:
            what = parse_pointer(winner.content, self.where).label if winner else "nothing"
        except ToolkitError:
            what = "something that is no pointer"
        return LostRace(
            f"{pointer.label} was not published: another publisher was quicker, and the pointer names {what}",
            hint=f"toolkit assets show {self._access.env} {self.name}; publish again when yours should run",
        )

    def _keep(self, found: _Found) -> None:
        names = self._kept_names()
        if _kept(found, names):
            return
        name = self._history_name(found, names)
        with self._errors(f"{name} was not kept"):
            try:
                settings = ContentSettings(content_type=_JSON)
                self._container.upload_blob(name, found.content, overwrite=False, content_settings=settings)
            except ResourceExistsError:
                pass  # kept by whoever wrote it

    def _kept_names(self) -> list[str]:
        with self._errors("the history cannot be read"):
            return [blob.name for blob in self._container.list_blobs(name_starts_with=f"{self._folder}/history/")]

    def _history_name(self, found: _Found, names: list[str]) -> str:
        number = found.number or _following(names)
        return (
            f"{self._folder}/history/{number:06}-{found.at.astimezone(UTC).strftime(_TIME)}-{_plain(found.etag)}.json"
        )

    def _registered(self, version: str) -> dict[str, Any] | None:
        label = f"{self.name}:{version}"
        return self._access.resource(code_id(self._access, self.name, version), f"{label} cannot be looked up")

    def _read(self, name: str) -> _Found | None:
        with self._errors(f"{self._container_name}/{name} cannot be read"):
            try:
                blob = self._container.get_blob_client(name).download_blob()
                about = blob.properties
                number = str((about.metadata or {}).get("number", ""))
                counted = int(number) if number.isdigit() else None
                return _Found(blob.readall(), str(about.etag), about.last_modified, counted)
            except ResourceNotFoundError as error:
                if _code(error) == "ContainerNotFound":
                    raise
                return None

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except HttpResponseError as error:
            if error.status_code == 412 or _code(error) == "BlobAlreadyExists":
                raise LostRace(what) from error
            raise self._access.refused(error, what) from error
        except AzureError as error:
            raise self._access.refused(error, what) from error


_TIME = "%Y%m%dT%H%M%SZ"


def _plain(etag: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", etag)


def _kept(found: _Found, names: list[str]) -> bool:
    return any(name.endswith(f"-{_plain(found.etag)}.json") for name in names)


def _following(names: list[str]) -> int:
    """The number after the last one in the history."""
    numbers = [name.rsplit("/", 1)[-1].partition("-")[0] for name in names]
    return max((int(number) for number in numbers if number.isdigit()), default=0) + 1


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code))


def _created(registered: dict[str, Any]) -> str | None:
    """When Azure ML registered it, to the second, in UTC."""
    created = (registered.get("systemData") or {}).get("createdAt")
    if not created:
        return None
    text = re.sub(r"(\.\d{6})\d+", r"\1", str(created)).replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
