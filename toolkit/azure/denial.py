"""Why Azure said no, told from an exception of an Azure SDK by the table of :mod:`toolkit.azure.codes`."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from toolkit.azure import codes
from toolkit.azure.codes import DNS_SECONDS, DenialKind, ErrorCode


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


NETWORK_KINDS: tuple[DenialKind, ...] = ("storage-firewall", "vault-firewall", "vault-connection", "service-firewall")
# What a fault of private DNS can look like.
MAY_BE_DNS: tuple[DenialKind, ...] = (*NETWORK_KINDS, "unavailable", "unreachable", "proxy-refused")

# What no service says with a code: rows by the words of the network's errors, then by what kind of exception it is.
_NAME_RESOLUTION = ErrorCode(
    "NameResolution",
    "the host name does not resolve from here",
    "check the private DNS zone, its record and its link to this network",
    "inferred",
    DNS_SECONDS,
    when=r"Failed to resolve|Name or service not known|getaddrinfo failed|nodename nor servname",
    kind="name-resolution",
    by_text=True,
)
_PROXY_REFUSED = ErrorCode(
    "ProxyRefused",
    "the proxy refuses the host name, or cannot reach it",
    "in the sandbox: toolkit sandbox logs says why (mostly private DNS); on Azure: allow the host in your proxy",
    "inferred",
    DNS_SECONDS,
    when=r"Tunnel connection failed|ProxyError",
    kind="proxy-refused",
    by_text=True,
)
NETWORK: tuple[ErrorCode, ...] = (_NAME_RESOLUTION, _PROXY_REFUSED)

_SIGN_IN = ErrorCode(
    "", "no token could be had", "sign in again; toolkit doctor shows the credential", "inferred", kind="sign-in"
)
_UNREACHABLE = ErrorCode(
    "",
    "nobody answered, or the connection broke",
    "check the network path and the proxy",
    "inferred",
    60.0,
    kind="unreachable",
)
_OTHER = ErrorCode("", "the service refused the request", "the code and the message say why", "inferred")
_PRIVATE_DNS = ErrorCode(
    "",
    "the name resolves to a public address from inside the network, so the private endpoint is not used",
    "link the private DNS zone to this network and check its A record",
    "inferred",
    DNS_SECONDS,
    kind="private-dns",
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
    stated = _codes(error)
    row = _row(error, status, stated)
    if addresses is not None and not addresses and row.kind in MAY_BE_DNS:
        row = _NAME_RESOLUTION
    elif addresses and row.kind in NETWORK_KINDS and not all(is_private(address) for address in addresses):
        row = replace(_PRIVATE_DNS, meaning=f"{_PRIVATE_DNS.meaning} ({', '.join(addresses)})")
    return Denial(
        kind=row.kind,
        status=status,
        code=next((code for code in stated if code == row.code), stated[0] if stated else None),
        request_id=response.headers.get("x-ms-request-id") if response is not None else None,
        cause=row.meaning,
        hint=_hint(row),
        retry_seconds=row.seconds,
    )


def _hint(row: ErrorCode) -> str:
    """A check's report is about one environment: its hints do without the name."""
    hint, otherwise = (text.replace("envs/{env}/", "").replace(" {env}", "") for text in (row.hint, row.otherwise))
    return codes.filled(replace(row, hint=hint, otherwise=otherwise), {})


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


def _row(error: BaseException, status: int | None, stated: list[str]) -> ErrorCode:
    text = str(error)
    response: Any = error.response if isinstance(error, HttpResponseError) else None
    for code in stated:
        # azure-core's words leave out what Batch says among the values of its body.
        if row := codes.of_code(code, f"{text}\n{_body(response)}"):
            return row
    for row in NETWORK:
        if row.fits(text):
            return row
    if isinstance(error, AzureError) and (row := codes.by_text(text)):
        return row
    # 401 with an unknown code first: azure-core makes ClientAuthenticationError of every 401 that a service sends.
    if status != 401 and isinstance(error, ClientAuthenticationError):
        return _SIGN_IN
    if status is not None and (row := codes.of_code(str(status)) or (codes.of_code("500") if status > 500 else None)):
        return row
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return _UNREACHABLE
    return _OTHER


def _codes(error: BaseException) -> list[str]:
    """Every code that the error carries, the most telling first: innermost (Key Vault), header, body."""
    if not isinstance(error, HttpResponseError):
        return []
    found: list[str] = []
    body = error.error
    inner = body.innererror if body is not None else None
    while isinstance(inner, dict):
        found.insert(0, str(inner.get("code", "")))
        inner = inner.get("innererror")
    response: Any = error.response
    if response is not None and (header := response.headers.get("x-ms-error-code")):
        found.append(header)
    if (storage := getattr(error, "error_code", None)) is not None:  # set by azure-storage-blob
        found.append(str(getattr(storage, "value", storage)))
    if body is not None and body.code:
        found.append(str(body.code))
    if response is not None and not any(found):
        found.append(_code_elsewhere(response))
    return [code for code in found if code]


def _code_elsewhere(response: Any) -> str:
    """Of services that have neither the header nor the body of the others.

    Tables (JSON of OData 3): https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes.
    Registries: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes.
    MLflow: https://github.com/mlflow/mlflow/blob/master/mlflow/exceptions.py.
    App Service's front ends, with a header alone: https://github.com/Azure/static-web-apps/issues/1666.
    """
    if "x-ms-forbidden-ip" in response.headers:
        return "IpForbidden"
    try:
        body = json.loads(_body(response))
    except ValueError:
        return ""
    match body:
        case {"odata.error": {"code": str(code)}} | {"errors": [{"code": str(code)}, *_]} | {"error_code": str(code)}:
            return code
    return ""


def _body(response: Any) -> str:
    """The text of an answer; "" where there is none, or it was streamed away."""
    try:
        return str(response.text())
    except (AttributeError, AzureError, UnicodeError, ValueError):
        return ""
