"""A job's way to blobs: as its compute's identity, through the workspace's managed network, refused like anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from toolkit.sandbox.machine_learning.specification import BadJob, Place
from toolkit.sandbox.workloads.blobs import BlobClient, BlobRefused, blob_url

_SCOPE = "https://storage.azure.com"


class JobStorage:
    """``settings`` put a process into the network (proxy, authority) and give it its identity (MSI_ENDPOINT)."""

    def __init__(self, settings: Mapping[str, str], client_id: str | None) -> None:
        self._settings = settings
        self._client_id = client_id
        self._client = BlobClient(settings, self._known_token)
        self._token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def download(self, place: Place, target: Path, *, folder: bool) -> int:
        """A blob to a file, or all under a path to a folder; how many. Raises BadJob."""
        with _as_bad_job():
            if not folder:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(await self._client.read(blob_url(_container(place), place.path)))
                return 1
            prefix = f"{place.path.strip('/')}/" if place.path.strip("/") else ""
            names = await self._client.names(_container(place), prefix)
            if not names:
                where = blob_url(_container(place), place.path)
                raise BadJob(f"ScriptExecution.StreamAccess.NotFound: there is nothing at {where}.")
            root = target.resolve()
            for name in names:
                file = (target / name.removeprefix(prefix)).resolve()
                if not file.is_relative_to(root):
                    raise BadJob(f"The blob {name} leads out of its folder.")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(await self._client.read(blob_url(_container(place), name)))
            return len(names)

    async def upload(self, source: Path, place: Place) -> int:
        """A file, or everything in a folder; how many."""
        files = [source] if source.is_file() else [path for path in sorted(source.rglob("*")) if path.is_file()]
        for file in files:
            name = place.path if source.is_file() else f"{place.path.rstrip('/')}/{file.relative_to(source).as_posix()}"
            await self.put(place, name, file.read_bytes())
        return len(files)

    async def put(self, place: Place, name: str, content: bytes) -> None:
        with _as_bad_job():
            await self._client.write(_container(place), name, content)

    async def _known_token(self) -> str:
        self._token = self._token or await self._ask_token()
        return self._token

    async def _ask_token(self) -> str:
        query = {"api-version": "2017-09-01", "resource": _SCOPE}
        if self._client_id:
            query["clientid"] = self._client_id
        secret = {"secret": self._settings["MSI_SECRET"]}
        async with httpx.AsyncClient(proxy=self._settings["HTTPS_PROXY"], trust_env=False, timeout=60) as client:
            answer = await client.get(self._settings["MSI_ENDPOINT"], params=query, headers=secret)
        if answer.status_code != 200:
            raise BadJob(f"The compute has no identity to read data with: {answer.text}")
        return str(answer.json()["access_token"])


@contextmanager
def _as_bad_job() -> Iterator[None]:
    try:
        yield
    except BlobRefused as refused:
        kinds = {401: "Authentication", 403: "Authentication", 404: "NotFound"}
        raise BadJob(f"ScriptExecution.StreamAccess.{kinds.get(refused.status, 'Unexpected')}: {refused}.") from None


def _container(place: Place) -> str:
    return f"https://{place.account}.blob.core.windows.net/{place.container}"
