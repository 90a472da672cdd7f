"""File systems, which are the Blob service's containers.

https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/filesystem
"""

from __future__ import annotations

from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from starlette.responses import Response

from toolkit.sandbox.storage import containers
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.datalake_answers import empty, listing, metadata_of, properties_of
from toolkit.sandbox.storage.datalake_requests import Asked
from toolkit.sandbox.storage.errors import StorageError
from toolkit.sandbox.world import World

_VERSION = (b"x-ms-version", b"2021-12-02")
_MOST = 5000


class FileSystems:
    def __init__(self, world: World, blobs: AzuriteBlobs) -> None:
        self._world = world
        self._blobs = blobs

    async def carry_out(self, operation: str, asked: Asked) -> Response:
        match operation:
            case "List Filesystems":
                return await self._list(asked)
            case "Create Filesystem":
                headers = await self._send(asked, "PUT", "restype=container", metadata_of(asked.request))
                containers.made(self._world, asked.account, asked.container)
                return empty(asked.request, 201, self._shown(asked, headers))
            case "Get Filesystem Properties":
                headers = await self._send(asked, "HEAD", "restype=container", {})
                shown = {**self._shown(asked, headers), "x-ms-properties": properties_of(headers)}
                return empty(asked.request, 200, shown)
            case "Set Filesystem Properties":
                headers = await self._send(asked, "PUT", "restype=container&comp=metadata", metadata_of(asked.request))
                return empty(asked.request, 200, self._shown(asked, headers))
            case _:
                await containers.delete(self._world, self._blobs, asked.account, asked.container, asked.request)
                return empty(asked.request, 202)

    def _shown(self, asked: Asked, headers: dict[str, str]) -> dict[str, str]:
        return {
            "etag": headers.get("etag", ""),
            "last-modified": headers.get("last-modified", ""),
            "x-ms-namespace-enabled": str(asked.hierarchical).lower(),
        }

    async def _list(self, asked: Asked) -> Response:
        most = asked.parameters.get("maxresults", "")
        query = {"comp": "list", "maxresults": str(min(int(most), _MOST)) if most.isdigit() else str(_MOST)}
        for name, given in (("prefix", "prefix"), ("marker", "continuation")):
            if value := asked.parameters.get(given):
                query[name] = value
        path, asked_for = "/", urlencode(query, quote_via=quote)
        account = asked.account.name.lower()
        response = await self._blobs.send(account, "GET", path, asked_for, [_VERSION], b"", signed=True)
        body = await response.aread()
        await response.aclose()
        page = ElementTree.fromstring(containers.listed(self._world, asked.account, body, {}))  # noqa: S314
        found = [
            {
                "name": entry.findtext("Name"),
                "lastModified": entry.findtext("Properties/Last-Modified"),
                "eTag": entry.findtext("Properties/Etag"),
            }
            for entry in page.iterfind("Containers/Container")
        ]
        return listing(asked.request, {"filesystems": found}, page.findtext("NextMarker") or "")

    async def _send(self, asked: Asked, method: str, query: str, sent: dict[str, str]) -> dict[str, str]:
        """Azurite's headers. Raises :class:`StorageError`."""
        headers = [_VERSION, *((name.encode(), value.encode("latin-1")) for name, value in sent.items())]
        if method == "PUT":
            headers.append((b"content-length", b"0"))
        path = f"/{quote(asked.container)}"
        response = await self._blobs.send(asked.account.name.lower(), method, path, query, headers, b"", signed=True)
        await response.aclose()
        if response.status_code >= 300:
            code = response.headers.get("x-ms-error-code", "ContainerNotFound")
            raise StorageError(response.status_code, code, "The Blob service refused it.")
        return {name.lower(): value for name, value in response.headers.items()}
