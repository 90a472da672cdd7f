"""Blob storage as a factory's activities use it: over its REST API, from where their runtime stands.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from xml.etree import ElementTree  # of our own gateway only

import httpx

from toolkit.sandbox.datafactory.failures import ActivityFailed
from toolkit.sandbox.datafactory.outbound import Outbound, Runtime, Unanswered

_VERSION = "2023-11-03"
_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Blob:
    name: str
    size: int
    last_modified: str
    md5: str | None


class Refused(Exception):
    """The service's own refusal."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


class BlobStore:
    """One account's blobs, for one identity."""

    def __init__(self, outbound: Outbound, runtime: Runtime, endpoint: str, token: str) -> None:
        self._outbound = outbound
        self.runtime = runtime
        self.endpoint = endpoint
        self._token = token

    async def read(self, container: str, name: str) -> bytes:
        return (await self._send("GET", f"/{container}/{quote(name)}")).content

    async def properties(self, container: str, name: str) -> Blob | None:
        response = await self._send("HEAD", f"/{container}/{quote(name)}", accept=(404,))
        if response.status_code == 404:
            return None
        headers = response.headers
        return Blob(
            name, int(headers.get("content-length", 0)), headers.get("last-modified", ""), headers.get("content-md5")
        )

    async def is_folder(self, container: str, path: str) -> bool:
        """Whether a folder is there although nothing is in it: blobs have none."""
        return False

    async def write(self, container: str, name: str, content: bytes) -> None:
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        await self._send("PUT", f"/{container}/{quote(name)}", headers, content)

    async def delete(self, container: str, name: str) -> None:
        await self._send("DELETE", f"/{container}/{quote(name)}", accept=(404,))

    async def list(self, container: str, prefix: str) -> list[Blob]:
        found: list[Blob] = []
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
            asked = urlencode({key: value for key, value in query.items() if value}, quote_via=quote)
            response = await self._send("GET", f"/{container}?{asked}")
            page = ElementTree.fromstring(response.content)  # noqa: S314
            for blob in page.iter("Blob"):
                about = {part.tag: part.text or "" for part in blob.find("Properties") or ()}
                found.append(
                    Blob(
                        blob.findtext("Name") or "",
                        int(about.get("Content-Length") or 0),
                        about.get("Last-Modified", ""),
                        about.get("Content-MD5"),
                    )
                )
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return found

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        accept: tuple[int, ...] = (),
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._token}", "x-ms-version": _VERSION, **(headers or {})}
        try:
            response = await self._outbound.send(self.runtime, method, self.endpoint + path, sent, content, _TIMEOUT)
        except (Unanswered, TimeoutError) as error:
            raise Refused(0, "Unreachable", str(error) or "no response") from None
        if response.status_code < 300 or response.status_code in accept:
            return response
        raise self._refused(response)

    def _refused(self, response: httpx.Response) -> Refused:
        code = response.headers.get("x-ms-error-code", str(response.status_code))
        return Refused(response.status_code, code, _message(response) or response.reason_phrase)


def _message(response: httpx.Response) -> str:
    """XML of the Blob service, JSON of Data Lake Storage."""
    try:
        if response.headers.get("content-type", "").startswith("application/json"):
            return str((response.json().get("error") or {}).get("message", "")).split("\n")[0]
        text = ElementTree.fromstring(response.content).findtext("Message")  # noqa: S314
        return (text or "").split("\n")[0]
    except (ElementTree.ParseError, ValueError):
        return ""


def failed_at(side: str, refused: Refused) -> ActivityFailed:
    """How copies, look-ups and so on say that a store refused them."""
    return ActivityFailed(
        "2200" if side else "2011",
        (f"Failure happened on '{side}' side. " if side else "")
        + f"ErrorCode=AzureStorageOperationFailed,'Type=Microsoft.DataTransfer.Common.Shared.HybridDeliveryException,"
        f"Message=The storage operation failed. Status code: {refused.status}, error code: {refused.code}, message: "
        f"{refused.message},Source=Microsoft.DataTransfer.ClientLibrary,'",
    )
