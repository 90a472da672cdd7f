"""Jobs of an Azure ML workspace really run: as local processes, on the compute's identity, inside the managed network.

Status life cycle: https://learn.microsoft.com/rest/api/azureml/jobs/get (JobStatus). Where things are put follows the
recordings of azure-ai-ml's tests: logs and ``outputs/`` below ``ExperimentRun/dcid.JOB`` of workspaceartifactstore.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.machine_learning.artifacts import RUNS, remember
from toolkit.sandbox.machine_learning.details import artifacts_of
from toolkit.sandbox.machine_learning.environments import Environments
from toolkit.sandbox.machine_learning.outputs import registered
from toolkit.sandbox.machine_learning.pipelines import child_id, child_of, needs, require_order
from toolkit.sandbox.machine_learning.run_tokens import RunIdentity, RunTokens
from toolkit.sandbox.machine_learning.specification import (
    FOLDERS,
    BadJob,
    Place,
    blob_place,
    command_line,
    datastore_path,
    literal,
    seconds_of,
)
from toolkit.sandbox.machine_learning.storage import JobStorage
from toolkit.sandbox.machine_learning.tracking import Tracking, experiment_of
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.workloads.processes import Outcome, Workloads
from toolkit.sandbox.world import Directory, Hosting

log = logging.getLogger("toolkit.sandbox")

JOBS: Final = "Microsoft.MachineLearningServices/workspaces/jobs"
VANTAGE: Final = "aml-managed"
TERMINAL: Final = ("Completed", "Failed", "Canceled")
_LOST: Final = "the sandbox ended while the job ran"
_DONE: Final = Outcome("exited", 0)
_LOG: Final = "user_logs/std_log.txt"
_PROGRAMS: Final = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(slots=True)
class _Run:
    """One command job on its way."""

    job: Resource
    workspace: Resource
    compute: Resource
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def code(self) -> Path:
        return self.folder / "wd"

    @property
    def log(self) -> Path:
        return self.folder / "std_log.txt"

    def say(self, line: str) -> None:
        """A line of the service's own in the job's log."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"[azureml] {line}\n")


class Jobs:
    """:class:`toolkit.sandbox.world.Jobs` over local processes."""

    def __init__(
        self, store: Store, workloads: Workloads, folder: Path, directory: Directory, run_tokens: RunTokens
    ) -> None:
        self._store = store
        self._directory = directory
        self._run_tokens = run_tokens
        self._workloads = workloads
        self._environments = Environments(workloads)
        self._folder = folder
        self._hosting: Hosting | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots: dict[str, int] = {}
        self._freed = asyncio.Condition()

    def attach(self, hosting: Hosting) -> None:
        """Once there are ports. What a killed daemon left is ended, and shown as failed."""
        self._hosting = hosting
        self._workloads.end_leftovers()
        for job in self._store.of_type(JOBS):
            if job.properties.get("status") not in TERMINAL:
                self._set(job.id, "Failed", f"{_LOST}: run it again")
        shutil.rmtree(self._folder, ignore_errors=True)

    async def close(self) -> None:
        """End what runs; it is shown as failed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def submitted(self, job_id: str) -> None:
        """Run a job that was written just now."""
        task = asyncio.get_running_loop().create_task(self._run(job_id))
        self._tasks[job_id.lower()] = task
        task.add_done_callback(lambda _: self._tasks.pop(job_id.lower(), None))

    def cancel(self, job_id: str) -> None:
        """Ask a job to end; its status says when it has."""
        self._set(job_id, "CancelRequested")
        if not self._workloads.cancel(job_id.lower()):
            task = self._tasks.get(job_id.lower())
            if task is not None:
                task.cancel("canceled")

    # -- one job -------------------------------------------------------------------------------------------------------

    async def _run(self, job_id: str) -> None:
        await asyncio.sleep(0)  # the transaction that wrote it ends first
        try:
            job = self._store.get(job_id)
            if job is not None and job.properties["jobType"] == "Pipeline":
                await self._pipeline(job)
            else:
                await self._command(job_id)
        except asyncio.CancelledError as cancelled:
            asked = cancelled.args == ("canceled",)
            self._set(job_id, *(("Canceled",) if asked else ("Failed", _LOST)))
        except BadJob as bad:
            self._set(job_id, "Failed", str(bad))
        except Exception as error:
            log.exception("a job of the sandbox broke: %s", job_id)
            self._set(job_id, "Failed", f"{type(error).__name__} in the sandbox: this is a bug, see logs/server.log")

    async def _pipeline(self, job: Resource) -> None:
        """Each node as soon as those that it reads are done; after a failure nothing more begins.

        continue_on_step_failure is False, as recorded: https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-pipeline
        """
        nodes = job.properties["jobs"]
        require_order(nodes)
        self._set(job.id, "Running")
        waiting, running = set(nodes), dict[str, asyncio.Task[None]]()
        done: set[str] = set()
        failed: str | None = None
        try:
            while running or (waiting and failed is None):
                for node in sorted(waiting) if failed is None else ():
                    if needs(nodes[node]) <= done:
                        waiting.discard(node)
                        running[node] = self._begin(job, node)
                if not running:
                    break
                await asyncio.wait(running.values(), return_when=asyncio.FIRST_COMPLETED)
                for node in [name for name, task in running.items() if task.done()]:
                    del running[node]
                    child = self._store.get(child_id(job, node))
                    if child is not None and child.properties["status"] == "Completed":
                        done.add(node)
                    else:
                        failed = failed or f"The node '{node}' did not complete: {_reason(child)}"
        except asyncio.CancelledError:
            for node in running:
                self.cancel(child_id(job, node))
            await asyncio.wait(running.values()) if running else None
            raise
        workspace = self._store.get(_parent(job.id))
        if failed is None and workspace is not None:
            self._register_outputs(workspace, job.id, lambda _: None)
        self._set(job.id, *(("Completed",) if failed is None else ("Failed", failed)))

    def _begin(self, job: Resource, node: str) -> asyncio.Task[None]:
        """The command job of a node, begun."""
        child = child_of(job, node, self._component, lambda name: self._outputs(job, name))
        self._store.put(child)
        self.submitted(child.id)
        return self._tasks[child.id.lower()]

    def _component(self, component_id: str) -> Json:
        component = self._store.get(component_id.removeprefix("azureml:"))
        if component is None:
            raise BadJob(f"The component {component_id} is not there.")
        spec: Json = component.properties.get("componentSpec") or {}
        return spec

    def _outputs(self, job: Resource, node: str) -> Json:
        child = self._store.get(child_id(job, node))
        found: Json = child.properties.get("outputs") or {} if child is not None else {}
        return found

    async def _command(self, job_id: str) -> None:
        job = self._store.get(job_id)
        assert job is not None
        workspace, compute = (self._store.get(id_) for id_ in (_parent(job.id), str(job.properties["computeId"])))
        if workspace is None or compute is None:
            raise BadJob("The workspace or the compute of the job is gone.")
        run = _Run(job, workspace, compute, self._folder / job.name)
        shutil.rmtree(run.folder, ignore_errors=True)
        run.folder.mkdir(parents=True)
        async with self._node(run):
            outcome = await self._on_node(run)
        shutil.rmtree(run.folder, ignore_errors=True)
        if outcome is None:
            self._set(job_id, "Completed")
        elif isinstance(outcome, str):
            self._set(job_id, "Failed", outcome)
        elif outcome.how == "canceled":
            self._set(job_id, "Canceled")
        elif outcome.how == "timed out":
            self._set(job_id, "Failed", "The job has run longer than its limits.timeout.", outcome.exit_code)
        else:
            said = f"Execution failed. User process '{_program(job)}' exited with status code {outcome.exit_code}. "
            self._set(job_id, "Failed", said + f"Please check log file '{_LOG}' for error details.", outcome.exit_code)

    async def _on_node(self, run: _Run) -> Outcome | str | None:
        """None when it is completed; how it ended otherwise. The log is uploaded in any case."""
        try:
            return await self._as_its_identity(run)
        finally:
            self._run_tokens.forget(run.workspace.id, run.name)
            if self._hosting is not None:
                self._hosting.forget(run.environment)

    async def _as_its_identity(self, run: _Run) -> Outcome | str | None:
        run.environment = await self._environment(run)
        async with JobStorage(run.environment, run.environment.get("DEFAULT_IDENTITY_CLIENT_ID")) as storage:
            try:
                return await self._carried_out(run, storage)
            except BadJob as bad:
                run.say(f"error: {bad}")
                return str(bad)
            finally:
                self._keep_log(run)
                with contextlib.suppress(BadJob):
                    await storage.upload(run.log, self._artifact(run, _LOG))
                    remember(self._store, run.workspace.id, RUNS, f"dcid.{run.name}", [_LOG])

    async def _carried_out(self, run: _Run, storage: JobStorage) -> Outcome | None:
        properties = run.job.properties
        self._set(run.job.id, "Preparing")
        run.code.mkdir()
        await self._fetch_code(run, storage)
        interpreter = await self._environments.interpreter(run.job.id.lower(), *self._packages(run), run.folder)
        if isinstance(interpreter, Outcome):
            return interpreter
        run.say(interpreter.said)
        run.environment["PATH"] = os.pathsep.join((str(interpreter.programs), *_PROGRAMS))
        inputs = await self._fetch_inputs(run, storage)
        outputs = {name: run.folder / "outputs" / name for name in properties.get("outputs") or {}}
        for path in outputs.values():
            path.mkdir(parents=True)
        command = command_line(properties["command"], inputs, {name: str(path) for name, path in outputs.items()})
        (run.code / "outputs").mkdir(exist_ok=True)
        self._set(run.job.id, "Running")
        streaming = asyncio.create_task(self._stream(run, storage))
        try:
            outcome = await self._workloads.run(
                run.job.id.lower(),
                ("/bin/bash", "-c", command),
                run.code,
                {
                    **run.environment,
                    **{f"AZURE_ML_INPUT_{name}": value for name, value in inputs.items()},
                    **{f"AZURE_ML_OUTPUT_{name}": str(path) for name, path in outputs.items()},
                    **{name: str(value) for name, value in (properties.get("environmentVariables") or {}).items()},
                },
                run.log,
                seconds_of((properties.get("limits") or {}).get("timeout")),
            )
        finally:
            streaming.cancel()
        self._set(run.job.id, "Finalizing")
        if any((run.code / "outputs").iterdir()):
            await storage.upload(run.code / "outputs", self._artifact(run, "outputs"))
            kept = [
                path.relative_to(run.code).as_posix() for path in (run.code / "outputs").rglob("*") if path.is_file()
            ]
            remember(self._store, run.workspace.id, RUNS, f"dcid.{run.name}", kept)
        for name, path in outputs.items():
            await storage.upload(path, self._place(run, str(properties["outputs"][name]["uri"])))
        if outcome == _DONE:
            self._register_outputs(run.workspace, run.job.id, run.say)
        return None if outcome == _DONE else outcome

    def _packages(self, run: _Run) -> tuple[str, Json]:
        """The environment's name and version, and what it says; nothing of one that is in a registry."""
        named = str(run.job.properties.get("environmentId", "")).removeprefix("azureml:")
        short = named.rsplit("/environments/", 1)[-1].replace("/versions/", ":")
        name, _, version = short.partition(":")
        found = self._store.get(
            named if named.startswith("/") else f"{run.workspace.id}/environments/{name}/versions/{version}"
        )
        return short, found.properties if found is not None else {}

    def _register_outputs(self, workspace: Resource, job_id: str, say: Callable[[str], None]) -> None:
        """Those that have a name. Raises BadJob."""
        job = self._store.get(job_id)
        if job is None:
            return
        for name, output in (job.properties.get("outputs") or {}).items():
            if said := registered(self._store, workspace, job.name, output):
                say(f"output {name}: {said}")
        self._store.put(job)

    async def _fetch_code(self, run: _Run, storage: JobStorage) -> None:
        code_id = run.job.properties.get("codeId")
        if not code_id:
            return
        code = self._store.get(str(code_id))
        place = blob_place(str(code.properties.get("codeUri", ""))) if code is not None else None
        if place is None:
            raise BadJob(f"The code {code_id} is not there.")
        count = await storage.download(place, run.code, folder=True)
        run.say(f"code {code_id.rsplit('/codes/', 1)[-1].replace('/versions/', ':')}: {count} files")

    async def _fetch_inputs(self, run: _Run, storage: JobStorage) -> dict[str, str]:
        """What the command's placeholders become: a literal's text, the path of what was downloaded."""
        values: dict[str, str] = {}
        for name, value in (run.job.properties.get("inputs") or {}).items():
            text = literal(value)
            if text is not None:
                values[name] = text
                continue
            uri = self._data_uri(str(value["uri"]))
            place = self._place(run, uri)
            folder = value["jobInputType"] in FOLDERS or (value["jobInputType"] != "uri_file" and uri.endswith("/"))
            target = run.folder / "inputs" / name / ("" if folder else Path(place.path).name)
            count = await storage.download(place, target, folder=folder)
            run.say(f"input {name}: {uri} ({count} files)")
            self._record(run.job.id, name, uri)
            values[name] = str(target)
        return values

    def _data_uri(self, uri: str) -> str:
        """The place of a registered asset; a uri otherwise."""
        asset_id = uri.removeprefix("azureml:")
        if not asset_id.startswith("/subscriptions/"):
            return uri
        asset = self._store.get(asset_id)
        if asset is None:
            raise BadJob(f"ScriptExecution.StreamAccess.NotFound: the asset {asset_id} is not there.")
        return str(asset.properties.get("dataUri") or asset.properties.get("modelUri"))

    # -- where things are ----------------------------------------------------------------------------------------------

    def _place(self, run: _Run, uri: str) -> Place:
        named = datastore_path(uri)
        if named is None:
            direct = blob_place(uri)
            if direct is None:
                raise BadJob(f"The sandbox's jobs read and write azureml://datastores/… and blobs, not {uri}.")
            return direct
        store = self._store.get(f"{run.workspace.id}/datastores/{named[0]}")
        if store is None:
            raise BadJob(f"Could not find datastore: {named[0]}.")
        container = store.properties.get("containerName") or store.properties.get("filesystem")
        if not container:
            raise BadJob(f"The sandbox has no files: the datastore {named[0]} is not modelled.")
        return Place(str(store.properties["accountName"]).lower(), str(container), named[1])

    def _artifact(self, run: _Run, name: str) -> Place:
        return self._place(run, f"azureml://datastores/workspaceartifactstore/paths/{artifacts_of(run.name)}/{name}")

    async def _environment(self, run: _Run) -> dict[str, str]:
        """All that the process gets: where it stands, who it is, what Azure ML tells it. Nothing of the daemon's."""
        assert self._hosting is not None
        subscription = run.job.id.split("/")[2]
        home = run.folder / "home"
        home.mkdir()
        client_id = (run.job.properties.get("identity") or {}).get("clientId")
        assigned = list((run.compute.body.get("identity") or {}).get("userAssignedIdentities", {}).values())
        if client_id is None and assigned:
            client_id = assigned[0].get("clientId")
        return {
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **await self._hosting.settings(subscription, VANTAGE),
            **self._hosting.identity(run.compute.id),
            **({"DEFAULT_IDENTITY_CLIENT_ID": client_id} if client_id else {}),
            "AZUREML_RUN_ID": run.name,
            "AZUREML_EXPERIMENT_NAME": str(run.job.properties.get("experimentName", "")),
            "AZUREML_ARM_SUBSCRIPTION": subscription,
            "AZUREML_ARM_RESOURCEGROUP": run.job.id.split("/")[4],
            "AZUREML_ARM_WORKSPACE_NAME": run.workspace.name,
            **self._tracking(run, client_id),
        }

    def _tracking(self, run: _Run, client_id: str | None) -> dict[str, str]:
        """What azureml-mlflow looks for (_internal/service_context_loader.py), so that a script's ``mlflow.log_metric``
        lands in the job's own run."""
        assigned = (run.compute.body.get("identity") or {}).get("userAssignedIdentities", {}).values()
        own: Json = next((each for each in assigned if each.get("clientId") == client_id), {})
        principal = self._directory.principal(str(own.get("principalId", "")))
        experiment = Tracking(self._store).experiment_named(run.workspace, experiment_of(run.job))
        return {
            "MLFLOW_TRACKING_URI": str(run.workspace.properties["mlFlowTrackingUri"]),
            "MLFLOW_TRACKING_TOKEN": self._run_tokens.issue(RunIdentity(run.workspace.id, run.name, principal)),
            "MLFLOW_RUN_ID": run.name,
            "MLFLOW_EXPERIMENT_ID": str(experiment["experiment_id"]),
            "MLFLOW_EXPERIMENT_NAME": str(experiment["name"]),
        }

    # -- nodes ---------------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _node(self, run: _Run) -> Any:
        """A node of the cluster: a job waits in the queue while all of them work."""
        settings = (run.compute.properties.get("properties") or {}).get("scaleSettings") or {}
        nodes, key = int(settings.get("maxNodeCount", 1)), run.compute.id.lower()
        self._set(run.job.id, "Queued")
        async with self._freed:
            await self._freed.wait_for(lambda: self._slots.get(key, 0) < nodes)
            self._slots[key] = self._slots.get(key, 0) + 1
        try:
            yield
        finally:
            async with self._freed:
                self._slots[key] -= 1
                self._freed.notify_all()

    # -- what is shown -------------------------------------------------------------------------------------------------

    async def _stream(self, run: _Run, storage: JobStorage) -> None:
        """The log as it grows."""
        size = -1
        while True:
            await asyncio.sleep(0.5)
            now = run.log.stat().st_size if run.log.exists() else 0
            if now != size:
                size = now
                with contextlib.suppress(BadJob):
                    await storage.upload(run.log, self._artifact(run, _LOG))

    def _keep_log(self, run: _Run) -> None:
        run.log.touch()

    def _record(self, job_id: str, name: str, uri: str) -> None:
        job = self._store.get(job_id)
        if job is not None:
            job.properties.setdefault("properties", {})[f"azureml.input.{name}"] = uri
            self._store.put(job)

    def _set(self, job_id: str, status: str, error: str | None = None, exit_code: int | None = None) -> None:
        job = self._store.get(job_id)
        if job is None or job.properties.get("status") in TERMINAL:
            return
        if job.properties.get("status") == "CancelRequested" and status not in TERMINAL:
            return
        job.properties["status"] = status
        now = datetime.now(UTC).isoformat()
        if status == "Running":
            job.internal["started"] = now
        if status in TERMINAL:
            job.internal["ended"] = now
        if error is not None:
            job.internal["error"] = error
            job.properties.setdefault("properties", {})["azureml.error"] = error
        if exit_code is not None:
            job.internal["exitCode"] = exit_code
        self._store.put(job)


def _reason(child: Resource | None) -> str:
    return str(child.internal.get("error") or child.properties["status"]) if child is not None else "it never began"


def _parent(job_id: str) -> str:
    return job_id.rsplit("/", 2)[0]


def _program(job: Resource) -> str:
    words = str(job.properties.get("command", "")).split()
    return words[0] if words else "bash"
