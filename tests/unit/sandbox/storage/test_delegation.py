"""User delegation keys and the signatures that Microsoft's SDK makes with them; the account's own keys are off."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient, ContainerSasPermissions, UserDelegationKey, generate_container_sas

from tests.unit.sandbox.harness import FixedToken
from tests.unit.sandbox.storage.conftest import ACCOUNT, BLOBS, Gateway
from toolkit.sandbox.model import Principal
from toolkit.sandbox.storage.sas import container_signature

DELEGATE = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def container(gateway: Gateway) -> Iterator[str]:
    name = f"c{uuid.uuid4().hex}"
    gateway.configure()
    gateway.client(gateway.contributor()).create_container(name).upload_blob("blob", b"content")
    yield name
    gateway.configure()


def reader(gateway: Gateway) -> FixedToken:
    return gateway.principal("reader", (f"{BLOBS}/read",), (DELEGATE,))


def key_of(gateway: Gateway, who: FixedToken, start: datetime = NOW, expiry: datetime = SOON) -> UserDelegationKey:
    return gateway.client(who).get_user_delegation_key(key_start_time=start, key_expiry_time=expiry)


def signature(key: UserDelegationKey, container: str, letters: str, **options: Any) -> str:
    permission = ContainerSasPermissions.from_string(letters)
    return generate_container_sas(
        ACCOUNT, container, user_delegation_key=key, permission=permission, **{"expiry": SOON, **options}
    )


def opened(gateway: Gateway, container: str, query: str) -> ContainerClient:
    return gateway.client(query).get_container_client(container)


def refusal(gateway: Gateway, container: str, query: str) -> str | None:
    try:
        assert opened(gateway, container, query).download_blob("blob").readall() == b"content"
    except HttpResponseError as error:
        return str(error.response.headers["x-ms-error-code"])  # type: ignore[union-attr]
    return None


def test_a_signature_opens_what_its_delegator_may_do(gateway: Gateway, container: str) -> None:
    key = key_of(gateway, reader(gateway))
    assert refusal(gateway, container, signature(key, container, "rl")) is None
    assert [blob.name for blob in opened(gateway, container, signature(key, container, "rl")).list_blobs()] == ["blob"]


def test_it_opens_no_more_than_its_delegator_may_do(gateway: Gateway, container: str) -> None:
    """The letters allow writing, the reader's role does not."""
    query = signature(key_of(gateway, reader(gateway)), container, "rcw")
    with pytest.raises(HttpResponseError) as refused:
        opened(gateway, container, query).upload_blob("new", b"1")
    assert refused.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]


def test_it_is_worth_nothing_once_the_role_is_gone(gateway: Gateway, container: str) -> None:
    query = signature(key_of(gateway, reader(gateway)), container, "r")
    assert refusal(gateway, container, query) is None
    held = {grant for grant in gateway.grants.data_actions if grant[0] == "reader"}
    gateway.grants.data_actions -= held
    try:
        assert refusal(gateway, container, query) == "AuthorizationPermissionMismatch"
    finally:
        gateway.grants.data_actions |= held


@pytest.mark.parametrize(
    "change",
    [
        ("sp=r", "sp=rw"),
        ("skoid=reader", "skoid=somebody"),
        ("sks=b", "sks=q"),
        ("sr=c", "sr=b"),
    ],
)
def test_a_changed_signature_is_refused(gateway: Gateway, container: str, change: tuple[str, str]) -> None:
    query = signature(key_of(gateway, reader(gateway)), container, "r")
    assert refusal(gateway, container, query.replace(*change)) == "AuthenticationFailed"


def test_another_container_and_an_expired_signature(gateway: Gateway, container: str) -> None:
    key = key_of(gateway, reader(gateway))
    assert refusal(gateway, container, signature(key, "another", "r")) == "AuthenticationFailed"
    past = NOW - timedelta(minutes=1)
    assert refusal(gateway, container, signature(key, container, "r", expiry=past)) == "AuthenticationFailed"


def test_what_a_service_hands_out_works_as_its_delegator_and_with_a_key(gateway: Gateway, container: str) -> None:
    gateway.contributor()
    account = gateway.world.store.get(gateway.configure())
    assert account is not None
    principal = Principal("contributor", "t", "ServicePrincipal")
    query = gateway.blobs.container_access(account, container, "rcwl", principal)
    opened(gateway, container, query).upload_blob("new", b"1")
    keyed = gateway.blobs.container_access(account, container, "rl", None)
    assert refusal(gateway, container, keyed) == "KeyBasedAuthenticationNotPermitted"
    gateway.configure(allowSharedKeyAccess=True)
    assert refusal(gateway, container, keyed) is None
    assert "sig=" in container_signature(ACCOUNT, "d3Jvbmc=", container, "r")


def test_who_may_not_delegate_gets_no_key(gateway: Gateway, container: str) -> None:
    nobody = gateway.principal("nobody")
    with pytest.raises(HttpResponseError) as refused:
        key_of(gateway, nobody)
    assert refused.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]


def test_a_key_lives_for_seven_days_at_most(gateway: Gateway, container: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        key_of(gateway, reader(gateway), expiry=NOW + timedelta(days=8))
    assert refused.value.status_code == 400
