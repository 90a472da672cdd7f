"""Why Azure said no: one ordered table from error codes to cause, hint and how long waiting can help.

The codes are the services' own: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes,
https://learn.microsoft.com/rest/api/storageservices/sas-error-codes,
https://learn.microsoft.com/azure/key-vault/general/rest-error-codes,
https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors and
https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from toolkit.azure.codes import DNS_SECONDS, ENTRA_SECONDS, FIREWALL_SECONDS, OUTAGE_SECONDS, ROLE_SECONDS

DenialKind = Literal[
    "storage-firewall",
    "private-dns",
    "storage-role",
    "shared-key",
    "anonymous",
    "plain-http",
    "vault-firewall",
    "vault-connection",
    "vault-role",
    "arm-role",
    "token",
    "federation",
    "sign-in",
    "throttled",
    "not-found",
    "name-resolution",
    "proxy-refused",
    "unreachable",
    "unavailable",
    "other",
]


@dataclass(frozen=True, slots=True)
class Cause:
    """One row: which error codes (or phrases of the message, for errors without a code) mean ``kind``."""

    kind: DenialKind
    codes: Collection[str]
    phrases: tuple[str, ...]
    cause: str
    hint: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class Denial:
    """A classified refusal. ``retry_seconds`` says how long it can go away by itself; 0 when it never does."""

    kind: DenialKind
    status: int | None
    code: str | None
    request_id: str | None
    cause: str
    hint: str
    retry_seconds: float

    @property
    def evidence(self) -> dict[str, str | int | None]:
        """What a report keeps: no message text, which could carry addresses of people."""
        return {"denial": self.kind, "status": self.status, "code": self.code, "request_id": self.request_id}


# The first row that knows one of the error's codes wins; then the first whose phrase is in the message.
CAUSES: tuple[Cause, ...] = (
    Cause(
        "storage-firewall",
        {"AuthorizationFailure"},
        (),
        "the storage account's network rules refuse this address",
        "act from inside the network, or allow the address in ipRules while publicNetworkAccess is Enabled",
        FIREWALL_SECONDS,
    ),
    Cause(
        "storage-role",
        {"AuthorizationPermissionMismatch"},
        (),
        "the identity has no data role that allows this (or it has not arrived yet)",
        "assign Storage Blob Data Reader or Contributor on the container; Owner and Contributor carry no data access",
        ROLE_SECONDS,
    ),
    Cause(
        "shared-key",
        {"KeyBasedAuthenticationNotPermitted"},
        (),
        "the storage account refuses shared keys, and SAS made from them",
        "sign in with Microsoft Entra (a credential of azure-identity), not with an account key or its SAS",
        0,
    ),
    Cause(
        "anonymous",
        {"NoAuthenticationInformation", "PublicAccessNotPermitted"},
        (),
        "the request was anonymous, and this account has no anonymous access",
        "send a Microsoft Entra token",
        0,
    ),
    Cause(
        "plain-http",
        {"AccountRequiresHttps"},
        (),
        "the storage account answers https only",
        "use the https:// address",
        0,
    ),
    Cause(
        "vault-firewall",
        {"ForbiddenByFirewall"},
        (),
        "the key vault's network rules refuse this address",
        "act from inside the network, or allow the address in networkAcls.ipRules",
        FIREWALL_SECONDS,
    ),
    Cause(
        "vault-connection",
        {"ForbiddenByConnection"},
        (),
        "the key vault has public network access disabled, and the request did not arrive through a private endpoint",
        "act from inside the network; inside, check that the vault's name resolves to the private endpoint",
        FIREWALL_SECONDS,
    ),
    Cause(
        "vault-role",
        {"ForbiddenByRbac", "ForbiddenByPolicy"},
        (),
        "the identity has no role on the key vault's data plane that allows this (or it has not arrived yet)",
        "assign Key Vault Secrets User (values) or Key Vault Reader (metadata) on the vault",
        ROLE_SECONDS,
    ),
    Cause(
        "arm-role",
        {"AuthorizationFailed", "LinkedAuthorizationFailed"},
        (),
        "the identity has no role at this scope on the control plane (or it has not arrived yet)",
        "assign a role that holds the action named in the message; toolkit bootstrap makes the CI identity's",
        ROLE_SECONDS,
    ),
    Cause(
        "token",
        {
            "InvalidAuthenticationInfo",
            "AuthenticationFailed",
            "ExpiredAuthenticationToken",
            "InvalidAuthenticationToken",
            "InvalidAuthenticationTokenTenant",
            "AuthenticationFailedInvalidHeader",
            "Unauthorized",
        },
        (),
        "the token was expired, malformed, or meant for another tenant or service",
        "sign in again; check the machine's clock and the tenant in env.toml",
        0,
    ),
    Cause(
        "throttled",
        {"TooManyRequests", "ServerBusy", "SubscriptionRequestsThrottled"},
        (),
        "the service is throttling",
        "run fewer operations at once",
        OUTAGE_SECONDS,
    ),
    Cause(
        "not-found",
        {
            "ResourceNotFound",
            "ContainerNotFound",
            "BlobNotFound",
            "FilesystemNotFound",
            "SecretNotFound",
            "ResourceGroupNotFound",
            "ParentResourceNotFound",
            "ContainerBeingDeleted",
        },
        (),
        "the resource does not exist",
        "toolkit plan shows whether something of the platform is missing",
        0,
    ),
    Cause(
        "federation",
        (),
        ("AADSTS700016", "AADSTS70021", "AADSTS700213", "AADSTS700211", "AADSTS700212"),
        "Entra does not know the identity, or it does not trust this token's issuer, subject and audience (yet)",
        "compare the federated credential with the subject of the job's OIDC token (github_repository in env.toml)",
        ENTRA_SECONDS,
    ),
    Cause(
        "name-resolution",
        (),
        ("Failed to resolve", "Name or service not known", "getaddrinfo failed", "nodename nor servname"),
        "the host name does not resolve from here",
        "check the private DNS zone, its record and its link to this network",
        DNS_SECONDS,
    ),
    Cause(
        "proxy-refused",
        (),
        ("Tunnel connection failed", "ProxyError"),
        "the proxy refuses the host name, or cannot reach it",
        "in the sandbox: toolkit sandbox logs says why (mostly private DNS); on Azure: allow the host in your proxy",
        DNS_SECONDS,
    ),
)  # fmt: skip

NETWORK_KINDS: tuple[DenialKind, ...] = ("storage-firewall", "vault-firewall", "vault-connection")
# What a fault of private DNS can look like.
MAY_BE_DNS: tuple[DenialKind, ...] = (*NETWORK_KINDS, "unavailable", "unreachable", "proxy-refused")

_BY_KIND: dict[DenialKind, Cause] = {row.kind: row for row in CAUSES}

# Errors that no row knows, by what kind of exception they are.
_SIGN_IN = Cause("sign-in", (), (), "no token could be had", "sign in again; toolkit doctor shows the credential", 0)
_UNREACHABLE = Cause(
    "unreachable", (), (), "nobody answered, or the connection broke", "check the network path and the proxy", 60.0
)
_UNAVAILABLE = Cause("unavailable", (), (), "the service failed", "try again; see Azure's status page", OUTAGE_SECONDS)
_OTHER = Cause("other", (), (), "the service refused the request", "the code and the message say why", 0)
_PRIVATE_DNS = Cause(
    "private-dns",
    (),
    (),
    "the name resolves to a public address from inside the network, so the private endpoint is not used",
    "link the private DNS zone to this network and check its A record",
    DNS_SECONDS,
)


def classify(error: BaseException, addresses: Sequence[str] | None = None) -> Denial:
    """Why ``error``, an exception of an Azure SDK, happened.

    ``addresses`` are what the host name resolves to, given by a caller who should be using a private endpoint: a
    network refusal while one of them is public is then a DNS fault ("private-dns"), and so is a proxy's 502 when there
    are none ("name-resolution"). An exception that is none of azure-core's is "other": only its caller knows whether
    that is a bug.
    """
    response: Any = error.response if isinstance(error, HttpResponseError) else None  # typed without headers
    status = getattr(response, "status_code", None)
    codes = _codes(error)
    row = _row(error, status, codes)
    if addresses is not None and not addresses and row.kind in MAY_BE_DNS:
        row = _BY_KIND["name-resolution"]
    elif addresses and row.kind in NETWORK_KINDS and not all(is_private(address) for address in addresses):
        row = replace(_PRIVATE_DNS, cause=f"{_PRIVATE_DNS.cause} ({', '.join(addresses)})")
    return Denial(
        kind=row.kind,
        status=status,
        code=next((code for code in codes if code in row.codes), codes[0] if codes else None),
        request_id=response.headers.get("x-ms-request-id") if response is not None else None,
        cause=row.cause,
        hint=row.hint,
        retry_seconds=row.retry_seconds,
    )


# ipaddress' is_private counts documentation and other special ranges in; a private endpoint's address is one of these.
# https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq (address ranges)
_PRIVATE_RANGES = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def is_private(address: str) -> bool:
    """Whether an address belongs to a range that virtual networks are made of (RFC 1918, RFC 6598, RFC 4193)."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _PRIVATE_RANGES if network.version == parsed.version)


def _row(error: BaseException, status: int | None, codes: list[str]) -> Cause:
    for row in CAUSES:
        if any(code in row.codes for code in codes):
            return row
    text = str(error)
    for row in CAUSES:
        if any(phrase in text for phrase in row.phrases):
            return row
    # 401 with an unknown code first: azure-core makes ClientAuthenticationError of every 401 that a service sends.
    if status == 401:
        return _BY_KIND["token"]
    if isinstance(error, ClientAuthenticationError):
        return _SIGN_IN
    if status == 404:
        return _BY_KIND["not-found"]
    if status == 429:
        return _BY_KIND["throttled"]
    if status is not None and status >= 500:
        return _UNAVAILABLE
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return _UNREACHABLE
    return _OTHER


def _codes(error: BaseException) -> list[str]:
    """Every code that the error carries, the most telling first: innermost (Key Vault), header, body."""
    if not isinstance(error, HttpResponseError):
        return []
    codes: list[str] = []
    body = error.error
    inner = body.innererror if body is not None else None
    while isinstance(inner, dict):
        codes.insert(0, str(inner.get("code", "")))
        inner = inner.get("innererror")
    response: Any = error.response
    if response is not None and (header := response.headers.get("x-ms-error-code")):
        codes.append(header)
    if (storage := getattr(error, "error_code", None)) is not None:  # set by azure-storage-blob
        codes.append(str(getattr(storage, "value", storage)))
    if body is not None and body.code:
        codes.append(str(body.code))
    return [code for code in codes if code]
