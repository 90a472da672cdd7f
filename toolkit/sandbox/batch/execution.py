"""One task on its node: files in, the command, files out.

* Folders and variables: https://learn.microsoft.com/azure/batch/batch-compute-node-environment-variables
* A command runs without a shell: https://learn.microsoft.com/rest/api/batchservice/task/add (commandLine)
* Resource files: https://learn.microsoft.com/azure/batch/resource-files; output files:
  https://learn.microsoft.com/azure/batch/batch-task-output-files
* What went wrong: https://learn.microsoft.com/rest/api/batchservice/task/get#taskfailureinformation
"""

from __future__ import annotations

import fnmatch
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from toolkit.records import Json
from toolkit.sandbox.batch.pools import identities_of, in_network
from toolkit.sandbox.store import Resource
from toolkit.sandbox.workloads.blobs import BlobClient, BlobRefused, blob_url
from toolkit.sandbox.workloads.processes import Outcome, Workloads
from toolkit.sandbox.world import HostedIdentities, Hosting, NoIdentity

_STORAGE: Final = "https://storage.azure.com"
_WILDCARDS: Final = "*?["


class TaskFailed(Exception):
    """``str()`` is the sentence of the task's failureInfo."""

    def __init__(
        self, code: str, message: str, details: Mapping[str, str] | None = None, category: str = "usererror"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.category = category
        self.details = dict(details or {})

    def shown(self) -> Json:
        details = [{"name": name, "value": value} for name, value in self.details.items()]
        return {"category": self.category, "code": self.code, "message": str(self), "details": details}


@dataclass(frozen=True, slots=True)
class Place:
    """A node: whose pool, which one, and the folder that is its disk."""

    account: Resource
    pool: Resource
    node: str
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "tasks"

    def task_folder(self, task: Json) -> Path:
        return self.root / task_path(task)


def task_path(task: Json) -> str:
    return f"workitems/{task['job']}/job-1/{task['shown']['id']}"


class Execution:
    """One attempt of one task."""

    def __init__(
        self, place: Place, job: Json, task: Json, workloads: Workloads, hosting: Hosting, identities: HostedIdentities
    ) -> None:
        self._place = place
        self._job = job
        self._shown: Json = task["shown"]
        self._task = task
        self._workloads = workloads
        self._hosting = hosting
        self._identities = identities
        self._identity: Mapping[str, str] = {}
        self.folder = place.task_folder(task)

    @property
    def _working(self) -> Path:
        return self.folder / "wd"

    async def prepare(self) -> None:
        """The folder and the resource files. Raises TaskFailed."""
        self._working.mkdir(parents=True, exist_ok=True)
        for name in ("stdout.txt", "stderr.txt"):
            (self.folder / name).touch()
        for file in self._shown.get("resourceFiles") or ():
            await self._fetch(file)

    async def run(self, key: str, seconds: float | None) -> Outcome:
        """The command, to its end. Raises TaskFailed when there is no such program."""
        try:
            return await self._command(key, seconds)
        finally:
            self._hosting.forget(self._identity)

    async def _command(self, key: str, seconds: float | None) -> Outcome:
        try:
            words = shlex.split(str(self._shown["commandLine"]))
        except ValueError as error:  # a quotation that does not end
            raise TaskFailed(
                "CommandLaunchFailed", "Failed to launch the specified command line", {"Message": str(error)}
            ) from None
        environment = await self._environment()
        if not self._program(words[0], environment["PATH"]):
            raise TaskFailed(
                "CommandProgramNotFound", "The specified command program is not found", {"Message": words[0]}
            )
        try:
            return await self._workloads.run(
                key,
                words,
                self._working,
                environment,
                self.folder / "stdout.txt",
                seconds,
                errors=self.folder / "stderr.txt",
            )
        except OSError as error:
            raise TaskFailed(
                "CommandLaunchFailed", "Failed to launch the specified command line", {"Message": str(error)}
            ) from None

    def _program(self, name: str, path: str) -> bool:
        """Whether there is such a program: on the path, or below the working directory."""
        return shutil.which(str(self._working / name) if "/" in name else name, path=path) is not None

    async def keep(self, succeeded: bool) -> None:
        """Output files. Raises TaskFailed."""
        happened = ("taskcompletion", "tasksuccess" if succeeded else "taskfailure")
        for file in self._shown.get("outputFiles") or ():
            if str(file["uploadOptions"]["uploadCondition"]).lower() in happened:
                await self._upload(file)

    # -- files ---------------------------------------------------------------------------------------------------------

    async def _fetch(self, file: Json) -> None:
        source = str(file.get("httpUrl") or file.get("storageContainerUrl") or "")
        identity = (file.get("identityReference") or {}).get("resourceId")
        if file.get("autoStorageContainerName"):
            source, identity = self._automatic_storage(str(file["autoStorageContainerName"]))
        path = str(file.get("filePath") or "")
        try:
            async with self._client(identity) as blobs:
                if file.get("httpUrl"):
                    self._write(path, await blobs.read(source), file)
                    return
                for name in await blobs.names(source, str(file.get("blobPrefix") or "")):
                    self._write(
                        f"{path.rstrip('/')}/{name}".lstrip("/"), await blobs.read(blob_url(source, name)), file
                    )
        except BlobRefused as refused:
            raise _refused_blob(refused, source, self._working / path) from None

    def _automatic_storage(self, container: str) -> tuple[str, str | None]:
        """https://learn.microsoft.com/azure/batch/resource-files#storage-container-name-autostorage"""
        settings = self._place.account.properties.get("autoStorage") or {}
        account = str(settings.get("storageAccountId", "")).rsplit("/", 1)[-1].lower()
        if not account:
            raise TaskFailed("AutoStorageNotLinked", "The Batch account has no storage account (autoStorage).")
        identity = (settings.get("nodeIdentityReference") or {}).get("resourceId")
        return f"https://{account}.blob.core.windows.net/{container}", identity

    def _write(self, path: str, content: bytes, file: Json) -> None:
        target = (self._working / path).resolve()
        if not target.is_relative_to(self._working.resolve()):
            raise TaskFailed("ResourceFilePathInvalid", f"The file path {path} leads out of the task's folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        mode = str(
            file.get("fileMode") or "0770"
        )  # https://learn.microsoft.com/rest/api/batchservice/task/add (fileMode)
        target.chmod(int(mode, 8) & 0o777)

    async def _upload(self, file: Json) -> None:
        target = file["destination"]["container"]
        identity = (target.get("identityReference") or {}).get("resourceId")
        pattern = str(file["filePattern"])
        plain = not any(character in pattern for character in _WILDCARDS)
        url, path = str(target["containerUrl"]), str(target.get("path") or "")
        try:
            async with self._client(identity) as blobs:
                for found in self._matching(pattern):
                    name = path if plain and path else "/".join(filter(None, (path.strip("/"), found[1])))
                    await blobs.write(url, name, found[0].read_bytes())
        except BlobRefused as refused:
            code = {403: "FileUploadAccessDenied", 404: "FileUploadContainerNotFound"}.get(
                refused.status, "FileUploadMiscError"
            )
            details = {"ContainerUrl": url.partition("?")[0], "Message": str(refused)}
            raise TaskFailed(code, "An error occurred while uploading one of the output files", details) from None

    def _matching(self, pattern: str) -> list[tuple[Path, str]]:
        """(file, its name below what the pattern fixes). Relative to the working directory; ``**`` takes any depth."""
        base = self._working.resolve()
        rest = pattern
        while rest.startswith("../"):
            base, rest = base.parent, rest[3:]
        if not base.is_relative_to(self.folder.resolve()):
            raise TaskFailed("FileUploadMiscError", f"The file pattern {pattern} leads out of the task's folder.")
        found = []
        for file in sorted(path for path in base.rglob("*") if path.is_file()):
            name = file.relative_to(base).as_posix()
            deep = "**" in rest
            if (deep or name.count("/") == rest.count("/")) and fnmatch.fnmatchcase(name, rest.replace("**/", "*")):
                found.append((file, name))
        return found

    def _client(self, identity: str | None) -> BlobClient:
        async def token() -> str:
            if identity is None:
                return ""
            if identity.lower() not in {id_.lower() for id_ in identities_of(self._place.pool)}:
                raise TaskFailed(
                    "ManagedIdentityNotFound",
                    f"The identity {identity} is not one of the pool {self._place.pool.name}.",
                )
            try:
                return self._identities.token(self._place.pool, _STORAGE, identity)
            except NoIdentity as error:
                raise TaskFailed("ManagedIdentityNotFound", f"The pool gets no token: {error}.") from None

        return BlobClient(self._settings, token)

    # -- where it stands -----------------------------------------------------------------------------------------------

    async def stand(self) -> None:
        """Find out how the node reaches the network: the pool's, or the internet."""
        subscription = self._place.pool.id.split("/")[2]
        self._settings = dict(
            await self._hosting.settings(subscription, "vnet" if in_network(self._place.pool) else "internet")
        )

    async def _environment(self) -> dict[str, str]:
        """All that the process gets. Nothing of the daemon's; a password that says which machine asks IMDS."""
        place, host = self._place, str(self._task["host"])
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        shared = place.root / "shared"
        shared.mkdir(parents=True, exist_ok=True)
        machine = {}
        if identities_of(place.pool):
            proxy = urlsplit(self._settings["HTTP_PROXY"])
            self._identity = self._hosting.identity(place.pool.id)
            password = self._identity["MSI_SECRET"]
            machine = dict.fromkeys(("HTTP_PROXY", "http_proxy"), f"{proxy.scheme}://node:{password}@{proxy.netloc}")
        given = [
            *(self._job["shown"].get("commonEnvironmentSettings") or ()),
            *(self._shown.get("environmentSettings") or ()),
        ]
        return {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin")),
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **self._settings,
            **machine,
            **{str(setting["name"]): str(setting.get("value") or "") for setting in given},
            "AZ_BATCH_ACCOUNT_NAME": place.account.name,
            "AZ_BATCH_ACCOUNT_URL": f"https://{host}/",
            "AZ_BATCH_POOL_ID": place.pool.name,
            "AZ_BATCH_NODE_ID": place.node,
            "AZ_BATCH_NODE_IS_DEDICATED": "true",
            "AZ_BATCH_NODE_ROOT_DIR": str(place.root),
            "AZ_BATCH_NODE_SHARED_DIR": str(shared),
            "AZ_BATCH_JOB_ID": str(self._task["job"]),
            "AZ_BATCH_TASK_ID": str(self._shown["id"]),
            "AZ_BATCH_TASK_DIR": str(self.folder),
            "AZ_BATCH_TASK_WORKING_DIR": str(self._working),
        }


def _refused_blob(refused: BlobRefused, source: str, target: Path) -> TaskFailed:
    """https://github.com/Azure/Azure-DataFactory/issues/526 shows the refusal and its details."""
    details = {"BlobSource": source.partition("?")[0], "FilePath": str(target), "Message": str(refused)}
    if refused.status in (401, 403, 409):
        return TaskFailed("BlobAccessDenied", "Access for one of the specified Azure Blob(s) is denied", details)
    if refused.status == 404:
        return TaskFailed("BlobNotFound", "One of the specified Azure Blob(s) is not found", details)
    return TaskFailed(
        "BlobDownloadMiscError",
        "Miscellaneous error encountered while downloading one of the specified Azure Blob(s)",
        details,
    )
