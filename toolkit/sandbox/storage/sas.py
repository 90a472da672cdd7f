"""Shared access signatures of the Blob service: made with an account key, or with a user delegation key.

https://learn.microsoft.com/rest/api/storageservices/create-account-sas, …/create-service-sas,
…/create-user-delegation-sas and …/sas-error-codes.
Versions from 2020-12-06 on, whose strings to sign carry the encryption scope; stored access policies (``si``) and
directory signatures are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode

from toolkit.sandbox.model import Principal
from toolkit.sandbox.storage import delegation
from toolkit.sandbox.storage.errors import StorageError, not_served
from toolkit.sandbox.storage.operations import Operation, RequestPath, permission_mismatch
from toolkit.sandbox.storage.signing import matches, sign

_SINCE: Final = "2020-12-06"
_ACCOUNT_FIELDS: Final = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
_RESPONSE_FIELDS: Final = ("rscc", "rscd", "rsce", "rscl", "rsct")
_DELEGATED: Final = ("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "skdutid", "sduoid")
_NOT_SERVED: Final = ("saoid", "suoid", "sduoid", "srh", "srq")
PARAMETERS: Final = frozenset((*_ACCOUNT_FIELDS, *_RESPONSE_FIELDS, *_DELEGATED, "si", "sr", "sig"))

# What each operation needs of "sp": any one of these letters. "c" and "a" only create and only append.
_LETTERS: Final[Mapping[str, str]] = {
    "List Containers": "l",
    "List Blobs": "l",
    "Create Container": "cw",
    "Delete Container": "d",
    "Put Blob": "cw",
    "Snapshot Blob": "cw",
    "Append Block": "aw",
    "Delete Blob": "d",
    "Delete Blob Version": "x",
    "Delete Blob permanently": "y",
    "Get Blob Tags": "t",
    "Set Blob Tags": "t",
    "Find Blobs by Tags": "f",
    "Find Blobs by Tags in Container": "f",
    "Get Account Information": "rwdlacup",
}
_MALFORMED: Final = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """A signature that is valid now. ``account_wide``: an account SAS. ``delegator``: whose key made it, when it was no
    key of the account."""

    parameters: Mapping[str, str]
    account_wide: bool
    delegator: Principal | None = None

    def check(self, operation: Operation, target: RequestPath, method: str) -> str:
        """The letters that allow the operation; raises :class:`StorageError` when it is not covered."""
        kind = {"service": "s", "container": "c", "blob": "o"}[target.level]
        if self.account_wide:
            if kind not in self.parameters.get("srt", ""):
                raise _mismatch("AuthorizationResourceTypeMismatch", "resource type")
        elif target.level == "service" or (target.level == "container" and operation.name != "List Blobs"):
            raise permission_mismatch()
        needed = _LETTERS.get(
            operation.name, "r" if method in ("GET", "HEAD") or operation.name.startswith("Query") else "w"
        )
        granted = "".join(letter for letter in needed if letter in self.parameters.get("sp", ""))
        if not granted:
            raise permission_mismatch()
        return granted


def verify(
    account: str, keys: list[str], parameters: Mapping[str, str], target: RequestPath, source_ip: str, scheme: str
) -> SharedAccess:
    """The shared access in a request's query; raises :class:`StorageError` in Azure's words when it is no good."""
    if "si" in parameters:
        raise not_served("shared access signatures with a stored access policy")
    if parameters.get("sv", "") < _SINCE:
        raise not_served(f"shared access signatures of versions before {_SINCE}")
    account_wide = "srt" in parameters
    text = _account_text(account, parameters) if account_wide else _service_text(account, parameters, target)
    if not matches(parameters["sig"], text, keys):
        raise _refused("Signature did not match.")
    _require_circumstances(parameters, source_ip, scheme)
    if account_wide and "b" not in parameters.get("ss", ""):
        raise _mismatch("AuthorizationServiceMismatch", "service")
    return SharedAccess(parameters, account_wide)


def verify_delegated(
    account: str,
    key: delegation.DelegationKey,
    delegator: Principal,
    parameters: Mapping[str, str],
    target: RequestPath,
    source_ip: str,
    scheme: str,
) -> SharedAccess:
    """The shared access in a request's query that was signed with a user delegation key."""
    if named := next((name for name in _NOT_SERVED if name in parameters), None):
        raise not_served(f"user delegation shared access signatures with {named}")
    if parameters.get("sv", "") < _SINCE:
        raise not_served(f"shared access signatures of versions before {_SINCE}")
    path = _path_of(parameters, target)
    if not matches(parameters["sig"], delegation.text_to_sign(account, parameters, path), [key.value]):
        raise _refused("Signature did not match.")
    _require_time({"st": parameters.get("skt", ""), "se": parameters.get("ske", "")})
    _require_circumstances(parameters, source_ip, scheme)
    return SharedAccess(parameters, False, delegator)


def _require_circumstances(parameters: Mapping[str, str], source_ip: str, scheme: str) -> None:
    _require_time(parameters)
    if scheme not in parameters.get("spr", "https,http").split(","):
        raise _mismatch("AuthorizationProtocolMismatch", "protocol")
    if "sip" in parameters and not _contains(parameters["sip"], source_ip):
        message = f"This request is not authorized to perform this operation using this source IP {source_ip}."
        raise StorageError(403, "AuthorizationSourceIPMismatch", message)


def container_signature(account: str, key: str, container: str, letters: str) -> str:
    """A query that opens a container for eight hours with an account key: what a service hands to its clients."""
    now = datetime.now(UTC)
    start, end = (
        (now + offset).strftime("%Y-%m-%dT%H:%M:%SZ") for offset in (-timedelta(minutes=10), timedelta(hours=8))
    )
    parameters = {"sv": "2023-11-03", "st": start, "se": end, "sr": "c", "sp": letters}
    text = _service_text(account, parameters, RequestPath("container", container, None))
    return urlencode({**parameters, "sig": sign(text, key)})


def _account_text(account: str, parameters: Mapping[str, str]) -> str:
    return "\n".join([account, *(parameters.get(name, "") for name in _ACCOUNT_FIELDS)]) + "\n"


def _service_text(account: str, parameters: Mapping[str, str], target: RequestPath) -> str:
    resource = f"/blob/{account}{_path_of(parameters, target)}"
    first = (parameters.get(name, "") for name in ("sp", "st", "se"))
    middle = (parameters.get(name, "") for name in ("si", "sip", "spr", "sv", "sr"))
    last = (parameters.get(name, "") for name in ("ses", *_RESPONSE_FIELDS))
    return "\n".join([*first, resource, *middle, "", *last])


def _path_of(parameters: Mapping[str, str], target: RequestPath) -> str:
    """What the signature is for: the request's container, or its blob."""
    kind = parameters.get("sr", "")
    if kind not in ("c", "b"):
        raise not_served(f"shared access signatures for sr={kind!r}")
    return f"/{target.container}" + (f"/{target.blob}" if kind == "b" else "")


def _require_time(parameters: Mapping[str, str]) -> None:
    now = datetime.now(UTC)
    start, end = (_time(parameters.get(name, "")) for name in ("st", "se"))
    if end is None or now >= end or (start is not None and now < start):
        raise _refused("Signature not valid in the specified time frame.")


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise _refused(f"{text} is not a time in ISO 8601.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _contains(allowed: str, address: str) -> bool:
    first, _, last = allowed.partition("-")
    try:
        low, high, asked = ip_address(first), ip_address(last or first), ip_address(address)
    except ValueError:
        return False
    return int(low) <= int(asked) <= int(high)


def _refused(detail: str) -> StorageError:
    return StorageError(403, "AuthenticationFailed", _MALFORMED, detail=detail)


def _mismatch(code: str, what: str) -> StorageError:
    return StorageError(403, code, f"This request is not authorized to perform this operation using this {what}.")
