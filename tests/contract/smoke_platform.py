"""An applied platform with an engineer who can break it and put it right again, for test_smoke.py."""

from __future__ import annotations

import copy
import json
import os
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from toolkit.azure.api_versions import api_version
from toolkit.azure.clients import Actor
from toolkit.azure.credentials import probe_credential, runner_credential
from toolkit.checks.model import CheckResult
from toolkit.environment import Connection, connect, load_environment
from toolkit.project import Project
from toolkit.records import Json
from toolkit.sandbox import client
from toolkit.smoke.registry import select
from toolkit.smoke.run import run
from toolkit.waiting import wait_until

ROLES_API_VERSION = "2022-04-01"


class Platform:
    """An applied platform, and an engineer (Owner of the subscription) who can break it and put it right again."""

    def __init__(self, project: Path, connection: Connection, outputs: Json) -> None:
        self.project = project
        self.connection = connection
        self.outputs = outputs
        token = runner_credential(connection).get_token("https://management.azure.com/.default").token
        settings = connection.runner.settings
        self._arm = httpx.Client(
            base_url="https://management.azure.com",
            headers={"Authorization": f"Bearer {token}"},
            proxy=settings["HTTPS_PROXY"],
            verify=ssl.create_default_context(cafile=settings["SSL_CERT_FILE"]),
            timeout=30,
        )

    def close(self) -> None:
        self._arm.close()

    def call(self, method: str, resource_id: str, version: str, body: Json | None = None) -> Json:
        answer = self._arm.request(method, resource_id, params={"api-version": version}, json=body)
        assert answer.is_success, f"{method} {resource_id}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    @contextmanager
    def changed(self, resource_id: str, changes: Mapping[str, Any], version: str | None = None) -> Iterator[None]:
        """``changes`` (dotted paths) written over the resource as it is; the resource as it was afterwards."""
        version = version or api_version(resource_id)
        before = self.call("GET", resource_id, version)
        after = copy.deepcopy(before)
        for path, value in changes.items():
            *parents, last = path.split(".")
            place = after
            for parent in parents:
                place = place.setdefault(parent, {})
            if value is None:
                place.pop(last)
            else:
                place[last] = value
        self.call("PUT", resource_id, version, after)
        try:
            yield
        finally:
            self.call("PUT", resource_id, version, before)

    @contextmanager
    def deleted(self, resource_id: str, version: str) -> Iterator[None]:
        before = self.call("GET", resource_id, version)
        self.call("DELETE", resource_id, version)
        try:
            yield
        finally:
            self.call("PUT", resource_id, version, before)

    @contextmanager
    def granted(self, principal_id: str, role: str, scope: str) -> Iterator[None]:
        assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        subscription = f"/subscriptions/{self.connection.environment.subscription_id}"
        definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        body = {"roleDefinitionId": definition, "principalId": principal_id, "principalType": "ServicePrincipal"}
        self.call("PUT", assignment, ROLES_API_VERSION, {"properties": body})
        try:
            yield
        finally:
            self.call("DELETE", assignment, ROLES_API_VERSION)

    @contextmanager
    def said(self, **outputs: Any) -> Iterator[None]:
        """The outputs say something else for a while."""
        before = {name: self.outputs[name] for name in outputs}
        self.outputs |= outputs
        try:
            yield
        finally:
            self.outputs |= before

    def revoked(self, principal_id: str, role: str, scope: str = "") -> AbstractContextManager[None]:
        found = [
            one["id"]
            for one in self.outputs["role_assignments"].values()
            if one["principal_id"] == principal_id
            and one["role_definition_id"].endswith(role)
            and one["scope"].endswith(scope)
        ]
        assert len(found) == 1
        return self.deleted(found[0], ROLES_API_VERSION)

    def probe(self, name: str) -> str:
        return str(self.outputs["probe_identities"][name]["principal_id"])

    def actor(self, identity: str, vantage: str) -> Actor:
        place = self.connection.vantages[vantage]
        probe = probe_credential(self.connection, self.outputs["probe_identities"][identity]["client_id"], place)
        return Actor(identity, place, probe, self.connection.environment.subscription_id)

    def pipeline_run(self, pipeline: str, parameters: Json) -> Json:
        """A run of one of the factory's pipelines, once it has ended."""
        factory, version = self.outputs["data_factory_id"], "2018-06-01"
        run_id = self.call("POST", f"{factory}/pipelines/{pipeline}/createRun", version, parameters)["runId"]

        def ended() -> Json | None:
            run = self.call("GET", f"{factory}/pipelineruns/{run_id}", version)
            return run if run["status"] in ("Succeeded", "Failed", "Cancelled") else None

        found = wait_until(ended, 60)
        assert found is not None, f"{pipeline} did not end"
        return found

    def activity_outputs(self, run: Json) -> dict[str, Any]:
        """What monitoring shows of each activity of a run, by its name."""
        path = f"{self.outputs['data_factory_id']}/pipelineruns/{run['runId']}/queryActivityruns"
        body = {"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
        return {one["activityName"]: one.get("output") for one in self.call("POST", path, "2018-06-01", body)["value"]}

    def smoke(self, *ids: str) -> dict[str, CheckResult]:
        result = run(self.connection, self.outputs, select(ids=ids), patience=0)
        return {one.check.id: one for one in result.results}


def toolkit(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments],
        env={**os.environ, "TOOLKIT_PROJECT": str(project)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


@contextmanager
def applied_platform(project: Path) -> Iterator[Platform]:
    """``local`` of this checkout, applied without its smoke tests in a sandbox that ends with the context."""
    try:
        applied = toolkit(project, "apply", "local", "--no-smoke", "--json")
        assert applied.returncode == 0, applied.stderr
        connection = connect(load_environment("local", Project(project)))
        platform = Platform(project, connection, json.loads(applied.stdout)["platform_outputs"])
        yield platform
        platform.close()
    finally:
        client.stop(project)
