"""What the gateway refuses, with Azure's own status and error code, step by step."""

from __future__ import annotations

import uuid
from xml.etree import ElementTree

import pytest
from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from tests.unit.sandbox import harness
from tests.unit.sandbox.storage.conftest import ACCOUNT, BLOBS, CONTAINERS, KEY, Gateway

KEY_CREDENTIAL = {"account_name": ACCOUNT, "account_key": KEY}
DENY_ALL = {"defaultAction": "Deny", "bypass": "None", "ipRules": [], "virtualNetworkRules": []}


@pytest.fixture
def container(gateway: Gateway) -> str:
    gateway.configure()
    name = f"c{uuid.uuid4().hex}"
    gateway.loop.run(gateway.blobs.create_container(ACCOUNT, name))
    return name


def code_of(client: BlobServiceClient, container: str) -> str | None:
    """The error code of listing a container, None when it worked."""
    try:
        list(client.get_container_client(container).list_blobs())
    except HttpResponseError as error:
        headers = error.response.headers if error.response is not None else {}
        return f"{error.status_code} {headers.get('x-ms-error-code')}"
    return None


# -- the account and its firewall --------------------------------------------------------------------------------------


def test_unknown_account_is_named(gateway: Gateway) -> None:
    with pytest.raises(HttpResponseError, match="no storage account named nosuch"):
        gateway.client(gateway.contributor(), account="nosuch").get_container_client("c").get_container_properties(
            raw_request_hook=lambda request: setattr(request.http_request, "method", "GET")
        )


def test_http_is_refused(gateway: Gateway, container: str) -> None:
    assert code_of(gateway.client(scheme="http"), container) == "400 AccountRequiresHttps"


def test_public_network_access_disabled(gateway: Gateway, container: str) -> None:
    gateway.configure(publicNetworkAccess="Disabled")
    assert code_of(gateway.client(gateway.contributor()), container) == "403 AuthorizationFailure"


def test_default_deny(gateway: Gateway, container: str) -> None:
    gateway.configure(networkAcls=DENY_ALL)
    assert code_of(gateway.client(gateway.contributor()), container) == "403 AuthorizationFailure"


@pytest.mark.parametrize("rule", ["203.0.113.10", "203.0.113.0/24"])
def test_ip_rule_lets_its_address_in_and_no_other(gateway: Gateway, container: str, rule: str) -> None:
    gateway.configure(networkAcls={**DENY_ALL, "ipRules": [{"value": rule, "action": "Allow"}]})
    assert code_of(gateway.client(gateway.contributor()), container) is None
    assert (
        code_of(gateway.client(gateway.contributor(), vantage="adf-managed"), container) == "403 AuthorizationFailure"
    )


def test_virtual_network_rule_needs_the_service_endpoint(gateway: Gateway, container: str) -> None:
    network = harness.resource("Microsoft.Network/virtualNetworks", "vnet", {})
    subnet = {"name": "s", "properties": {"serviceEndpoints": [{"service": "Microsoft.Storage"}]}}
    gateway.configure(networkAcls={**DENY_ALL, "virtualNetworkRules": [{"id": f"{network.id}/subnets/s"}]})
    client = gateway.client(gateway.contributor(), vantage="vnet")
    network.properties["subnets"] = [{**subnet, "properties": {}}]
    gateway.world.store.put(network)
    assert code_of(client, container) == "403 AuthorizationFailure"
    network.properties["subnets"] = [subnet]
    gateway.world.store.put(network)
    assert code_of(client, container) is None
    assert code_of(gateway.client(gateway.contributor()), container) == "403 AuthorizationFailure"
    gateway.world.store.delete(network.id)


def test_head_is_refused_without_a_body_but_with_the_code(gateway: Gateway, container: str) -> None:
    gateway.configure(publicNetworkAccess="Disabled")
    with pytest.raises(HttpResponseError) as refused:
        gateway.client(gateway.contributor()).get_blob_client(container, "b").get_blob_properties()
    assert refused.value.status_code == 403
    assert refused.value.error_code == "AuthorizationFailure"  # type: ignore[attr-defined]
    assert refused.value.response.headers["x-ms-request-id"]


def test_refusal_has_azures_body(gateway: Gateway, container: str) -> None:
    gateway.configure(networkAcls=DENY_ALL)
    with pytest.raises(HttpResponseError) as refused:
        list(gateway.client(gateway.contributor()).get_container_client(container).list_blobs())
    body = refused.value.response.body()  # type: ignore[union-attr]
    error = ElementTree.fromstring(body.decode("utf-8-sig"))
    assert error.findtext("Code") == "AuthorizationFailure"
    message = (error.findtext("Message") or "").splitlines()
    assert message[0] == "This request is not authorized to perform this operation."
    assert message[1].startswith("RequestId:")
    assert message[2].startswith("Time:")


# -- who asks ----------------------------------------------------------------------------------------------------------


def test_anonymous_gets_a_challenge(gateway: Gateway, container: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        list(gateway.client().get_container_client(container).list_blobs())
    assert refused.value.status_code == 401
    assert refused.value.response is not None
    assert refused.value.response.headers["www-authenticate"] == (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{harness.TENANT}/oauth2/authorize "
        "resource_id=https://storage.azure.com"
    )


def test_anonymous_of_an_old_version_is_told_about_public_access(gateway: Gateway, container: str) -> None:
    assert code_of(gateway.client(api_version="2019-07-07"), container) == "409 PublicAccessNotPermitted"


def test_anonymous_reads_only_public_containers(gateway: Gateway, container: str) -> None:
    gateway.configure(allowBlobPublicAccess=True, allowSharedKeyAccess=True)
    keyed = gateway.client(KEY_CREDENTIAL)
    keyed.get_blob_client(container, "b").upload_blob(b"open")
    assert code_of(gateway.client(), container) == "401 NoAuthenticationInformation"
    assert code_of(gateway.client(api_version="2019-07-07"), container) == "404 ResourceNotFound"
    keyed.get_container_client(container).set_container_access_policy({}, public_access="blob")
    assert gateway.client().get_blob_client(container, "b").download_blob().readall() == b"open"


def test_shared_key_switched_off(gateway: Gateway, container: str) -> None:
    assert code_of(gateway.client(KEY_CREDENTIAL), container) == "403 KeyBasedAuthenticationNotPermitted"


def test_shared_key_switched_on_and_wrong_key(gateway: Gateway, container: str) -> None:
    gateway.configure(allowSharedKeyAccess=True)
    client = gateway.client(KEY_CREDENTIAL)
    client.get_blob_client(container, "ä b").upload_blob(b"1", metadata={"b_1": "x", "b2": "y"})
    assert [blob.name for blob in client.get_container_client(container).list_blobs()] == ["ä b"]
    wrong = {"account_name": ACCOUNT, "account_key": "d3Jvbmc="}
    assert code_of(gateway.client(wrong), container) == "403 AuthenticationFailed"


def test_shared_access_signature_switched_off(gateway: Gateway, container: str) -> None:
    signature = generate_container_sas(
        ACCOUNT, container, account_key=KEY, permission=ContainerSasPermissions(list=True), expiry="2999-01-01"
    )
    assert code_of(gateway.client(signature), container) == "403 KeyBasedAuthenticationNotPermitted"


def test_token_for_another_audience(gateway: Gateway, container: str) -> None:
    gateway.contributor()
    token = gateway.tokens.issue("contributor", "https://management.azure.com")
    assert code_of(gateway.client(harness.FixedToken(token)), container) == "401 InvalidAuthenticationInfo"


def test_token_for_the_account_itself(gateway: Gateway, container: str) -> None:
    gateway.contributor()
    token = gateway.tokens.issue("contributor", f"https://{ACCOUNT}.blob.core.windows.net")
    assert code_of(gateway.client(harness.FixedToken(token)), container) is None


def test_token_of_another_tenant(gateway: Gateway, container: str) -> None:
    token = gateway.tokens.issue("guest", "https://storage.azure.com", str(uuid.uuid4()))
    assert code_of(gateway.client(harness.FixedToken(token)), container) == "401 InvalidAuthenticationInfo"


def test_forged_token(gateway: Gateway, container: str) -> None:
    assert code_of(gateway.client(harness.FixedToken("x.y.z")), container) == "401 InvalidAuthenticationInfo"


# -- what they may do --------------------------------------------------------------------------------------------------


def test_no_role(gateway: Gateway, container: str) -> None:
    client = gateway.client(gateway.principal("nobody"))
    assert code_of(client, container) == "403 AuthorizationPermissionMismatch"


def test_reader_reads_but_does_not_write(gateway: Gateway, container: str) -> None:
    gateway.client(gateway.contributor()).get_blob_client(container, "b").upload_blob(b"1")
    reader = gateway.client(gateway.principal("reader", (f"{BLOBS}/read",), (f"{CONTAINERS}/read",)))
    assert reader.get_blob_client(container, "b").download_blob().readall() == b"1"
    for refused in (
        lambda: reader.get_blob_client(container, "b").upload_blob(b"2", overwrite=True),
        lambda: reader.get_blob_client(container, "new").upload_blob(b"2"),
        lambda: reader.get_blob_client(container, "b").delete_blob(),
        lambda: reader.get_blob_client(container, "b").acquire_lease(),
        lambda: reader.get_blob_client(container, "b").set_blob_metadata({"a": "b"}),
        lambda: reader.create_container("another"),
        lambda: reader.delete_container(container),
    ):
        with pytest.raises(HttpResponseError) as error:
            refused()
        assert error.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]


def test_owner_of_the_account_has_no_data_role(gateway: Gateway, container: str) -> None:
    owner = gateway.client(
        gateway.principal("owner", (), tuple(f"{CONTAINERS}/{n}" for n in ("read", "write", "delete")))
    )
    owner.create_container(f"{container}2")
    assert code_of(owner, container) == "403 AuthorizationPermissionMismatch"


def test_add_action_creates_but_does_not_replace(gateway: Gateway, container: str) -> None:
    adder = gateway.client(gateway.principal("adder", (f"{BLOBS}/add/action",)))
    blob = adder.get_blob_client(container, "b")
    blob.upload_blob(b"1")
    with pytest.raises(HttpResponseError) as error:
        blob.upload_blob(b"2", overwrite=True)
    assert error.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]


def test_role_on_one_container(gateway: Gateway, container: str) -> None:
    credential = gateway.principal("scoped")
    scope = f"{gateway.configure()}/blobServices/default/containers/{container}"
    gateway.grants.data_actions.add(("scoped", scope, f"{BLOBS}/read"))
    assert code_of(gateway.client(credential), container) is None
    assert code_of(gateway.client(credential), f"{container}2") == "403 AuthorizationPermissionMismatch"


def test_batch_is_refused_by_name(gateway: Gateway, container: str) -> None:
    with pytest.raises(HttpResponseError, match="does not serve Blob Batch"):
        gateway.client(gateway.contributor()).get_container_client(container).delete_blobs("a", "b")


def test_copy_from_another_account_is_refused_by_name(gateway: Gateway, container: str) -> None:
    blob = gateway.client(gateway.contributor()).get_blob_client(container, "b")
    with pytest.raises(HttpResponseError, match="copy from another account or host"):
        blob.start_copy_from_url("https://other.blob.core.windows.net/c/b")


def test_copy_source_must_be_readable(gateway: Gateway, container: str) -> None:
    gateway.client(gateway.contributor()).get_blob_client(container, "secret").upload_blob(b"1")
    blob = gateway.client(gateway.principal("writer", (f"{BLOBS}/write",))).get_blob_client(container, "copy")
    with pytest.raises(HttpResponseError) as error:
        blob.start_copy_from_url(f"https://{ACCOUNT}.blob.core.windows.net/{container}/secret")
    assert error.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path", ["//{open}/b", "/%2F{open}/b", "/../{open}/b", "/{open}%2F..%2F..%2F{closed}/b", "/{open}/../{closed}/b"]
)
def test_a_crafted_path_never_reaches_another_container(gateway: Gateway, container: str, path: str) -> None:
    gateway.client(gateway.contributor()).get_blob_client(container, "b").upload_blob(b"secret")
    credential = gateway.principal("narrow")
    opened = f"{container}2"
    gateway.loop.run(gateway.blobs.create_container(ACCOUNT, opened))
    scope = f"{gateway.configure()}/blobServices/default/containers/{opened}"
    gateway.grants.data_actions.add(("narrow", scope, f"{BLOBS}/read"))
    url = f"https://{ACCOUNT}.blob.core.windows.net{path.format(open=opened, closed=container)}"
    headers = {"Authorization": f"Bearer {credential.get_token().token}", "x-ms-version": "2021-12-02"}
    with PipelineClient(url, transport=gateway.transport("internet"), policies=[]) as client:
        response = client.send_request(HttpRequest("GET", url, headers=headers))
    assert response.status_code in (400, 403, 404)
    assert b"secret" not in response.content


def test_a_parameter_given_twice_is_refused(gateway: Gateway, container: str) -> None:
    credential = gateway.contributor()
    url = f"https://{ACCOUNT}.blob.core.windows.net/{container}?restype=container&comp=list&COMP=acl"
    headers = {"Authorization": f"Bearer {credential.get_token().token}", "x-ms-version": "2021-12-02"}
    with PipelineClient(url, transport=gateway.transport("internet"), policies=[]) as client:
        response = client.send_request(HttpRequest("GET", url, headers=headers))
    assert (response.status_code, response.headers["x-ms-error-code"]) == (400, "InvalidQueryParameterValue")
