"""Containers that are deleted and come back, with Microsoft's SDK on a real Azurite."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerProperties

from tests.unit.sandbox.storage.conftest import ACCOUNT, Gateway
from toolkit.sandbox.containers import CONTAINERS, DeletedContainer, deleted_containers, forget_account
from toolkit.sandbox.store import Resource


def keep_deleted(gateway: Gateway, days: int | None) -> str:
    account = gateway.configure()
    policy = {"enabled": days is not None, **({"days": days} if days else {})}
    body = {"name": "default", "properties": {"containerDeleteRetentionPolicy": policy}}
    service = f"{account}/blobServices/default"
    gateway.world.store.put(
        Resource(service, "Microsoft.Storage/storageAccounts/blobServices", {"id": service, **body})
    )
    return account


@pytest.fixture
def service(gateway: Gateway) -> BlobServiceClient:
    keep_deleted(gateway, 14)
    reading = gateway.principal(
        "contributor", actions=("Microsoft.Storage/storageAccounts/blobServices/containers/read",)
    )
    gateway.contributor()
    return gateway.client(reading)


@pytest.fixture
def container(service: BlobServiceClient) -> ContainerClient:
    return service.create_container(f"c{uuid.uuid4().hex}")


def named(service: BlobServiceClient, name: str, **options: bool) -> list[ContainerProperties]:
    return list(service.list_containers(name_starts_with=name, **options))


def deleted(service: BlobServiceClient, name: str) -> ContainerProperties:
    (found,) = [each for each in named(service, name, include_deleted=True) if each.deleted]
    return found


def test_a_deleted_container_comes_back_with_its_blobs(
    gateway: Gateway, service: BlobServiceClient, container: ContainerClient
) -> None:
    name = container.container_name
    container.upload_blob("folder/a", b"one", metadata={"kept": "yes"})
    container.get_blob_client("blocks").stage_block("a", b"half")
    before = container.get_blob_client("folder/a").get_blob_properties()
    arm = f"{gateway.configure()}/blobServices/default/containers/{name}"
    assert gateway.world.store.get(arm) is not None
    container.delete_container()
    assert gateway.world.store.get(arm) is None
    assert named(service, name) == []
    with pytest.raises(ResourceNotFoundError) as gone:
        container.download_blob("folder/a")
    assert gone.value.error_code == "ContainerNotFound"
    with pytest.raises(ResourceNotFoundError) as again:
        container.delete_container()
    assert again.value.error_code == "ContainerNotFound"

    found = deleted(service, name)
    assert found.name == name
    service.undelete_container(name, str(found.version))
    after = container.get_blob_client("folder/a").get_blob_properties()
    assert (after.etag, after.last_modified, after.metadata) == (before.etag, before.last_modified, before.metadata)
    assert container.download_blob("folder/a").readall() == b"one"
    assert [block.id for block in container.get_blob_client("blocks").get_block_list("uncommitted")[1]] == ["a"]
    assert gateway.world.store.get(arm) is not None
    assert [each.deleted for each in named(service, name, include_deleted=True)] == [None]


def test_a_name_that_is_in_use_again_keeps_the_deleted_one_out(
    service: BlobServiceClient, container: ContainerClient
) -> None:
    name = container.container_name
    container.upload_blob("old", b"old")
    container.delete_container()
    version = str(deleted(service, name).version)
    service.create_container(name).upload_blob("new", b"new")
    with pytest.raises(ResourceExistsError) as refused:
        service.undelete_container(name, version)
    assert refused.value.error_code == "ContainerAlreadyExists"
    assert [blob.name for blob in container.list_blobs()] == ["new"]
    assert sorted(bool(each.deleted) for each in named(service, name, include_deleted=True)) == [False, True]
    container.delete_container()
    assert len(named(service, name, include_deleted=True)) == 2
    service.undelete_container(name, version)
    assert [blob.name for blob in container.list_blobs()] == ["old"]


def test_refusals(gateway: Gateway, service: BlobServiceClient, container: ContainerClient) -> None:
    name = container.container_name
    lease = container.acquire_lease(-1)
    with pytest.raises(HttpResponseError) as leased:
        container.delete_container()
    assert (leased.value.status_code, leased.value.error_code) == (412, "LeaseIdMissing")
    with pytest.raises(HttpResponseError) as changed:
        container.delete_container(lease=lease, if_unmodified_since=datetime(2020, 1, 1, tzinfo=UTC))
    assert (changed.value.status_code, changed.value.error_code) == (412, "ConditionNotMet")
    with pytest.raises(HttpResponseError) as other:
        container.delete_container(lease=str(uuid.uuid4()))
    assert other.value.error_code == "LeaseIdMismatchWithContainerOperation"
    container.delete_container(lease=lease)
    with pytest.raises(ResourceNotFoundError):
        service.undelete_container(name, "01D60F8BB59A4652")
    aside = next(iter(deleted_containers(gateway.world.store, ACCOUNT))).aside
    with pytest.raises(ResourceNotFoundError):
        list(service.get_container_client(aside).list_blobs())
    reader = gateway.client(gateway.principal("reader", actions=(f"{CONTAINERS}/read",)))
    version = str(deleted(service, name).version)
    with pytest.raises(HttpResponseError) as forbidden:
        reader.undelete_container(name, version)
    assert forbidden.value.error_code == "AuthorizationPermissionMismatch"


def test_without_retention_it_is_gone_for_good(gateway: Gateway, container: ContainerClient) -> None:
    keep_deleted(gateway, None)
    container.delete_container()
    service = gateway.client(gateway.principal("contributor"))
    assert named(service, container.container_name, include_deleted=True) == []


def test_the_days_end(gateway: Gateway, service: BlobServiceClient) -> None:
    now = datetime.now(UTC)
    store = gateway.world.store
    forget_account(store, ACCOUNT)
    for days in (-1, 1, 14):
        name = f"days{days}"
        DeletedContainer(ACCOUNT, name, name.upper(), now, now + timedelta(days=days), {"properties": {}}).keep(store)
    assert [(each.name, each.remaining_days) for each in deleted_containers(store, ACCOUNT)] == [
        ("days1", 1),
        ("days14", 14),
    ]
    forget_account(store, ACCOUNT)
    assert deleted_containers(store, ACCOUNT) == []


def test_an_account_takes_its_deleted_containers_along(
    gateway: Gateway, service: BlobServiceClient, container: ContainerClient
) -> None:
    container.upload_blob("a", b"a")
    container.delete_container()
    gateway.loop.run(gateway.blobs.delete_account(ACCOUNT))
    keep_deleted(gateway, None)
    assert gateway.loop.run(gateway.blobs._containers(ACCOUNT)) == []
