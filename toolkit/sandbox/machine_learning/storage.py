"""A job's way to blobs: as its compute's identity, through the workspace's managed network, refused like anybody."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote
from xml.etree import ElementTree

import httpx

from toolkit.sandbox.machine_learning.specification import BadJob, Place

_VERSION = "2023-11-03"
_SCOPE = "https://storage.azure.com"


class JobStorage:
    """``settings`` put a process into the network (proxy, authority) and give it its identity (MSI_ENDPOINT)."""

    def __init__(self, settings: Mapping[str, str], client_id: str | None) -> None:
        self._settings = settings
        self._client_id = client_id
        self._client = httpx.AsyncClient(
            proxy=settings["HTTPS_PROXY"],
            verify=ssl.create_default_context(cafile=settings["SSL_CERT_FILE"]),
            trust_env=False,
            timeout=60,
        )
        self._token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def download(self, place: Place, target: Path, *, folder: bool) -> int:
        """A blob to a file, or all under a path to a folder; how many. Raises BadJob."""
        if not folder:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(await self._get(place, place.path))
            return 1
        prefix = f"{place.path.strip('/')}/" if place.path.strip("/") else ""
        names = await self._list(place, prefix)
        if not names:
            raise BadJob(f"ScriptExecution.StreamAccess.NotFound: there is nothing at {_url(place, place.path)}.")
        root = target.resolve()
        for name in names:
            file = (target / name.removeprefix(prefix)).resolve()
            if not file.is_relative_to(root):
                raise BadJob(f"The blob {name} leads out of its folder.")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(await self._get(place, name))
        return len(names)

    async def upload(self, source: Path, place: Place) -> int:
        """A file, or everything in a folder; how many."""
        files = [source] if source.is_file() else [path for path in sorted(source.rglob("*")) if path.is_file()]
        for file in files:
            name = place.path if source.is_file() else f"{place.path.rstrip('/')}/{file.relative_to(source).as_posix()}"
            await self.put(place, name, file.read_bytes())
        return len(files)

    async def put(self, place: Place, name: str, content: bytes) -> None:
        headers = {"x-ms-blob-type": "BlockBlob", "content-type": "application/octet-stream"}
        answer = await self._send("PUT", _url(place, name), headers, content)
        self._require(answer, place, name)

    async def _get(self, place: Place, name: str) -> bytes:
        answer = await self._send("GET", _url(place, name))
        self._require(answer, place, name)
        return answer.content

    async def _list(self, place: Place, prefix: str) -> list[str]:
        names: list[str] = []
        marker = ""
        while True:
            query = f"?restype=container&comp=list&prefix={quote(prefix)}"
            if marker:
                query += f"&marker={quote(marker)}"
            answer = await self._send("GET", _url(place, "") + query)
            self._require(answer, place, prefix)
            root = ElementTree.fromstring(answer.content)  # noqa: S314 - the sandbox's own answer
            names += [name.text or "" for name in root.iterfind("Blobs/Blob/Name")]
            marker = root.findtext("NextMarker") or ""
            if not marker:
                return names

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        if not self._token:
            self._token = await self._ask_token()
        sent = {"authorization": f"Bearer {self._token}", "x-ms-version": _VERSION, **(headers or {})}
        return await self._client.request(method, url, headers=sent, content=content)

    async def _ask_token(self) -> str:
        query = {"api-version": "2017-09-01", "resource": _SCOPE}
        if self._client_id:
            query["clientid"] = self._client_id
        secret = {"secret": self._settings["MSI_SECRET"]}
        answer = await self._client.get(self._settings["MSI_ENDPOINT"], params=query, headers=secret)
        if answer.status_code != 200:
            raise BadJob(f"The compute has no identity to read data with: {answer.text}")
        return str(answer.json()["access_token"])

    def _require(self, answer: httpx.Response, place: Place, name: str) -> None:
        if answer.is_success:
            return
        code = answer.headers.get("x-ms-error-code", answer.reason_phrase)
        kind = {401: "Authentication", 403: "Authentication", 404: "NotFound"}.get(answer.status_code, "Unexpected")
        raise BadJob(f"ScriptExecution.StreamAccess.{kind}: {answer.status_code} {code} for {_url(place, name)}.")


def _url(place: Place, name: str) -> str:
    return f"https://{place.account}.blob.core.windows.net/{place.container}" + (f"/{quote(name)}" if name else "")
