"""Files and directories of Data Lake Storage as blobs of Azurite: a directory is an empty blob with ``hdi_isfolder``.

https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path; the marker is what Azure itself shows of
directories over the Blob service (https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-known-issues).
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import httpx

from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.errors import StorageError

FOLDER: Final = "x-ms-meta-hdi_isfolder"
_VERSION: Final = b"2021-12-02"
_CONTENT: Final = ("type", "encoding", "language", "disposition")
_DIGITS: Final = 20  # of a block's name, which is its position


@dataclass(frozen=True, slots=True)
class Path:
    """What stands at a name; an implied directory has files below it, and no blob of its own."""

    name: str
    is_directory: bool
    size: int
    etag: str
    last_modified: str
    headers: Mapping[str, str]

    @property
    def created(self) -> int:
        """In the 100 nanoseconds since 1601 that listings have."""
        moment = parsedate_to_datetime(self.last_modified) if self.last_modified else None
        return round((moment.timestamp() if moment else 0) + 11_644_473_600) * 10_000_000


class Paths:
    """Of one container. Refusals are Azurite's, as StorageError; datalake.py says them in Data Lake's words."""

    def __init__(self, blobs: AzuriteBlobs, account: str, container: str) -> None:
        self._blobs = blobs
        self._account = account
        self._container = container

    # -- what is there -------------------------------------------------------------------------------------------------

    async def find(self, name: str) -> Path | None:
        response = await self._send("HEAD", name, accept=(404,))
        await response.aclose()
        if response.status_code == 404:
            if not await self.below(name, most=1):
                return None
            return Path(name, True, 0, "", "", {})
        headers = response.headers
        folder = headers.get(FOLDER, "").lower() == "true"
        size = int(headers.get("content-length", 0))
        return Path(name, folder, size, headers["etag"], headers["last-modified"], headers)

    async def below(self, directory: str, most: int | None = None) -> list[Path]:
        """All that is in a directory and further down, without the directory itself; ``""`` is the root."""
        prefix = f"{directory}/" if directory else ""
        found: list[Path] = []
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "include": "metadata", "prefix": prefix, "marker": marker}
            if most is not None:
                query["maxresults"] = str(most)
            asked = urlencode({name: value for name, value in query.items() if value}, quote_via=quote)
            response = await self._send("GET", None, asked)
            page = ElementTree.fromstring(await response.aread())  # noqa: S314
            await response.aclose()
            found += [_listed(entry) for entry in page.iter("Blob")]
            marker = page.findtext("NextMarker") or ""
            if not marker or (most is not None and found):
                return found

    async def read(self, name: str, sent: Mapping[str, str]) -> httpx.Response:
        """The open response."""
        return await self._send("GET", name, sent=sent)

    # -- what is written -----------------------------------------------------------------------------------------------

    async def make_file(self, name: str, sent: Mapping[str, str]) -> httpx.Response:
        headers = {"x-ms-blob-type": "BlockBlob", "content-length": "0", **sent}
        return await self._closed("PUT", name, sent=headers)

    async def make_directory(self, name: str, sent: Mapping[str, str]) -> httpx.Response:
        return await self.make_file(name, {**sent, FOLDER: "true"})

    async def append(
        self, name: str, position: int, length: int, content: AsyncIterator[bytes] | bytes, sent: Mapping[str, str]
    ) -> None:
        query = urlencode({"comp": "block", "blockid": _block(position)}, quote_via=quote)
        await self._closed("PUT", name, query, {**sent, "content-length": str(length)}, content)

    async def flush(self, path: Path, position: int, sent: Mapping[str, str]) -> httpx.Response:
        """Make what was appended part of the file, which is ``position`` long then."""
        committed, waiting = await self._blocks(path.name)
        if path.size and any(len(base64.b64decode(name)) != _DIGITS for name, _ in committed or [("", 0)]):
            # Written through the Blob service: its content becomes the first block.
            response = await self._send("GET", path.name)
            content = await response.aread()
            await response.aclose()
            await self.append(path.name, 0, len(content), content, {})
            committed = [(_block(0), len(content))]
        blocks = sorted({**dict(committed), **dict(waiting)}.items(), key=lambda block: base64.b64decode(block[0]))
        length = 0
        for name, size in blocks:
            if int(base64.b64decode(name)) != length:
                raise _not_contiguous()
            length += size
        if length != position:
            raise _not_contiguous()
        listed = "".join(f"<Latest>{name}</Latest>" for name, _ in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        kept = {
            **{f"x-ms-blob-content-{name}": path.headers.get(f"content-{name}", "") for name in _CONTENT},
            **{name: value for name, value in path.headers.items() if name.startswith("x-ms-meta-")},
        }
        headers = {**{name: value for name, value in kept.items() if value}, **sent, "content-length": str(len(body))}
        return await self._closed("PUT", path.name, "comp=blocklist", headers, body)

    async def _blocks(self, name: str) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        response = await self._send("GET", name, "comp=blocklist&blocklisttype=all")
        page = ElementTree.fromstring(await response.aread())  # noqa: S314
        await response.aclose()
        found = [
            [
                (block.findtext("Name") or "", int(block.findtext("Size") or 0))
                for block in page.iterfind(f"{kind}/Block")
            ]
            for kind in ("CommittedBlocks", "UncommittedBlocks")
        ]
        return found[0], found[1]

    async def set_metadata(self, name: str, metadata: Mapping[str, str]) -> httpx.Response:
        return await self._closed("PUT", name, "comp=metadata", {**metadata, "content-length": "0"})

    async def set_content(self, name: str, content: Mapping[str, str]) -> httpx.Response:
        return await self._closed("PUT", name, "comp=properties", {**content, "content-length": "0"})

    async def delete(self, name: str, sent: Mapping[str, str] | None = None) -> None:
        await self._closed("DELETE", name, sent=sent or {})

    async def copy(self, name: str, other: Paths, new: str) -> None:
        base = await self._blobs.base_url(self._account)
        source = f"{base}/{quote(self._container)}/{quote(name)}"
        await other._closed("PUT", new, sent={"x-ms-copy-source": source, "content-length": "0"})

    # -- Azurite -------------------------------------------------------------------------------------------------------

    async def _closed(
        self,
        method: str,
        name: str,
        query: str = "",
        sent: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | bytes = b"",
    ) -> httpx.Response:
        response = await self._send(method, name, query, sent, content)
        await response.aclose()
        return response

    async def _send(
        self,
        method: str,
        name: str | None,
        query: str = "",
        sent: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | bytes = b"",
        accept: tuple[int, ...] = (),
    ) -> httpx.Response:
        path = f"/{quote(self._container)}" + (f"/{quote(name)}" if name is not None else "")
        headers = [(b"x-ms-version", _VERSION)]
        headers += [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in (sent or {}).items()]
        response = await self._blobs.send(self._account, method, path, query, headers, content, signed=True)
        if response.status_code < 300 or response.status_code in accept:
            return response
        body = await response.aread()
        await response.aclose()
        code = response.headers.get("x-ms-error-code") or {404: "BlobNotFound", 412: "ConditionNotMet"}.get(
            response.status_code, "InternalError"
        )
        raise StorageError(response.status_code, code, _sentence(body))


def _listed(entry: ElementTree.Element) -> Path:
    about = {part.tag: part.text or "" for part in entry.find("Properties") or ()}
    metadata = {part.tag.lower(): part.text or "" for part in entry.find("Metadata") or ()}
    return Path(
        entry.findtext("Name") or "",
        metadata.get("hdi_isfolder", "").lower() == "true",
        int(about.get("Content-Length") or 0),
        about.get("Etag", ""),
        about.get("Last-Modified", ""),
        {},
    )


def _block(position: int) -> str:
    return base64.b64encode(f"{position:0{_DIGITS}d}".encode()).decode()


def _not_contiguous() -> StorageError:
    return StorageError(
        400,
        "InvalidFlushPosition",
        "The uploaded data is not contiguous or the position query parameter value is not equal to the length of the "
        "file after appending the uploaded data.",
    )


def _sentence(body: bytes) -> str:
    try:
        return (ElementTree.fromstring(body).findtext("Message") or "").split("\n")[0]  # noqa: S314
    except ElementTree.ParseError:
        return ""
