"""Who asks: a bearer token, an account key, a shared access signature, or nobody.

https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from toolkit.sandbox.internal import account_keys
from toolkit.sandbox.model import Principal
from toolkit.sandbox.perimeter import Caller
from toolkit.sandbox.storage import delegation
from toolkit.sandbox.storage.errors import StorageError, not_served
from toolkit.sandbox.storage.operations import RequestPath
from toolkit.sandbox.storage.sas import SharedAccess, verify, verify_delegated
from toolkit.sandbox.storage.signing import matches, split_query, string_to_sign
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_BEARER_SINCE: Final = "2017-11-09"  # "authorize-with-azure-active-directory": bearer tokens need this version or later
_CHALLENGE_SINCE: Final = "2019-12-12"  # same page, "Bearer challenge"
_REFER: Final = (
    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
)
_MALFORMED: Final = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """The request is signed with one of the account's keys: everything is allowed."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody; the account allows anonymous access, the container may not."""


Identity = Principal | AccountKey | SharedAccess | Anonymous


def authenticate(
    world: World, account: Resource, tenant_id: str, request: Request, target: RequestPath, source_ip: str
) -> Identity:
    """The identity behind a request; raises :class:`StorageError` as Azure refuses each wrong or switched-off way."""
    authorization = request.headers.get("authorization")
    version = request.headers.get("x-ms-version", "")
    if authorization is None:
        parameters = dict(split_query(request.url.query))
        if "sig" in parameters:
            return _shared_access_signature(world, account, parameters, target, source_ip, request.url.scheme)
        return _anonymous(account, tenant_id, version)
    scheme = authorization.partition(" ")[0].lower()
    if scheme == "bearer":
        return bearer_of(world, account, tenant_id, request, f"{account.name.lower()}.blob.core.windows.net")
    if scheme in ("sharedkey", "sharedkeylite"):
        require_keys(account)
        if scheme == "sharedkeylite":
            raise not_served("Shared Key Lite")
        return _shared_key(account, authorization, request)
    raise StorageError(
        403, "AuthenticationFailed", _MALFORMED, detail=f"Authentication scheme {scheme} is not supported."
    )


def bearer_of(world: World, account: Resource, tenant_id: str, request: Request, host: str) -> Principal:
    """The principal of a bearer token for Azure Storage, or for this host of the account alone."""
    authorization, version = request.headers.get("authorization"), request.headers.get("x-ms-version", "")
    if version < _BEARER_SINCE:
        raise StorageError(
            403,
            "AuthenticationFailed",
            _MALFORMED,
            detail="Authentication scheme Bearer is not supported in this version.",
        )
    try:
        principal = world.tokens.verify(authorization, ("https://storage.azure.com", f"https://{host.lower()}"))
    except InvalidToken as error:
        raise challenge("InvalidAuthenticationInfo", tenant_id, str(error)) from error
    if principal.tenant_id.lower() != tenant_id.lower():
        detail = "Issuer validation failed. Issuer did not match."
        raise challenge("InvalidAuthenticationInfo", tenant_id, detail)
    return principal


def caller_of(world: World, request: Request, host: str) -> Caller:
    """Who sends a request, for rules that look at it before it is authenticated: nobody without a valid token."""

    def caller() -> Principal | None:
        try:
            return world.tokens.verify(
                request.headers.get("authorization"), ("https://storage.azure.com", f"https://{host.lower()}")
            )
        except InvalidToken:
            return None

    return caller


def _shared_key(account: Resource, authorization: str, request: Request) -> AccountKey:
    name, _, signature = authorization.partition(" ")[2].partition(":")
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    text = string_to_sign(
        request.method, request.scope["headers"], account.name.lower(), path, split_query(request.url.query)
    )
    if name.lower() != account.name.lower() or not matches(signature, text, _keys(account)):
        detail = "The MAC signature found in the HTTP request is not the same as any computed signature."
        raise StorageError(403, "AuthenticationFailed", _MALFORMED, detail=detail)
    return AccountKey()


def _keys(account: Resource) -> list[str]:
    return [str(key["value"]) for key in account_keys(account)]


def require_keys(account: Resource) -> None:
    # Absent means allowed: https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent
    if account.properties.get("allowSharedKeyAccess") is False:
        raise StorageError(
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        )


def _shared_access_signature(
    world: World, account: Resource, parameters: dict[str, str], target: RequestPath, source_ip: str, scheme: str
) -> SharedAccess:
    if "skoid" in parameters:
        key = delegation.key_of(world.store, account.name, parameters)
        tenant = parameters.get("sktid", "")
        # A delegator that is gone has no roles any more: what it signed opens nothing.
        delegator = world.directory.principal(parameters["skoid"]) or Principal(
            parameters["skoid"], tenant, "ServicePrincipal"
        )
        return verify_delegated(account.name.lower(), key, delegator, parameters, target, source_ip, scheme)
    require_keys(account)
    return verify(account.name.lower(), _keys(account), parameters, target, source_ip, scheme)


def _anonymous(account: Resource, tenant_id: str, version: str) -> Anonymous:
    # Absent means not allowed since api-version 2023-01-01 of the resource provider (allowBlobPublicAccess).
    if account.properties.get("allowBlobPublicAccess") is True:
        return Anonymous()
    if version >= _CHALLENGE_SINCE:
        # That Azure prefers this answer where both apply is inferred: SDKs of these versions act on the challenge.
        raise challenge("NoAuthenticationInformation", tenant_id)
    raise StorageError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")


def private_container(tenant_id: str, version: str) -> StorageError:
    """The answer to an anonymous request for a private container of an account that allows public ones (inferred)."""
    if version >= _CHALLENGE_SINCE:
        return challenge("NoAuthenticationInformation", tenant_id)
    return StorageError(404, "ResourceNotFound", "The specified resource does not exist.")


def challenge(code: str, tenant_id: str, detail: str | None = None) -> StorageError:
    authority = f"https://login.microsoftonline.com/{tenant_id}/oauth2/authorize"
    challenge = f"Bearer authorization_uri={authority} resource_id=https://storage.azure.com"
    return StorageError(401, code, _REFER, detail=detail, headers={"www-authenticate": challenge})
