"""Files and directories: create, append, flush, read, list, rename, delete.

https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path. With a hierarchical namespace directories
above a new path are made along, and deleting or renaming a directory is one operation; events are Event Grid's for this
endpoint (https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage): a rename raises BlobRenamed, which
nobody here listens to, and a deleted directory says nothing of its files.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping

import httpx
from starlette.responses import Response, StreamingResponse

from toolkit.sandbox.storage import events
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.datalake_answers import (
    ACL,
    SUPERUSER,
    empty,
    headers_of,
    listing,
    metadata_of,
    path_conflict,
    path_not_found,
    properties_of,
)
from toolkit.sandbox.storage.datalake_requests import Asked, hierarchical_only
from toolkit.sandbox.storage.errors import StorageError
from toolkit.sandbox.storage.paths import Path, Paths
from toolkit.sandbox.world import World

_MOST = 5000
_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_CONTENT = ("cache-control", "content-type", "content-encoding", "content-language", "content-disposition")
_READ = ("range", "x-ms-range", "x-ms-range-get-content-md5", *_CONDITIONS)
_RETURNED = (
    *("accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language", "content-md5"),
    *(
        "content-length",
        "content-range",
        "content-type",
        "etag",
        "last-modified",
        "x-ms-lease-state",
        "x-ms-lease-status",
    ),
)


class PathOperations:
    def __init__(self, world: World, blobs: AzuriteBlobs) -> None:
        self._world = world
        self._blobs = blobs

    async def carry_out(self, operation: str, asked: Asked) -> Response:
        paths = self._paths(asked, asked.container)
        match operation:
            case "List Paths":
                return await self._list(asked, paths)
            case "Create Path":
                return await self._create(asked, paths)
            case "Rename Path":
                return await self._rename(asked, paths)
            case "Append Data":
                return await self._append(asked, paths)
            case "Flush Data":
                return await self._flush(asked, paths, _position(asked))
            case "Set Path Properties":
                return await self._set_properties(asked, paths)
            case "Read Path":
                return await self._read(asked, paths)
            case "Delete Path":
                return await self._delete(asked, paths)
            case "Get Access Control":
                return await self._access_control(asked, paths)
            case _:
                return await self._properties(asked, paths)

    def _paths(self, asked: Asked, container: str) -> Paths:
        return Paths(self._blobs, asked.account.name.lower(), container)

    # -- read ----------------------------------------------------------------------------------------------------------

    async def _list(self, asked: Asked, paths: Paths) -> Response:
        directory = asked.parameters.get("directory", "").strip("/")
        recursive = asked.parameters.get("recursive", "").lower()
        if recursive not in ("true", "false"):
            raise StorageError(
                400,
                "MissingRequiredQueryParameter",
                "A query parameter that's mandatory for this request is not specified.",
            )
        if directory:
            found = await _existing(paths, directory)
            if not found.is_directory:
                raise path_not_found()
        everything = _with_implied(await paths.below(directory), directory)
        depth = directory.count("/") + 1 if directory else 0
        names = sorted(
            (name for name in everything if recursive == "true" or name.count("/") == depth),
            key=lambda name: name.split("/"),
        )
        after = asked.parameters.get("continuation", "")
        first = _decoded(after) if after else ""
        names = [name for name in names if not first or name.split("/") > first.split("/")]
        most = asked.parameters.get("maxresults", "")
        page = names[: min(int(most), _MOST) if most.isdigit() and int(most) else _MOST]
        more = base64.b64encode(page[-1].encode()).decode() if len(page) < len(names) else ""
        return listing(asked.request, {"paths": [_entry(everything[name]) for name in page]}, more)

    async def _read(self, asked: Asked, paths: Paths) -> Response:
        if (await _existing(paths, asked.path)).is_directory:
            raise path_conflict()
        sent = {name: value for name in _READ if (value := asked.request.headers.get(name))}
        response = await paths.read(asked.path, sent)
        shown = {name: response.headers[name] for name in _RETURNED if name in response.headers}
        headers = headers_of(asked.request, {**shown, **self._about(asked, "file", response.headers)})
        return StreamingResponse(_content(response), response.status_code, headers)

    async def _properties(self, asked: Asked, paths: Paths) -> Response:
        found = await _existing(paths, asked.path)
        _require_conditions(asked, found)
        shown = {name: found.headers[name] for name in _RETURNED if name in found.headers}
        about = self._about(asked, "directory" if found.is_directory else "file", found.headers)
        if asked.parameters.get("action", "").lower() == "getstatus":
            about.pop("x-ms-properties", None)
        return empty(asked.request, 200, {**shown, **about})

    def _about(self, asked: Asked, kind: str, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            "x-ms-resource-type": kind,
            "x-ms-properties": properties_of(headers),
            **(SUPERUSER if asked.hierarchical else {}),
        }

    async def _access_control(self, asked: Asked, paths: Paths) -> Response:
        if not asked.hierarchical:
            raise hierarchical_only()
        if asked.path:
            await _existing(paths, asked.path)
        else:
            await paths.below("", most=1)  # raises where there is no such file system
        return empty(asked.request, 200, {**SUPERUSER, **ACL})

    # -- write ---------------------------------------------------------------------------------------------------------

    async def _create(self, asked: Asked, paths: Paths) -> Response:
        kind = asked.parameters.get("resource", "").lower()
        if kind not in ("file", "directory"):
            raise StorageError(
                400,
                "MissingRequiredQueryParameter",
                "A query parameter that's mandatory for this request is not specified.",
            )
        there = await paths.find(asked.path)
        _require_conditions(asked, there)
        if there is not None and there.is_directory != (kind == "directory"):
            raise path_conflict()
        await self._make_parents(asked, paths)
        sent = {**metadata_of(asked.request), **_content_headers(asked)}
        make = paths.make_file if kind == "file" else paths.make_directory
        made = await make(asked.path, sent)
        if kind == "file":
            await self._created(asked, "CreateFile")
        return empty(asked.request, 201, _version_of(made))

    async def _make_parents(self, asked: Asked, paths: Paths) -> None:
        if not asked.hierarchical:
            return
        parts = asked.path.split("/")
        for at in range(1, len(parts)):
            parent = "/".join(parts[:at])
            found = await paths.find(parent)
            if found is None:
                await paths.make_directory(parent, {})
            elif not found.is_directory:
                raise path_conflict()

    async def _append(self, asked: Asked, paths: Paths) -> Response:
        found = await _existing(paths, asked.path)
        if found.is_directory:
            raise path_conflict()
        position, length = _position(asked), asked.request.headers.get("content-length", "")
        if not length.isdigit() or length == "0":
            raise StorageError(411, "MissingContentLengthHeader", "Content-Length header is required.")
        if position < found.size:
            raise StorageError(
                400, "InvalidAppendPosition", "The append position is before the end of what has been flushed already."
            )
        sent = {name: value for name in ("content-md5",) if (value := asked.request.headers.get(name))}
        await paths.append(asked.path, position, int(length), asked.request.stream(), sent)
        if asked.parameters.get("flush", "").lower() == "true":
            return await self._flush(asked, paths, position + int(length), 202)
        return empty(asked.request, 202, {"x-ms-request-server-encrypted": "true"})

    async def _flush(self, asked: Asked, paths: Paths, position: int, status: int = 200) -> Response:
        found = await _existing(paths, asked.path)
        if found.is_directory:
            raise path_conflict()
        _require_conditions(asked, found)
        if asked.parameters.get("retainuncommitteddata", "").lower() == "true":
            raise StorageError(
                501, "NotImplemented", "The sandbox does not serve flushes that retain uncommitted data."
            )
        made = await paths.flush(found, position, _content_headers(asked))
        if asked.parameters.get("close", "").lower() == "true":
            await self._created(asked, "FlushWithClose")
        return empty(asked.request, status, {**_version_of(made), "x-ms-request-server-encrypted": "true"})

    async def _set_properties(self, asked: Asked, paths: Paths) -> Response:
        found = await _existing(paths, asked.path)
        _require_conditions(asked, found)
        made: httpx.Response | None = None
        if "x-ms-properties" in asked.request.headers:
            folder = {"x-ms-meta-hdi_isfolder": "true"} if found.is_directory else {}
            made = await paths.set_metadata(asked.path, {**metadata_of(asked.request), **folder})
        if content := _content_headers(asked):
            made = await paths.set_content(asked.path, content)
        return empty(asked.request, 200, _version_of(made) if made is not None else {})

    async def _delete(self, asked: Asked, paths: Paths) -> Response:
        found = await _existing(paths, asked.path)
        _require_conditions(asked, found)
        if found.is_directory:
            inside = await paths.below(asked.path)
            if inside and asked.parameters.get("recursive", "").lower() != "true":
                raise StorageError(
                    409,
                    "DirectoryNotEmpty",
                    "The recursive query parameter value must be true to delete a non-empty directory.",
                )
            for path in inside:
                await paths.delete(path.name)
            if found.etag:  # implied directories are no blobs
                await paths.delete(asked.path)
        else:
            await paths.delete(asked.path)
            if asked.hierarchical:
                events.deleted(self._world, asked.account, asked.target, "DeleteFile")
        return empty(asked.request, 200)

    async def _rename(self, asked: Asked, paths: Paths) -> Response:
        source = asked.source
        assert source.container is not None
        assert source.blob is not None
        others = self._paths(asked, source.container)
        found = await others.find(source.blob)
        if found is None:
            raise StorageError(404, "SourcePathNotFound", "The source path for a rename operation was not found.")
        if source.container == asked.container and f"{asked.path}/".startswith(f"{source.blob}/"):
            raise StorageError(
                409,
                "InvalidRenameSourcePath",
                "The source directory cannot be the same as the destination directory, nor can the destination be a "
                "subdirectory of the source directory.",
            )
        there = await paths.find(asked.path)
        _require_conditions(asked, there)
        await self._require_place(asked, paths, found, there)
        inside = await others.below(source.blob) if found.is_directory else []
        moved = [found.name, *(path.name for path in inside)] if found.etag else [path.name for path in inside]
        for name in moved:
            await others.copy(name, paths, asked.path + name.removeprefix(source.blob))
        for name in reversed(moved):
            await others.delete(name)
        return empty(asked.request, 201)

    async def _require_place(self, asked: Asked, paths: Paths, found: Path, there: Path | None) -> None:
        parent = asked.path.rpartition("/")[0]
        if asked.hierarchical and parent and await paths.find(parent) is None:
            raise StorageError(
                404,
                "RenameDestinationParentPathNotFound",
                "The parent directory of the destination path does not exist.",
            )
        if there is None:
            return
        if there.is_directory != found.is_directory:
            raise path_conflict()
        if there.is_directory and await paths.below(asked.path, most=1):
            raise StorageError(
                409, "DestinationPathIsNotEmpty", "The destination of the rename is a directory that is not empty."
            )

    async def _created(self, asked: Asked, api: str) -> None:
        """A flat namespace tells nothing of what comes by this endpoint."""
        if asked.hierarchical:
            await events.created(self._world, self._blobs, asked.account, asked.target, api)


async def _existing(paths: Paths, name: str) -> Path:
    found = await paths.find(name)
    if found is None:
        await paths.below("", most=1)  # raises where there is no such file system
        raise path_not_found()
    return found


def _require_conditions(asked: Asked, found: Path | None) -> None:
    """If-Match and If-None-Match; those of time are left to what Azure's clients send with reads."""
    wanted, unwanted = asked.request.headers.get("if-match"), asked.request.headers.get("if-none-match")
    if unwanted == "*" and found is not None:
        raise StorageError(409, "PathAlreadyExists", "The specified path already exists.")
    failed = wanted is not None and (found is None or (wanted != "*" and wanted.strip('"') != found.etag.strip('"')))
    if failed or (unwanted and found is not None and unwanted.strip('"') == found.etag.strip('"')):
        raise StorageError(
            412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
        )


def _with_implied(found: list[Path], directory: str) -> dict[str, Path]:
    """By name, with the directories that only the names of files tell of."""
    everything = {path.name: path for path in found}
    for path in found:
        parts = path.name.split("/")
        for at in range(directory.count("/") + 2 if directory else 1, len(parts)):
            parent = "/".join(parts[:at])
            everything.setdefault(parent, Path(parent, True, 0, path.etag, path.last_modified, {}))
    return everything


def _entry(path: Path) -> dict[str, str]:
    return {
        "name": path.name,
        **({"isDirectory": "true"} if path.is_directory else {}),
        "contentLength": str(path.size),
        "lastModified": path.last_modified,
        "etag": path.etag,
        "creationTime": str(path.created),
        "owner": SUPERUSER["x-ms-owner"],
        "group": SUPERUSER["x-ms-group"],
        "permissions": SUPERUSER["x-ms-permissions"] if path.is_directory else "rw-r-----",
    }


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        raise StorageError(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters specified in the request URI is invalid.",
        ) from None


def _position(asked: Asked) -> int:
    position = asked.parameters.get("position", "")
    if not position.isdigit():
        raise StorageError(
            400,
            "MissingRequiredQueryParameter",
            "A query parameter that's mandatory for this request is not specified.",
        )
    return int(position)


def _content_headers(asked: Asked) -> dict[str, str]:
    found = {name: asked.request.headers.get(f"x-ms-{name}") for name in _CONTENT}
    return {f"x-ms-blob-{name}": value for name, value in found.items() if value}


def _version_of(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers[name] for name in ("etag", "last-modified") if name in response.headers}


async def _content(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()
