"""Batch, the factory's pipelines and their triggers, on an applied platform within a network security perimeter."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient

from tests.conftest import ROOT
from tests.e2e.conftest import Toolkit
from toolkit.azure.arm import ARM
from toolkit.azure.credentials import runner_credential
from toolkit.azure.pipeline import RestClient
from toolkit.environment import Connection, connect, load_environment
from toolkit.project import Project
from toolkit.sandbox.client import ensure_running
from toolkit.waiting import wait_until

pytestmark = pytest.mark.e2e

MEMBERS = ("storage", "lake", "pointer_storage", "function_storage", "key_vault", "log_analytics")
PERIMETER = "\nnetwork_security_perimeter = {{ members = {{ {} }} }}\n".format(
    ", ".join(f'{name} = "Enforced"' for name in MEMBERS)
)
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
SCRIPT = ROOT / "terraform/modules/data_factory_pipelines/train_score.py"


@pytest.fixture(scope="module")
def variables(toolkit: Toolkit) -> Path:
    return toolkit.project / "envs/local/terraform.tfvars"


@pytest.fixture(scope="module")
def outputs(toolkit: Toolkit, variables: Path) -> dict[str, Any]:
    """The platform of `local` with its triggers started, in a perimeter that alone decides."""
    replace(variables, "triggers_started = false", "triggers_started = true")
    variables.write_text(variables.read_text(encoding="utf-8") + PERIMETER, encoding="utf-8")
    toolkit.ok("apply", "local")
    return dict(toolkit.ok("outputs", "local", "--format", "json").json)


@pytest.fixture(scope="module")
def connection(toolkit: Toolkit, outputs: dict[str, Any]) -> Connection:
    return connect(load_environment("local", Project(toolkit.project)))


@pytest.fixture
def blobs(connection: Connection, outputs: dict[str, Any]) -> Iterator[BlobServiceClient]:
    """The storage account as a node of the Batch pool reaches it."""
    options = connection.vantages["vnet"].client_options
    client_id = outputs["identities"]["batch-nodes"]["client_id"]
    with (
        ManagedIdentityCredential(client_id=client_id, **options) as credential,
        BlobServiceClient(outputs["storage_blob_endpoint"], credential=credential, **options) as client,
    ):
        yield client


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def run_script(connection: Connection, outputs: dict[str, Any], container: str) -> subprocess.CompletedProcess[str]:
    """The task of the pipeline batch-train-score, as the pool's node would run it."""
    return subprocess.run(
        [
            *(sys.executable, "-I", str(SCRIPT), "--data", "data/train.csv", "--output", "runs/one"),
            *("--container", f"{outputs['storage_blob_endpoint']}{container}"),
            *("--client-id", outputs["identities"]["batch-nodes"]["client_id"]),
        ],
        env={**os.environ, **connection.vantages["vnet"].settings},
        capture_output=True,
        text=True,
        timeout=120,
    )


def outcome(account: BlobServiceClient) -> str:
    try:
        next(iter(account.get_container_client("adftrain").list_blobs()), None)
    except HttpResponseError as error:
        return str(error.message)
    return "listed"


def test_a_rule_of_the_perimeter_lets_an_address_in_and_is_no_drift(
    toolkit: Toolkit, connection: Connection, outputs: dict[str, Any]
) -> None:
    """Private endpoints pass, as all else in this module shows. Somebody at an address has the same rights there."""
    perimeter, account = outputs["network_security_perimeter"], outputs["storage_blob_endpoint"]
    assert perimeter["members"] == dict.fromkeys(MEMBERS, "Enforced")
    client_id, options = outputs["identities"]["batch-nodes"]["client_id"], connection.vantages["vnet"].client_options
    rule = f"{perimeter['profile_id']}/accessRules/for-a-while"
    properties = {"direction": "Inbound", "addressPrefixes": ["203.0.113.10/32"]}
    with (
        ManagedIdentityCredential(client_id=client_id, **options) as credential,
        RestClient(ARM, connection.runner, runner_credential(connection), f"{ARM}/.default") as arm,
        BlobServiceClient(account, credential=credential, **connection.vantages["internet"].client_options) as outside,
    ):
        assert "not authorized by network security perimeter" in outcome(outside)
        url = f"{ARM}{rule}?api-version=2024-07-01"
        arm.send_request(HttpRequest("PUT", url, json={"properties": properties})).raise_for_status()
        assert outcome(outside) == "listed"
        assert "No changes" in (planned := toolkit.ok("plan", "local")).out + planned.err
        arm.send_request(HttpRequest("DELETE", url)).raise_for_status()
        assert "not authorized by network security perimeter" in outcome(outside)


def test_the_batch_script_trains_and_scores_against_blobs(
    connection: Connection, outputs: dict[str, Any], blobs: BlobServiceClient
) -> None:
    container = blobs.get_container_client("adftrain")
    rows = [(x, y, 3 + 2 * x - 5 * y) for x in range(6) for y in range(4)]
    csv = "\n".join(["x,y,target", *(",".join(map(str, row)) for row in rows)])
    container.upload_blob("data/train.csv", csv, overwrite=True)

    done = run_script(connection, outputs, "adftrain")
    assert done.returncode == 0, done.stderr

    model = json.loads(container.download_blob("runs/one/model.json").readall())
    assert model["features"] == ["x", "y"]
    assert model["weights"] == pytest.approx([3, 2, -5], abs=1e-6)
    predictions = container.download_blob("runs/one/predictions.csv").readall().decode().split()
    assert predictions[0] == "prediction"
    assert [float(value) for value in predictions[1:]] == pytest.approx([row[-1] for row in rows], abs=1e-6)
    metrics = json.loads(container.download_blob("runs/one/metrics.json").readall())
    assert metrics["rows"] == len(rows)
    assert metrics["mean_squared_error"] < 1e-9
    assert json.loads(done.stdout) == metrics


@contextmanager
def published(connection: Connection, outputs: dict[str, Any]) -> Iterator[None]:
    """A pointer in its place; who writes it has the role for that long only."""
    from azure.mgmt.authorization import AuthorizationManagementClient

    credential, options = runner_credential(connection), connection.runner.client_options
    token = credential.get_token("https://management.azure.com/.default").token.split(".")[1]
    me = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["oid"]
    account = outputs["pointer_storage_account_id"]
    subscription = connection.environment.subscription_id
    role = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}"
    given = {"properties": {"roleDefinitionId": role, "principalId": me, "principalType": "ServicePrincipal"}}
    pointer = {"assetName": "training-code", "version": "7"}
    client_options = connection.vantages["vnet"].client_options
    with AuthorizationManagementClient(credential, subscription, **options) as client:
        made = client.role_assignments.create(account, str(uuid.uuid4()), given)  # type: ignore[arg-type]
        try:
            with BlobServiceClient(
                outputs["pointer_storage_blob_endpoint"], credential=credential, **client_options
            ) as service:
                blob = service.get_blob_client(
                    outputs["pointer_container_name"], "code-assets/training-code/latest.json"
                )
                blob.upload_blob(json.dumps(pointer), overwrite=True)
                yield
                blob.delete_blob()
        finally:
            client.role_assignments.delete_by_id(str(made.id))


def test_the_pipeline_trains_and_scores_on_batch_without_a_key(
    toolkit: Toolkit, connection: Connection, outputs: dict[str, Any], blobs: BlobServiceClient
) -> None:
    """Job and task over Batch's REST API from the managed network, files as the node's identity."""
    container = blobs.get_container_client("adftrain")
    container.upload_blob("data/train.csv", "x,target\n1,3\n2,5\n3,7\n", overwrite=True)
    sandbox = ensure_running(toolkit.project)

    def ended(run: str) -> dict[str, Any] | None:
        sandbox.advance_clock(30)
        shown = toolkit("adf", "show", "local", run, "--json").json
        return shown if shown["status"] not in ("Queued", "InProgress") else None

    with published(connection, outputs):
        started = toolkit("adf", "run", "local", "batch-train-score", "--json").json
        done = wait_until(lambda: ended(started["id"]), 120)
        assert done is not None
        assert done["status"] == "Succeeded", done
        started = toolkit("adf", "run", "local", "batch-train-score", "-p", "data=data/none.csv", "--json").json
        failed = wait_until(lambda: ended(started["id"]), 120)
        assert failed is not None
    metrics = json.loads(container.download_blob(f"runs/{done['id']}/metrics.json").readall())
    assert (metrics["rows"], metrics["code_asset"], metrics["code_asset_version"]) == (3, "training-code", "7")
    assert json.loads(container.download_blob(f"runs/{done['id']}/model.json").readall())["code_asset_version"] == "7"
    printed = blobs.get_blob_client("adfjobs", f"{done['id']}/stdout.txt").download_blob().readall()
    assert json.loads(printed) == metrics
    assert failed["status"] == "Failed"
    assert "FailureExitCode" in failed["message"]
    said = blobs.get_blob_client("adfjobs", f"{failed['id']}/stderr.txt").download_blob().readall().decode()
    assert "404 BlobNotFound" in said


def test_a_task_touches_its_own_container_only(
    connection: Connection, outputs: dict[str, Any], blobs: BlobServiceClient
) -> None:
    done = run_script(connection, outputs, "smoke")
    assert done.returncode == 1
    assert "403 AuthorizationPermissionMismatch" in done.stderr
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        blobs.get_container_client("smoke").upload_blob("code-assets/training-code/latest.json", b"{}")


def test_a_started_trigger_is_changed_and_runs_on(toolkit: Toolkit, variables: Path, outputs: dict[str, Any]) -> None:
    assert {name: one["started"] for name, one in outputs["data_factory_triggers"].items()} == {
        "daily": True,
        "new-training-data": True,
    }
    replace(variables, "hours = [2]", "hours = [5]")
    planned = toolkit("plan", "local", "--json")
    assert planned.code == 2
    changed = [one["address"] for one in json.loads(planned.out)["changes"]]
    assert set(re.findall(r"data_factory_pipelines\.[a-z_.]+\[\"[a-z-]+", " ".join(changed))) == {
        'data_factory_pipelines.azapi_resource.trigger["daily',
        'data_factory_pipelines.azapi_resource_action.stop["daily',
        'data_factory_pipelines.azapi_resource_action.start["daily',
    }
    # The factory refuses a change of a trigger that runs; the smoke check at the end then finds it running again.
    assert re.search(r"adf-triggers +PASS", toolkit.ok("apply", "local", "-v").out)
    assert "No changes" in toolkit.ok("plan", "local").out + toolkit.ok("plan", "local").err


def delete_by_hand(connection: Connection, trigger: str) -> None:
    from azure.mgmt.datafactory import DataFactoryManagementClient

    parts = trigger.split("/")
    options = connection.runner.client_options
    with DataFactoryManagementClient(runner_credential(connection), parts[2], **options) as client:
        client.triggers.begin_stop(parts[4], parts[8], parts[10]).wait()
        client.triggers.delete(parts[4], parts[8], parts[10])


@pytest.mark.slow
def test_a_trigger_that_somebody_deleted_comes_back(
    toolkit: Toolkit, connection: Connection, outputs: dict[str, Any]
) -> None:
    """There is nothing left to stop, which Terraform by itself would fail of for ever."""
    delete_by_hand(connection, outputs["data_factory_triggers"]["daily"]["id"])
    applied = toolkit.ok("apply", "local", "-v")
    assert "somebody has deleted what" in applied.err
    assert re.search(r"adf-triggers +PASS", applied.out)


def test_started_and_deleted_triggers_do_not_keep_the_platform_alive(
    toolkit: Toolkit, connection: Connection, outputs: dict[str, Any]
) -> None:
    delete_by_hand(connection, outputs["data_factory_triggers"]["daily"]["id"])
    assert "somebody has deleted what" in toolkit.ok("destroy", "local", "--yes").err
