"""The Blob service's operations with Microsoft's SDK, through the gateway, on a real Azurite."""

from __future__ import annotations

import os
import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import AccessPolicy, BlobBlock, BlobLeaseClient, ContainerClient

from tests.unit.sandbox.storage.conftest import ACCOUNT, KEY, Gateway


@pytest.fixture
def container(gateway: Gateway) -> ContainerClient:
    gateway.configure()
    client = gateway.client(gateway.contributor(), max_single_put_size=4 * 2**20, max_block_size=2 * 2**20)
    return client.create_container(f"c{uuid.uuid4().hex}")


def test_round_trip_with_metadata_and_range(container: ContainerClient) -> None:
    blob = container.get_blob_client("folder/hello.txt")
    blob.upload_blob(b"hello world", metadata={"a_b": "1", "a1": "2", "ab": "3"})
    assert blob.download_blob().readall() == b"hello world"
    assert blob.download_blob(offset=6, length=5).readall() == b"world"
    assert blob.get_blob_properties().metadata == {"a_b": "1", "a1": "2", "ab": "3"}


def test_empty_blob(container: ContainerClient) -> None:
    container.upload_blob("empty", b"")
    assert container.download_blob("empty").readall() == b""


def test_unicode_name_and_listing(container: ContainerClient) -> None:
    names = ["ordner/äöü ß.txt", "ordner/日本 + 100%.txt", "other.txt"]
    for name in names:
        container.upload_blob(name, name.encode())
    assert sorted(blob.name for blob in container.list_blobs(name_starts_with="ordner/")) == sorted(names[:2])
    assert container.download_blob(names[1]).readall() == names[1].encode()


def test_listing_names_the_account_and_never_the_backend(gateway: Gateway, container: ContainerClient) -> None:
    bodies: list[str] = []
    list(container.list_blobs(raw_response_hook=lambda response: bodies.append(response.http_response.text())))
    assert f'ServiceEndpoint="https://{ACCOUNT}.blob.core.windows.net' in bodies[0]
    assert "127.0.0.1" not in bodies[0]
    assert "slot" not in bodies[0]


def test_parallel_block_upload_of_12_mb(container: ContainerClient) -> None:
    content = os.urandom(12 * 2**20)
    container.upload_blob("big", content, max_concurrency=4)
    assert container.download_blob("big", max_concurrency=4).readall() == content
    committed, _ = container.get_blob_client("big").get_block_list()
    assert len(committed) == 6


def test_block_ids_with_padding(container: ContainerClient) -> None:
    blob = container.get_blob_client("blocks")
    blob.stage_block("a", b"one")
    blob.commit_block_list([BlobBlock("a")])
    assert blob.download_blob().readall() == b"one"


def test_append(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    blob.create_append_blob()
    blob.append_block(b"one,")
    blob.append_block(b"two")
    assert blob.download_blob().readall() == b"one,two"


def test_lease_locks_out_others_until_it_is_released(container: ContainerClient) -> None:
    blob = container.get_blob_client("terraform.tfstate")
    blob.upload_blob(b"{}")
    lease = blob.acquire_lease(-1)
    with pytest.raises(ResourceExistsError) as refused:
        BlobLeaseClient(blob).acquire(-1)
    assert refused.value.error_code == "LeaseAlreadyPresent"
    with pytest.raises(HttpResponseError) as unlocked:
        blob.upload_blob(b"{1}", overwrite=True)
    assert unlocked.value.error_code == "LeaseIdMissing"
    blob.upload_blob(b"{2}", overwrite=True, lease=lease)
    lease.release()
    blob.upload_blob(b"{3}", overwrite=True)
    assert blob.download_blob().readall() == b"{3}"


def test_copy_within_the_account(container: ContainerClient) -> None:
    source = container.get_blob_client("source")
    source.upload_blob(b"content")
    copy = container.get_blob_client("copy")
    copy.start_copy_from_url(source.url)
    assert copy.download_blob().readall() == b"content"
    assert (copy.get_blob_properties().copy.source or "").startswith(f"https://{ACCOUNT}.blob.core.windows.net/")


def test_conditional_write(container: ContainerClient) -> None:
    container.upload_blob("once", b"1")
    with pytest.raises(ResourceExistsError) as exists:
        container.upload_blob("once", b"2")
    assert exists.value.error_code == "BlobAlreadyExists"


def test_the_control_planes_public_access_keeps_stored_access_policies(
    gateway: Gateway, container: ContainerClient
) -> None:
    gateway.configure(allowSharedKeyAccess=True)
    key = {"account_name": ACCOUNT, "account_key": KEY}
    keyed = gateway.client(key).get_container_client(container.container_name)
    keyed.set_container_access_policy({"reading": AccessPolicy(permission="r", expiry="2030-01-01T00:00:00Z")})
    for level, seen in (("Blob", "blob"), ("Container", "container"), ("Container", "container"), ("None", None)):
        gateway.loop.run(gateway.blobs.set_public_access(ACCOUNT, container.container_name, level))
        found = keyed.get_container_access_policy()
        assert found["public_access"] == seen
        assert [policy.id for policy in found["signed_identifiers"]] == ["reading"]
