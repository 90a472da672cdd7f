"""Key Vault's data plane: secrets and keys behind the vault's network rules and roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox import perimeter
from toolkit.sandbox.keyvault import errors
from toolkit.sandbox.keyvault.errors import VaultError
from toolkit.sandbox.keyvault.keys import Keys
from toolkit.sandbox.keyvault.secrets import Secrets
from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_VAULTS: Final = "Microsoft.KeyVault/vaults"
_SUFFIX: Final = f".{suffix_of('vault')}"
_AUDIENCE: Final = "https://vault.azure.net"
_PAGE: Final = 25  # the service's largest page: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets
_SECRETS: Final = "Microsoft.KeyVault/vaults/secrets"
_KEYS: Final = "Microsoft.KeyVault/vaults/keys"
_POLICIES: Final = "Microsoft.KeyVault/vaults/keyrotationpolicies"
_NOT_SERVED: Final = ("certificates", "deletedcertificates", "storage", "rng", "backup", "restore", "import")
_LAST: Final = ("versions", "recover", "create", "rotate", "rotationpolicy")
# What is done with a key. https://learn.microsoft.com/rest/api/keyvault/keys
_CRYPTOGRAPHY: Final = ("encrypt", "decrypt", "sign", "verify", "wrapkey", "unwrapkey", "release")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a vault's secrets or keys, taken apart."""

    secrets: Secrets
    keys: Keys
    name: str
    version: str | None
    body: Json


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method on a path needs and does; ``answer`` gives a bundle, a list of them, or None for 204."""

    data_action: str
    answer: Callable[[Call], Json | list[Json] | None]


# (method, collection, what follows the name) -> operation. Data actions: the operations of Microsoft.KeyVault in
# https://learn.microsoft.com/azure/role-based-access-control/permissions/security
_OPERATIONS: Final[dict[tuple[str, str, str], Operation]] = {
    ("GET", "secrets", "list"): Operation(f"{_SECRETS}/readMetadata/action", lambda c: c.secrets.all()),
    ("PUT", "secrets", "item"): Operation(f"{_SECRETS}/setSecret/action", lambda c: c.secrets.set(c.name, c.body)),
    ("GET", "secrets", "item"): Operation(f"{_SECRETS}/getSecret/action", lambda c: c.secrets.get(c.name, c.version)),
    ("PATCH", "secrets", "item"): Operation(
        f"{_SECRETS}/update/action", lambda c: c.secrets.update(c.name, c.version, c.body)
    ),
    ("DELETE", "secrets", "item"): Operation(f"{_SECRETS}/delete", lambda c: c.secrets.delete(c.name)),
    ("GET", "secrets", "versions"): Operation(f"{_SECRETS}/readMetadata/action", lambda c: c.secrets.versions(c.name)),
    ("GET", "deletedsecrets", "list"): Operation(f"{_SECRETS}/readMetadata/action", lambda c: c.secrets.list_deleted()),
    ("GET", "deletedsecrets", "item"): Operation(
        f"{_SECRETS}/readMetadata/action", lambda c: c.secrets.get_deleted(c.name)
    ),
    ("POST", "deletedsecrets", "recover"): Operation(f"{_SECRETS}/recover/action", lambda c: c.secrets.recover(c.name)),
    ("DELETE", "deletedsecrets", "item"): Operation(f"{_SECRETS}/purge/action", lambda c: c.secrets.purge(c.name)),
    ("GET", "keys", "list"): Operation(f"{_KEYS}/read", lambda c: c.keys.all()),
    ("POST", "keys", "create"): Operation(f"{_KEYS}/create/action", lambda c: c.keys.create(c.name, c.body)),
    ("GET", "keys", "item"): Operation(f"{_KEYS}/read", lambda c: c.keys.get(c.name, c.version)),
    ("PATCH", "keys", "item"): Operation(f"{_KEYS}/update/action", lambda c: c.keys.update(c.name, c.version, c.body)),
    ("DELETE", "keys", "item"): Operation(f"{_KEYS}/delete", lambda c: c.keys.delete(c.name)),
    ("GET", "keys", "versions"): Operation(f"{_KEYS}/read", lambda c: c.keys.versions(c.name)),
    ("POST", "keys", "rotate"): Operation(f"{_KEYS}/rotate/action", lambda c: c.keys.rotate(c.name)),
    ("GET", "keys", "rotationpolicy"): Operation(f"{_POLICIES}/read", lambda c: c.keys.rotation_policy(c.name)),
    ("PUT", "keys", "rotationpolicy"): Operation(
        f"{_POLICIES}/write", lambda c: c.keys.set_rotation_policy(c.name, c.body)
    ),
    ("GET", "deletedkeys", "list"): Operation(f"{_KEYS}/read", lambda c: c.keys.list_deleted()),
    ("GET", "deletedkeys", "item"): Operation(f"{_KEYS}/read", lambda c: c.keys.get_deleted(c.name)),
    ("POST", "deletedkeys", "recover"): Operation(f"{_KEYS}/recover/action", lambda c: c.keys.recover(c.name)),
    ("DELETE", "deletedkeys", "item"): Operation(f"{_KEYS}/purge/action", lambda c: c.keys.purge(c.name)),
}


class KeyVaultService:
    """``*.vault.azure.net`` over the vaults in the store; certificates, and work with keys, are refused by name."""

    name = "keyvault"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            return await self._decide(request, origin)
        except VaultError as error:
            return errors.serialise(error, request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    async def _decide(self, request: Request, origin: Origin) -> Response:
        """Every step may refuse. Azure's network refusals name the caller, so it authenticates first."""
        host = (request.url.hostname or "").lower()
        vault = self._vault(host)
        if request.url.scheme != "https":
            raise VaultError(400, "BadRequest", "Key Vault is reached with https only.")
        caller = self._authenticate(vault, request)
        self._pass_firewall(vault, caller, origin, host)
        operation, collection, name, version = _route(request)
        scope = f"{vault.id}/{collection.removeprefix('deleted')}/{name}" if name else vault.id
        self._authorise(vault, caller, operation, scope)
        if "api-version" not in request.query_params:
            raise VaultError(400, "BadParameter", "The request is missing the api-version parameter.")
        body = (
            await _json(request) if request.method in ("PUT", "PATCH") or request.url.path.endswith("/create") else {}
        )
        store = self._world.store
        answer = operation.answer(Call(Secrets(store, vault), Keys(store, vault), name, version, body))
        headers = errors.common_headers(request)
        if answer is None:
            return Response(status_code=204, headers=headers)
        return JSONResponse(_page(answer, request) if isinstance(answer, list) else answer, headers=headers)

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _vault(self, host: str) -> Resource:
        name = host.removesuffix(_SUFFIX)
        vault = next((v for v in self._world.store.of_type(_VAULTS) if v.name.lower() == name), None)
        if vault is None:
            # On Azure the name would not resolve at all; a client of the sandbox deserves to be told which.
            raise VaultError(404, "VaultNotFound", f"The sandbox has no key vault named {name}.")
        return vault

    def _authenticate(self, vault: Resource, request: Request) -> Principal:
        subscription = vault.id.split("/")[2]
        tenant_id = str(vault.properties.get("tenantId") or self._world.directory.tenant_of(subscription) or "")
        authorization = request.headers.get("authorization")
        if authorization is None or not authorization.lower().startswith("bearer "):
            raise errors.unauthorised("AKV10000: Request is missing a Bearer or PoP token.", tenant_id)
        try:
            caller = self._world.tokens.verify(authorization, (_AUDIENCE,))
        except InvalidToken as error:
            raise errors.unauthorised(f"Error validating token: {error}", tenant_id) from error
        if caller.tenant_id.lower() != tenant_id.lower():
            expected, found = (f"https://sts.windows.net/{tenant}/" for tenant in (tenant_id, caller.tenant_id))
            raise errors.unauthorised(
                f"AKV10032: Invalid issuer. Expected one of {expected}, found {found}.", tenant_id
            )
        return caller

    def _pass_firewall(self, vault: Resource, caller: Principal, origin: Origin, host: str) -> None:
        route = self._world.network.route(origin, host)
        if route.unreachable:
            message = f"{host} cannot be reached from {origin.vantage.name}: {route.unreachable}."
            raise VaultError(502, "BadGateway", message)
        if route.private_endpoint_target == vault.id.lower():
            return
        properties = self._world.front_ends.properties(vault)
        access = str(properties.get("publicNetworkAccess") or "Enabled").lower()
        if route.private_endpoint_target is None:
            verdict = perimeter.public_inbound(self._world.store, vault, route.source_ip, lambda: caller)
            if verdict == "allowed":
                return
            if verdict == "denied":
                raise errors.forbidden_by_perimeter(caller)
        if route.private_endpoint_target is not None or access == "disabled":
            raise errors.public_access_disabled(vault, caller)
        acls = properties.get("networkAcls")
        if not self._world.network.admits(acls, route.source_ip, origin, "Microsoft.KeyVault"):
            raise errors.address_not_authorised(vault, caller, route.source_ip)

    def _authorise(self, vault: Resource, caller: Principal, operation: Operation, scope: str) -> None:
        # Absent means access policies before api-version 2026-02-01 and roles since; the sandbox knows only roles.
        if vault.properties.get("enableRbacAuthorization") is not True:
            raise errors.not_served("vaults with access policies (enableRbacAuthorization must be true)")
        if not self._world.access.allows_data_action(caller, scope, operation.data_action):
            raise errors.no_role(vault, caller, operation.data_action, scope)


def _route(request: Request) -> tuple[Operation, str, str, str | None]:
    """The operation, the collection, the name in it ("" for the collection itself) and the version asked for."""
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    collection, name, last, *more = ([unquote(part) for part in path.strip("/").split("/")] + ["", "", ""])[:5]
    collection = collection.lower()
    for part in (collection, last.lower(), *(word.lower() for word in more)):
        if part in _NOT_SERVED or (collection == "keys" and part in _CRYPTOGRAPHY):
            raise errors.not_served(f"Key Vault {part}")
    shape = "list" if not name else last.lower() if last.lower() in _LAST else "item"
    operation = _OPERATIONS.get((request.method, collection, shape))
    if operation is None or any(more):
        raise errors.not_served(f"{request.method} {path} of Key Vault")
    return operation, collection, name, last if shape == "item" and last else None


async def _json(request: Request) -> Json:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise VaultError(400, "BadParameter", "The request body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise VaultError(400, "BadParameter", "The request body is not a JSON object.")
    return body


def _page(items: list[Json], request: Request) -> Json:
    query = request.query_params
    try:
        size = min(max(int(query.get("maxresults", _PAGE)), 1), _PAGE)
        start = max(int(query.get("$skiptoken", 0)), 0)
    except ValueError as error:
        raise VaultError(400, "BadParameter", "maxresults and $skiptoken are numbers.") from error
    following = None
    if start + size < len(items):
        version = quote(query["api-version"])
        url = f"https://{request.url.hostname}{request.url.path}"
        following = f"{url}?api-version={version}&maxresults={size}&$skiptoken={start + size}"
    return {"value": items[start : start + size], "nextLink": following}
