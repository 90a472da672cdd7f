"""Registering code against azure-ai-ml alone, and a job against the program that it runs, over the sandbox."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import SandboxForTests, copy_project
from tests.contract.workspace import BLOB_CONTRIBUTOR, DATA_SCIENTIST, READER, Workspace, workspace
from toolkit.environment import connect, load_environment
from toolkit.project import Project

FILES, MEGABYTES = 1000, 50
_SDK = """
import sys
from azure.ai.ml import MLClient
from azure.ai.ml.entities._assets import Code
from azure.identity import ManagedIdentityCredential
client_id, subscription, group, workspace, folder = sys.argv[1:]
client = MLClient(ManagedIdentityCredential(client_id=client_id), subscription, group, workspace)
print(client._code.create_or_update(Code(name="bench-sdk", version=folder.rsplit("-", 1)[-1], path=folder)).version)
"""


@dataclass(frozen=True)
class Figures:
    """Medians, in seconds. ``job`` is from the submission to Completed."""

    register: float
    sdk: float
    job: float
    python: float


def measure(toolkit: Callable[..., None], rounds: int) -> Figures:
    """In a project and sandbox of its own; the two ways to register take turns, each with content of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project(Path(temporary) / "project")
        try:
            sandbox = SandboxForTests(connect(load_environment("local", Project(project))))
            with workspace(sandbox) as ml:
                ml.person("ci", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR, group=READER)
                ml.trust_this_environment("ci")
                outputs = Project(project).state_dir / "local" / "outputs.json"
                outputs.parent.mkdir(parents=True, exist_ok=True)
                outputs.write_text(json.dumps(ml.outputs()))
                ours, sdks = [], []
                for at in range(1, rounds + 1):
                    folder = _content(Path(temporary), at)
                    ours.append(_seconds(lambda: _ours(toolkit, project, folder)))  # noqa: B023
                    folder = _content(Path(temporary), at + rounds)
                    sdks.append(_seconds(lambda: _sdk(ml, folder)))  # noqa: B023
                jobs, pythons = _jobs(ml, rounds)
        finally:
            toolkit(project, "sandbox", "stop")
    return Figures(*(statistics.median(each) for each in (ours, sdks, jobs, pythons)))


def _content(parent: Path, number: int) -> Path:
    folder = parent / f"code-{number}"
    for at in range(FILES):
        file = folder / f"part{at % 20}" / f"file{at}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(secrets.token_bytes(MEGABYTES * 1_000_000 // FILES))
    return folder


def _ours(toolkit: Callable[..., None], project: Path, folder: Path) -> None:
    toolkit(project, "assets", "register", "local", "bench-ours", "--path", str(folder), "--as", "ci")


def _sdk(ml: Workspace, folder: Path) -> None:
    client_id, _ = ml.identities["ci"]
    settings = ml.sandbox.connection.vantages["vnet"].settings
    arguments = (client_id, ml.sandbox.subscription_id, ml.group, ml.name, str(folder))
    done = subprocess.run(
        [sys.executable, "-c", _SDK, *arguments], env={**os.environ, **settings}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"azure-ai-ml alone exited {done.returncode}\n{done.stdout}\n{done.stderr}")


def _jobs(ml: Workspace, rounds: int) -> tuple[list[float], list[float]]:
    ml.person("compute", account=BLOB_CONTRIBUTOR)
    ml.compute("cpu", "compute", nodes=1)
    environment = f"{ml.id}/environments/bench/versions/1"
    ml.put(environment, "2024-04-01", {"properties": {"image": "mcr.microsoft.com/azureml/base:1"}})
    body = {"jobType": "Command", "command": "python -c pass", "environmentId": environment}
    jobs, pythons = [], []
    for _ in range(rounds):
        jobs.append(_seconds(lambda: _job(ml, {**body, "computeId": f"{ml.id}/computes/cpu"})))
        pythons.append(_seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)))
    return jobs, pythons


def _job(ml: Workspace, properties: dict[str, str]) -> None:
    id_ = f"{ml.id}/jobs/{uuid.uuid4()}"
    ml.put(id_, "2025-12-01", {"properties": properties})
    while (status := ml.get(id_)["properties"]["status"]) != "Completed":
        if status in ("Failed", "Canceled"):
            raise SystemExit(f"the job ended as {status}: {ml.get(id_)}")
        time.sleep(0.02)


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
