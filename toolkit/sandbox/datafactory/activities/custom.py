"""Custom: a command as a task of Azure Batch. https://learn.microsoft.com/azure/data-factory/transform-data-using-custom-activity

The service hands its files to the task as addresses that are signed with the storage account's key, the three that
describe the activity among them, and so wants a key, for whatever command: error 2505 of
https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide#custom, and
https://github.com/Azure/Azure-DataFactory/issues/287, where the command is a plain ``ls``. How a failed task is shown:
https://github.com/Azure/Azure-DataFactory/issues/526. The job is ``adfv2-POOL``, the task's id that of the activity's
run: 526, and https://learn.microsoft.com/azure/batch/tutorial-run-python-batch-azure-data-factory
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree  # of our own gateway only

import httpx

from toolkit.records import Json
from toolkit.sandbox.datafactory.datasets import entity, linked_service
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled, required
from toolkit.sandbox.datafactory.outbound import Runtime, Unanswered, runtime_of
from toolkit.sandbox.store import Resource

_AUDIENCE: Final = "https://batch.core.windows.net/"
_BODY: Final = {"Content-Type": "application/json; odata=minimalmetadata"}
_VERSION: Final = "2024-07-01.20.0"
_CONTAINER: Final = "adfjobs"
_POLL_SECONDS: Final = 1.0
_TIMEOUT: Final = 60.0
_NAMED: Final = re.compile(r"(?:^|;)\s*AccountName\s*=\s*([^;]+)", re.IGNORECASE)
_KEYED: Final = re.compile(r"(?:^|;)\s*AccountKey\s*=", re.IGNORECASE)
_MASK: Final = "**********"


async def custom(step: Step) -> Json:
    command = step.value("command")
    if not isinstance(command, str) or not command.strip():
        raise required("command")
    reference = step.definition.get("linkedServiceName") or {}
    resource, properties = linked_service(step, reference, step.frame.scope)
    if resource.properties.get("type") != "AzureBatch":
        kind = resource.properties.get("type")
        raise ActivityFailed("2110", f"The linked service type '{kind}' is not supported for 'Custom' activities.")
    step.show_input({name: step.value(name) for name in step.properties if name != "referenceObjects"})
    own = step.properties.get("resourceLinkedService")
    kept = _Signed.of(step, properties.get("linkedServiceName"))
    folder = _Signed.of(step, own) if own else kept
    pool = _Pool(step, resource, properties)
    run_id = str(step.record["activityRunId"])
    files = [await kept.put(f"{run_id}/runtime/{name}", text) for name, text in _described(step).items()]
    files += await _folder(step, folder)
    task = {
        "id": run_id,
        "commandLine": command,
        "resourceFiles": [{"httpUrl": url, "filePath": url.partition("?")[0].rsplit("/", 1)[-1]} for url in files],
        "outputFiles": [_printed(kept, run_id)],
        "constraints": {"retentionTime": f"P{_days(step)}D"},
    }
    ended = await pool.run(task)
    return await _output(step, pool, kept, ended, run_id)


@dataclass(frozen=True, slots=True)
class _Signed:
    """A storage account by its key."""

    step: Step
    runtime: Runtime
    account: Resource

    @classmethod
    def of(cls, step: Step, reference: Any) -> _Signed:
        resource, properties = linked_service(step, reference or {}, step.frame.scope)
        if resource.properties.get("type") not in ("AzureBlobStorage", "AzureStorage"):
            raise not_modelled(f"files of a Custom activity in a '{resource.properties.get('type')}'")
        given = properties.get("connectionString")
        text = str(given.get("value", "")) if isinstance(given, dict) else str(given or "")
        named = _NAMED.search(text)
        if named is None or not (_KEYED.search(text) or properties.get("accountKey")):
            raise ActivityFailed(
                "2505", "Cannot create Shared Access Signature unless Account Key credentials are used."
            )
        store = step.run.engine.world.store
        accounts = store.of_type("Microsoft.Storage/storageAccounts")
        account = next((one for one in accounts if one.name.lower() == named[1].strip().lower()), None)
        if account is None:
            raise _no_storage()
        return cls(step, runtime_of(store, step.run.factory, resource.properties.get("connectVia")), account)

    @property
    def container_url(self) -> str:
        return self.address(_CONTAINER, "")

    def address(self, container: str, name: str, letters: str = "rcwl") -> str:
        access = self.step.run.engine.world.blobs.container_access(self.account, container, letters, None)
        path = f"/{quote(name)}" if name else ""
        return f"https://{self.account.name.lower()}.blob.core.windows.net/{container}{path}?{access}"

    async def put(self, name: str, text: str) -> str:
        """The address of what was written."""
        url = self.address(_CONTAINER, name)
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2023-11-03"}
        answer = await self._send("PUT", url, headers, text.encode())
        if answer.status_code == 404:  # the first activity makes the container
            await self.step.run.engine.world.blobs.create_container(self.account.name.lower(), _CONTAINER)
            answer = await self._send("PUT", url, headers, text.encode())
        if not answer.is_success:
            raise _no_storage(answer)
        return url

    async def names(self, container: str, prefix: str) -> list[str]:
        url = f"{self.address(container, '')}&restype=container&comp=list&prefix={quote(prefix)}"
        answer = await self._send("GET", url, {"x-ms-version": "2023-11-03"}, b"")
        if answer.status_code == 404:
            return []
        if not answer.is_success:
            raise _no_storage(answer)
        page = ElementTree.fromstring(answer.content)  # noqa: S314
        return [blob.findtext("Name") or "" for blob in page.iter("Blob")]

    async def _send(self, method: str, url: str, headers: dict[str, str], content: bytes) -> httpx.Response:
        try:
            outbound = self.step.run.engine.outbound
            return await outbound.send(self.runtime, method, url, headers, content, _TIMEOUT)
        except (Unanswered, TimeoutError):
            raise _no_storage() from None


class _Pool:
    """The linked service's pool, over Batch's own REST API."""

    def __init__(self, step: Step, resource: Resource, properties: Json) -> None:
        self._step = step
        self._engine = step.run.engine
        self._runtime = runtime_of(self._engine.world.store, step.run.factory, resource.properties.get("connectVia"))
        self._endpoint = str(properties.get("batchUri") or "").rstrip("/")
        if urlsplit(self._endpoint).scheme != "https":
            raise ActivityFailed("2509", f"Batch url {self._endpoint} is invalid; it must be in Uri format.")
        self.account = str(properties.get("accountName") or "")
        self.name = str(properties.get("poolName") or "")
        self._credential = properties.get("credential")
        self._keyed = "accessKey" in properties and not self._credential

    @property
    def job(self) -> str:
        return f"adfv2-{self.name}"

    async def run(self, task: Json) -> Json:
        """The task when it has ended; ended with the activity."""
        if (await self._send("GET", f"/jobs/{self.job}", None, (404,))).status_code == 404:
            await self._send("POST", "/jobs", {"id": self.job, "poolInfo": {"poolId": self.name}}, (409,))
        await self._send("POST", f"/jobs/{self.job}/tasks", task)
        path = f"/jobs/{self.job}/tasks/{task['id']}"
        try:
            while True:
                found: Json = (await self._send("GET", path)).json()
                if found["state"] == "completed":
                    return found
                await self._engine.clock.sleep(_POLL_SECONDS)
        except asyncio.CancelledError:
            await self._send("POST", f"{path}/terminate", None, (404, 409))
            raise

    async def file(self, task_id: str, name: str) -> bytes | None:
        path = f"/jobs/{self.job}/tasks/{task_id}/files/{quote(name, safe='')}"
        answer = await self._send("GET", path, None, (404, 409))
        return answer.content if answer.status_code == 200 else None

    async def vm_size(self) -> str:
        return str((await self._send("GET", f"/pools/{self.name}", None, (404,))).json().get("vmSize", ""))

    async def _send(
        self, method: str, path: str, body: Json | None = None, accept: tuple[int, ...] = ()
    ) -> httpx.Response:
        headers = {"Authorization": self._authorization(), **(_BODY if body is not None else {})}
        content = json.dumps(body).encode() if body is not None else b""
        url = f"{self._endpoint}{path}?api-version={_VERSION}"
        try:
            answer = await self._engine.outbound.send(self._runtime, method, url, headers, content, _TIMEOUT)
        except (Unanswered, TimeoutError) as error:
            raise ActivityFailed("2510", f"An error occurred while sending the request. ({error})") from None
        if answer.is_success or answer.status_code in accept:
            return answer
        said = answer.json()
        if answer.status_code == 501:
            raise not_modelled(f"this Custom activity: {said['message']['value'].partition(chr(10))[0]}")
        if answer.status_code in (401, 403):
            message = "Can not access user batch account, please check batch account settings."
            raise ActivityFailed("2501", message, output=said)
        raise ActivityFailed("2504", f"Operation returned an invalid status code '{answer.reason_phrase}'", output=said)

    def _authorization(self) -> str:
        if self._keyed:
            return f"SharedKey {self.account}:"
        token = self._engine.outbound.token(self._step.run.factory, _AUDIENCE, self._credential)
        return f"Bearer {token}"


def _described(step: Step) -> dict[str, str]:
    """The files beside the command, secrets masked."""
    references = step.properties.get("referenceObjects") or {}
    activity = {
        "type": "Custom",
        "name": step.name,
        "typeProperties": {name: step.value(name) for name in step.properties if name != "referenceObjects"},
    }

    def listed(kind: str) -> str:
        found = [entity(step, kind.lower(), str(one["referenceName"])) for one in references.get(kind) or ()]
        return json.dumps([{"name": one.name, "properties": _masked(one.properties)} for one in found])

    return {
        "activity.json": json.dumps(activity),
        "linkedServices.json": listed("linkedServices"),
        "datasets.json": listed("datasets"),
    }


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("type") == "SecureString":
            return {"type": "SecureString", "value": _MASK}
        return {name: _masked(inner) for name, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


async def _folder(step: Step, storage: _Signed) -> list[str]:
    """The addresses of the folder's files, which the task gets without their folders."""
    path = step.value("folderPath")
    if not path:
        return []
    container, _, prefix = str(path).strip("/").partition("/")
    names = await storage.names(container, f"{prefix.strip('/')}/" if prefix else "")
    if not names:
        raise ActivityFailed("2507", f"The folder path does not exist or is empty: {path}")
    if len({name.rsplit("/", 1)[-1] for name in names}) < len(names):
        raise ActivityFailed("2508", "There are duplicate files in the resource folder.")
    return [storage.address(container, name, "rl") for name in names]


def _printed(storage: _Signed, run_id: str) -> Json:
    container = {"containerUrl": storage.container_url, "path": f"{run_id}/output"}
    return {
        "filePattern": "../std*.txt",
        "destination": {"container": container},
        "uploadOptions": {"uploadCondition": "taskcompletion"},
    }


def _days(step: Step) -> int:
    given = step.value("retentionTimeInDays")
    return 30 if given is None else int(given)  # 30 by default, as documented


async def _output(step: Step, pool: _Pool, storage: _Signed, task: Json, run_id: str) -> Json:
    info = task["executionInfo"]
    place = f"https://{storage.account.name.lower()}.blob.core.windows.net/{_CONTAINER}/{run_id}/output"
    about = {"account": pool.account, "poolName": pool.name, "vmSize": await pool.vm_size()}
    output: Json = {
        "exitcode": info.get("exitCode"),
        "outputs": [f"{place}/stdout.txt", f"{place}/stderr.txt"],
        "computeInformation": json.dumps(about),
        "effectiveIntegrationRuntime": storage.runtime.name,
        "executionDuration": 0,
    }
    said = await pool.file(run_id, "wd/outputs.json")
    if said:
        output["customOutput"] = _json_or_text(said)
    failure = info.get("failureInfo")
    if failure is None:
        return output
    details = [{"Name": one["name"], "Value": one["value"]} for one in failure.get("details") or ()]
    told = {"errorCategory": 0, "code": failure["code"], "message": failure["message"], "details": details}
    raise ActivityFailed("2500", json.dumps(told), output=output)


def _json_or_text(content: bytes) -> Any:
    text = content.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _no_storage(answer: httpx.Response | None = None) -> ActivityFailed:
    """https://github.com/MicrosoftDocs/azure-docs/issues/13047"""
    output = None
    if answer is not None:
        output = {"statusCode": answer.status_code, "statusMessage": answer.headers.get("x-ms-error-code", "")}
    message = "Can not access user storage account, please check storage account settings."
    return ActivityFailed("2502", message, output=output)
