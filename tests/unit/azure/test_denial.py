"""Classification of the real exceptions of real SDK clients, against the error bodies that Azure documents."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity import ClientAssertionCredential, ClientSecretCredential, CredentialUnavailableError

from tests.unit.azure.web import Answer, json_error, serve, storage_error
from toolkit.azure.clients import Actor
from toolkit.azure.codes import CODES, DNS_SECONDS, FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.azure.denial import NETWORK, Denial, classify, is_private
from toolkit.azure.pipeline import RestClient
from toolkit.environment import Vantage

HERE = Vantage("here", {})
KEY = AzureNamedKeyCredential("account", base64.b64encode(b"k" * 64).decode())


def blob_denial(answer: Answer, method: str = "list", addresses: list[str] | None = None) -> Denial:
    actor = Actor("anonymous", HERE, None, "s")
    with serve(answer) as web, actor.blobs(f"{web.url}/account", key=KEY) as client:
        container = client.get_container_client("smoke")
        calls: dict[str, Callable[[], object]] = {
            "head": container.get_blob_client("b").get_blob_properties,
            "list": lambda: list(container.list_blobs()),
        }
        with pytest.raises(HttpResponseError) as caught:
            calls[method]()
        return classify(caught.value, addresses)


def get_denial(answer: Answer) -> Denial:
    with serve(answer) as web, RestClient(web.url, HERE) as client, pytest.raises(HttpResponseError) as caught:
        client.get("/things", {"api-version": "1"})
    return classify(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "kind", "seconds"),
    [
        (403, "AuthorizationFailure", "storage-firewall", FIREWALL_SECONDS),
        (403, "AuthorizationPermissionMismatch", "storage-role", ROLE_SECONDS),
        (403, "KeyBasedAuthenticationNotPermitted", "shared-key", 0),
        (401, "NoAuthenticationInformation", "anonymous", 0),
        (409, "PublicAccessNotPermitted", "anonymous", 0),
        (400, "AccountRequiresHttps", "plain-http", 0),
        (401, "InvalidAuthenticationInfo", "token", 0),
        (403, "AuthenticationFailed", "token", 0),
        (404, "ContainerNotFound", "not-found", 0),
        (409, "SomethingNew", "other", 0),
    ],
)
@pytest.mark.parametrize("method", ["list", "head"])
def test_storage(status: int, code: str, kind: str, seconds: float, method: str) -> None:
    denial = blob_denial(storage_error(status, code, "A message."), method)
    assert (denial.kind, denial.status, denial.code, denial.request_id) == (kind, status, code, "r-1")
    assert denial.retry_seconds == seconds


def test_firewall_denial_while_the_name_is_public_is_a_dns_fault() -> None:
    answer = storage_error(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
    wrong = blob_denial(answer, addresses=["20.60.1.2"])
    assert (wrong.kind, wrong.retry_seconds) == ("private-dns", DNS_SECONDS)
    assert "20.60.1.2" in wrong.cause
    assert blob_denial(answer, addresses=["10.0.1.4"]).kind == "storage-firewall"
    role = storage_error(403, "AuthorizationPermissionMismatch", "This request is not authorized …")
    assert blob_denial(role, addresses=["20.60.1.2"]).kind == "storage-role"


def test_a_gateway_that_gives_up_on_a_name_without_addresses_is_a_dns_fault() -> None:
    answer = Answer(502, "<html>Bad Gateway</html>", {"Content-Type": "text/html"})
    assert blob_denial(answer, addresses=[]).kind == "name-resolution"
    assert blob_denial(answer, addresses=["10.0.1.4"]).kind == "unavailable"


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        ("ForbiddenByFirewall", "vault-firewall"),
        ("ForbiddenByConnection", "vault-connection"),
        ("ForbiddenByRbac", "vault-role"),
    ],
)
def test_vault_is_told_apart_by_its_inner_error(inner: str, kind: str) -> None:
    denial = get_denial(json_error(403, "Forbidden", "No.", inner))
    assert (denial.kind, denial.code, denial.request_id) == (kind, inner, "r-2")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AuthorizationFailed", "arm-role"),
        (403, "LinkedAuthorizationFailed", "arm-role"),
        (401, "ExpiredAuthenticationToken", "token"),
        (404, "ResourceGroupNotFound", "not-found"),
        (403, "RequestDisallowedByPolicy", "other"),
    ],
)
def test_control_plane(status: int, code: str, kind: str) -> None:
    denial = get_denial(json_error(status, code, "No."))
    assert (denial.kind, denial.code) == (kind, code)


def test_outage_and_throttling_can_pass() -> None:
    for status, kind in ((503, "unavailable"), (429, "throttled")):
        answer = Answer(status, "busy", {"Retry-After": "0"})
        denial = get_denial(answer)
        assert denial.kind == kind
        assert denial.retry_seconds > 0


def test_nobody_answers() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and never listening: connections are refused
        port = reserved.getsockname()[1]
        with RestClient(f"http://127.0.0.1:{port}", HERE) as client, pytest.raises(AzureError) as caught:
            client.get("/")
    assert classify(caught.value).kind == "unreachable"


def test_name_that_does_not_resolve() -> None:
    with RestClient("http://no-such-host.invalid", HERE) as client, pytest.raises(AzureError) as caught:
        client.get("/")
    assert classify(caught.value).kind == "name-resolution"


def test_proxy_that_refuses_the_host() -> None:
    with serve(Answer(403, "host is not served")) as web:
        place = Vantage("behind a proxy", {"HTTPS_PROXY": web.url})
        with RestClient("https://example.invalid", place) as client, pytest.raises(AzureError) as caught:
            client.get("/")
    assert web.requests[0][:2] == ("CONNECT", "example.invalid:443")
    assert classify(caught.value).kind == "proxy-refused"


def test_no_credential_at_all() -> None:
    denial = classify(CredentialUnavailableError("Please run 'az login'."))
    assert (denial.kind, denial.retry_seconds) == ("sign-in", 0)


def test_federation_that_has_not_arrived_is_waited_for() -> None:
    body = {
        "error": "invalid_client",
        "error_description": "AADSTS700213: No matching federated identity record found for presented assertion "
        "subject 'repo:o/r:environment:x'.",
    }
    with serve(Answer(401, body, {"Content-Type": "application/json"})) as web:
        credential = ClientAssertionCredential("t" * 8, "client", func=lambda: "assertion", transport=to_local(web.url))
        with pytest.raises(AzureError) as caught:
            credential.get_token("https://storage.azure.com/.default")
    assert classify(caught.value).kind == "federation"
    assert classify(caught.value).retry_seconds > 0


def test_secret_that_entra_refuses_is_final() -> None:
    body = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    with serve(Answer(401, body, {"Content-Type": "application/json"})) as web:
        credential = ClientSecretCredential(
            "t" * 8, "client", "wrong", transport=to_local(web.url), disable_instance_discovery=True
        )
        with pytest.raises(AzureError) as caught:
            credential.get_token("https://storage.azure.com/.default")
    assert classify(caught.value).retry_seconds == 0


def test_other_exceptions_are_not_explained_away() -> None:
    denial = classify(KeyError("value"))
    assert (denial.kind, denial.status, denial.code, denial.retry_seconds) == ("other", None, None, 0)


def test_each_code_of_the_table_is_what_its_row_says() -> None:
    rows = [row for row in CODES if not (row.by_text or row.state or row.when or row.code.isdigit())]
    assert len(rows) > 80
    answers = [json_error(409, row.code, "No.") for row in rows]
    with serve(*answers) as web, RestClient(web.url, HERE) as client:
        for row in rows:
            with pytest.raises(HttpResponseError) as caught:
                client.get("/things", {"api-version": "1"})
            denial = classify(caught.value)
            assert (denial.code, denial.kind, denial.cause) == (row.code, row.kind, row.meaning)
            assert denial.retry_seconds == row.seconds
            assert denial.hint
            assert "{" not in denial.hint


def test_no_word_of_the_network_is_claimed_by_a_code() -> None:
    for row in NETWORK:
        for words in (row.when or "").split("|"):
            assert not [other for other in (*CODES, *NETWORK) if other is not row and other.when and other.fits(words)]


def test_a_subnet_that_may_not_be_joined_is_not_waited_for() -> None:
    words = "permission to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action'"
    denial = get_denial(json_error(403, "LinkedAuthorizationFailed", words))
    assert (denial.kind, denial.retry_seconds) == ("arm-role", 0)


@pytest.mark.parametrize(
    ("address", "private"),
    [("10.1.2.3", True), ("172.31.0.1", True), ("192.168.0.1", True), ("203.0.113.10", False), ("20.60.1.2", False)],
)
def test_documentation_ranges_are_not_private(address: str, private: bool) -> None:
    assert is_private(address) is private


def to_local(url: str) -> Any:
    """A transport that takes requests for Entra to a local server: the real one cannot be asked to fail."""
    from azure.core.pipeline.transport import RequestsTransport

    transport: Any = RequestsTransport()
    send = transport.send

    def redirected(request: Any, **options: Any) -> Any:
        request.url = url
        return send(request, **options)

    transport.send = redirected
    return transport
