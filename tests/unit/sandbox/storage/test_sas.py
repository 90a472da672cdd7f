"""Shared access signatures of an account key, made by Microsoft's SDK."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobSasPermissions,
    ContainerSasPermissions,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from tests.unit.sandbox.storage.conftest import ACCOUNT, KEY, Gateway

SOON = datetime.now(UTC) + timedelta(hours=1)
PAST = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def container(gateway: Gateway) -> Iterator[str]:
    name = f"c{uuid.uuid4().hex}"
    gateway.configure()
    gateway.client(gateway.contributor()).create_container(name).upload_blob("dir/ä b", b"content")
    gateway.configure(allowSharedKeyAccess=True)
    yield name
    gateway.configure()


def of_container(container: str, permission: str, **options: Any) -> str:
    given = {"account_key": KEY, "expiry": SOON, **options}
    return generate_container_sas(
        ACCOUNT, container, permission=ContainerSasPermissions.from_string(permission), **given
    )


def of_account(permission: str, types: str, **options: Any) -> str:
    given = {"account_key": KEY, "expiry": SOON, **options}
    permissions = AccountSasPermissions.from_string(permission)
    return generate_account_sas(
        ACCOUNT, resource_types=ResourceTypes.from_string(types), permission=permissions, **given
    )


def refusal(gateway: Gateway, container: str, sas: str, vantage: str = "internet") -> str | None:
    """The error code of reading the blob with a signature, None when it was read."""
    try:
        content = gateway.client(sas, vantage).get_blob_client(container, "dir/ä b").download_blob().readall()
    except HttpResponseError as error:
        return str(error.response.headers["x-ms-error-code"])  # type: ignore[union-attr]
    assert content == b"content"
    return None


def test_container_signature(gateway: Gateway, container: str) -> None:
    client = gateway.client(of_container(container, "racwdl")).get_container_client(container)
    client.upload_blob("new", b"1")
    assert [blob.name for blob in client.list_blobs()] == ["dir/ä b", "new"]
    client.delete_blob("new")
    assert refusal(gateway, container, of_container(container, "r")) is None


def test_it_holds_for_its_container_only(gateway: Gateway, container: str) -> None:
    assert refusal(gateway, container, of_container("another", "r")) == "AuthenticationFailed"


def test_blob_signature(gateway: Gateway, container: str) -> None:
    read = BlobSasPermissions(read=True)
    own = generate_blob_sas(ACCOUNT, container, "dir/ä b", account_key=KEY, permission=read, expiry=SOON)
    other = generate_blob_sas(ACCOUNT, container, "other", account_key=KEY, permission=read, expiry=SOON)
    assert refusal(gateway, container, own) is None
    assert refusal(gateway, container, other) == "AuthenticationFailed"


def test_permissions(gateway: Gateway, container: str) -> None:
    assert refusal(gateway, container, of_container(container, "l")) == "AuthorizationPermissionMismatch"
    creator = gateway.client(of_container(container, "c")).get_container_client(container)
    creator.upload_blob("made", b"1")
    for refused in (
        lambda: creator.upload_blob("made", b"2", overwrite=True),
        lambda: creator.delete_blob("made"),
        lambda: list(creator.list_blobs()),
        lambda: creator.delete_container(),
    ):
        with pytest.raises(HttpResponseError) as error:
            refused()
        assert error.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]


def test_account_signature_and_its_resource_types(gateway: Gateway, container: str) -> None:
    assert refusal(gateway, container, of_account("r", "o")) is None
    assert refusal(gateway, container, of_account("r", "c")) == "AuthorizationResourceTypeMismatch"
    lister = gateway.client(of_account("l", "sc"))
    assert container in [found.name for found in lister.list_containers()]
    assert [blob.name for blob in lister.get_container_client(container).list_blobs()] == ["dir/ä b"]


def test_time_protocol_and_address(gateway: Gateway, container: str) -> None:
    assert refusal(gateway, container, of_container(container, "r", expiry=PAST)) == "AuthenticationFailed"
    assert refusal(gateway, container, of_container(container, "r", start=SOON)) == "AuthenticationFailed"
    assert refusal(gateway, container, of_container(container, "r", start=PAST, protocol="https")) is None
    here = of_container(container, "r", ip="203.0.113.1-203.0.113.20")
    assert refusal(gateway, container, here) is None
    assert refusal(gateway, container, here, "vnet") == "AuthorizationSourceIPMismatch"


def test_a_changed_or_foreign_signature(gateway: Gateway, container: str) -> None:
    changed = of_container(container, "r").replace("sp=r", "sp=rw")
    assert refusal(gateway, container, changed) == "AuthenticationFailed"
    foreign = of_container(container, "r", account_key="d3Jvbmc=")
    assert refusal(gateway, container, foreign) == "AuthenticationFailed"


def test_keys_switched_off(gateway: Gateway, container: str) -> None:
    gateway.configure()
    assert refusal(gateway, container, of_account("r", "o")) == "KeyBasedAuthenticationNotPermitted"


def test_a_signature_does_not_copy_out_of_other_containers(gateway: Gateway, container: str) -> None:
    other = f"{container}2"
    gateway.loop.run(gateway.blobs.create_container(ACCOUNT, other))
    blob = gateway.client(of_container(other, "racw")).get_blob_client(other, "stolen")
    with pytest.raises(HttpResponseError, match="does not serve copies with shared access signatures"):
        blob.start_copy_from_url(f"https://{ACCOUNT}.blob.core.windows.net/{container}/dir/%C3%A4%20b")
