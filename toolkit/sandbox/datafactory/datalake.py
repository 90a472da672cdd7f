"""Data Lake Storage as a factory's activities use it: over its own endpoint, from where their runtime stands.

https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from toolkit.sandbox.datafactory.blobs import Blob, BlobStore

SUFFIX = ".dfs.core.windows.net"


class DataLakeStore(BlobStore):
    """One account's file systems, for one identity. Directories are no files: nothing is copied of them, or read."""

    async def properties(self, container: str, name: str) -> Blob | None:
        response = await self._send("HEAD", f"/{container}/{quote(name)}", accept=(404,))
        if response.status_code == 404 or response.headers.get("x-ms-resource-type") == "directory":
            return None
        headers = response.headers
        size, modified = int(headers.get("content-length", 0)), headers.get("last-modified", "")
        return Blob(name, size, modified, headers.get("content-md5"))

    async def is_folder(self, container: str, path: str) -> bool:
        response = await self._send("HEAD", f"/{container}/{quote(path.rstrip('/'))}", accept=(404,))
        return bool(response.headers.get("x-ms-resource-type") == "directory")

    async def write(self, container: str, name: str, content: bytes) -> None:
        path = f"/{container}/{quote(name)}"
        await self._send("PUT", f"{path}?resource=file", {"x-ms-content-type": "application/octet-stream"})
        if content:
            await self._send("PATCH", f"{path}?action=append&position=0", content=content)
        await self._send("PATCH", f"{path}?action=flush&position={len(content)}&close=true")

    async def list(self, container: str, prefix: str) -> list[Blob]:
        found: list[Blob] = []
        more = ""
        query = {"resource": "filesystem", "recursive": "true", "directory": prefix.rpartition("/")[0]}
        while True:
            asked = urlencode({key: value for key, value in {**query, "continuation": more}.items() if value})
            response = await self._send("GET", f"/{container}?{asked}", accept=(404,))
            if response.status_code == 404 and response.headers.get("x-ms-error-code") == "PathNotFound":
                return []
            if response.status_code == 404:
                raise self._refused(response)
            found += [
                Blob(one["name"], int(one["contentLength"]), one["lastModified"], None)
                for one in response.json()["paths"]
                if one.get("isDirectory") != "true" and one["name"].startswith(prefix)
            ]
            more = response.headers.get("x-ms-continuation", "")
            if not more:
                return found
