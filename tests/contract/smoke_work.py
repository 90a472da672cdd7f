"""What each identity of the platform is there for, done as that identity; for test_smoke.py."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobClient, BlobServiceClient

from tests.contract.smoke_platform import Platform, toolkit
from toolkit.azure.api_versions import api_version
from toolkit.azure.clients import VAULT_API_VERSION, Actor

# Makes the credential of a resource's system-assigned identity at a vantage.
Hosted = Callable[[str, str], TokenCredential]


def as_identity(platform: Platform, name: str, vantage: str) -> Actor:
    place = platform.connection.vantages[vantage]
    client_id = platform.outputs["identities"][name]["client_id"]
    credential = ManagedIdentityCredential(client_id=client_id, **place.client_options)
    return Actor(name, place, credential, platform.connection.environment.subscription_id)


def as_factory(platform: Platform, hosted: Hosted) -> Actor:
    credential = hosted(platform.outputs["data_factory_id"], "adf-managed")
    place = platform.connection.vantages["adf-managed"]
    return Actor("factory", place, credential, platform.connection.environment.subscription_id)


def lake(platform: Platform) -> str:
    return f"https://{platform.outputs['lake_storage_account_name']}.blob.core.windows.net"


def factory_writes(container: str) -> Callable[[Platform, Hosted], None]:
    def work(platform: Platform, hosted: Hosted) -> None:
        with as_factory(platform, hosted).blobs(lake(platform)) as service:
            blob = service.get_blob_client(container, f"work/{uuid.uuid4()}")
            blob.upload_blob(b"1")
            assert blob.download_blob().readall() == b"1"
            blob.delete_blob()

    return work


def workspace_reads(container: str) -> Callable[[Platform, Hosted], None]:
    def work(platform: Platform, _: Hosted) -> None:
        with as_identity(platform, "workspace", "vnet").blobs(lake(platform)) as service:
            list(service.get_container_client(container).list_blobs())

    return work


def finds(identity: str, *outputs: str) -> Callable[[Platform, Hosted], None]:
    """The identity reads the resources whose ids the outputs have."""

    def work(platform: Platform, _: Hosted) -> None:
        with as_identity(platform, identity, "vnet").arm() as client:
            for output in outputs:
                name, _, key = output.partition(".")
                value = platform.outputs[name]
                resource_id = value[key]["id"] if key else value
                assert client.get(resource_id, {"api-version": api_version(resource_id)})["id"]

    return work


def function_reads_secrets(platform: Platform, _: Hosted) -> None:
    """Of a secret that is not there it learns just that; without the role it would learn nothing."""
    function = as_identity(platform, "function", "vnet")
    with function.vault(platform.outputs["key_vault_uri"]) as client, pytest.raises(HttpResponseError) as refused:
        client.get("/secrets/none", {"api-version": VAULT_API_VERSION})
    assert refused.value.status_code == 404


def pointer_of(platform: Platform, actor: Actor) -> AbstractContextManager[BlobClient]:
    """A pointer blob, as pipelines and CI name it."""
    return _blob(
        actor.blobs(platform.outputs["pointer_storage_blob_endpoint"]), platform.outputs["pointer_container_name"]
    )


@contextmanager
def _blob(connected: AbstractContextManager[BlobServiceClient], container: str) -> Iterator[BlobClient]:
    with connected as service:
        yield service.get_blob_client(container, "code-assets/tried/latest.json")


def factory_only_reads_pointers(platform: Platform, hosted: Hosted) -> None:
    """There is none yet; without the role it would learn nothing."""
    with pointer_of(platform, as_factory(platform, hosted)) as pointer:
        with pytest.raises(ResourceNotFoundError):
            pointer.download_blob()
        with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
            pointer.upload_blob(b"{}")


def may_not_write_pointers(identity: str) -> Callable[[Platform, Hosted], None]:
    """From inside the network, so that the role alone refuses it."""

    def work(platform: Platform, _: Hosted) -> None:
        with pointer_of(platform, as_identity(platform, identity, "vnet")) as pointer:
            for refused in (lambda: pointer.upload_blob(b"{}", overwrite=True), pointer.download_blob):
                with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
                    refused()

    return work


def function_keeps_its_host_in_its_own_account(platform: Platform, _: Hosted) -> None:
    """As the Functions host does: containers that it makes itself, https://learn.microsoft.com/azure/azure-functions/storage-considerations."""
    endpoint = f"https://{platform.outputs['function_storage_account_name']}.blob.core.windows.net"
    with as_identity(platform, "function", "vnet").blobs(endpoint) as service:
        container = service.create_container("azure-webjobs-secrets")
        container.upload_blob("app/host.json", b"{}")
        container.delete_container()
    with (
        as_identity(platform, "function", "vnet").blobs(platform.outputs["storage_blob_endpoint"]) as service,
        pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"),
    ):
        service.create_container("azure-webjobs-hosts")


def ci_ships_code_that_runs(platform: Platform, _: Hosted) -> None:
    """Registered and published as CI, run by the cluster as its own identity."""
    name, said = "work-code", f"this is {uuid.uuid4()}"
    computes, environments = (platform.outputs[f"machine_learning_{kind}"] for kind in ("computes", "environments"))
    with TemporaryDirectory() as folder:
        source, job = Path(folder) / "src", Path(folder) / "job.yml"
        source.mkdir()
        (source / "train.py").write_text(f"print('{said}')\n")
        registered = as_ci(platform, "assets", "register", "local", name, "--path", str(source), "--json")
        found = json.loads(registered)
        as_ci(platform, "assets", "publish", "local", name, "--version", found["version"])
        assert "is valid" in as_ci(platform, "assets", "verify", "local", name)
        job.write_text(
            f"command: python train.py\ncode: azureml:{found['id']}\ncompute: azureml:{next(iter(computes))}\n"
            f"environment: azureml:{next(iter(environments.values()))}\n"
        )
        assert said in as_ci(platform, "jobs", "submit", "local", str(job), "--wait")


def as_ci(platform: Platform, *arguments: str) -> str:
    done = toolkit(platform.project, *arguments, "--as", "ci")
    assert done.returncode == 0, done.stderr
    return done.stdout


WORK: dict[str, Callable[[Platform, Hosted], None]] = {
    "CI ships code that runs": ci_ships_code_that_runs,
    "the factory writes raw data": factory_writes("raw"),
    "the factory writes curated data": factory_writes("curated"),
    "the workspace reads raw data": workspace_reads("raw"),
    "the workspace reads curated data": workspace_reads("curated"),
    "the workspace finds its private endpoints": finds(
        "workspace",
        *(f"private_endpoints.{name}" for name in ("storage_blob", "storage_file", "lake_blob", "lake_dfs")),
    ),
    "the factory finds the account that runs its tasks": finds("factory", "batch_account_id"),
    "the function app reads secrets": function_reads_secrets,
    "the function app keeps its host in its own account": function_keeps_its_host_in_its_own_account,
    "the factory reads pointers and does not write them": factory_only_reads_pointers,
    **{
        f"{name} may not touch pointers": may_not_write_pointers(name)
        for name in ("workspace", "compute", "batch", "batch-nodes", "function")
    },
}
