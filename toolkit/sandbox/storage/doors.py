"""What stands in front of every service of a storage account: which account it is, https, and the network rules."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from toolkit.sandbox import perimeter
from toolkit.sandbox.model import Origin
from toolkit.sandbox.perimeter import Caller
from toolkit.sandbox.storage.errors import StorageError
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"


class Doors:
    """Of one service: hosts that end with ``suffix`` (``.blob.core.windows.net``)."""

    def __init__(self, world: World, suffix: str) -> None:
        self._world = world
        self._suffix = suffix
        self._ids: dict[str, str] = {}

    def account(self, host: str) -> Resource:
        name = host.lower().removesuffix(self._suffix)
        known = self._ids.get(name)
        account = self._world.store.get(known) if known else None
        if account is None:
            account = next((a for a in self._world.store.of_type(_ACCOUNTS) if a.name.lower() == name), None)
        if account is None:
            # On Azure the name would not resolve at all; a client of the sandbox deserves to be told which.
            raise StorageError(404, "ResourceNotFound", f"The sandbox has no storage account named {name}.")
        self._ids[name] = account.id
        return account

    def tenant(self, account: Resource) -> str:
        return self._world.directory.tenant_of(account.id.split("/")[2]) or ""

    def require_https(self, account: Resource, request: Request) -> None:
        if request.url.scheme != "https" and account.properties.get("supportsHttpsTrafficOnly", True):
            raise StorageError(400, "AccountRequiresHttps", "The account being accessed does not support http.")

    def pass_firewall(self, account: Resource, origin: Origin, host: str, caller: Caller) -> str:
        """Refuse what the network rules do not admit; the address that a request comes from otherwise.

        The sentence about a perimeter: https://github.com/microsoft/AzureStorageExplorer/issues/8979
        """
        route = self._world.network.route(origin, host)
        if route.unreachable:
            raise StorageError(
                502, "BadGateway", f"{host} cannot be reached from {origin.vantage.name}: {route.unreachable}."
            )
        if route.private_endpoint_target == account.id.lower():
            return route.source_ip
        properties = self._world.front_ends.properties(account)
        access = str(properties.get("publicNetworkAccess") or "Enabled")
        verdict = "resource"
        if route.private_endpoint_target is None:
            verdict = perimeter.public_inbound(self._world.store, account, route.source_ip, caller)
        if verdict == "allowed":
            return route.source_ip
        if verdict == "denied":
            raise StorageError(
                403,
                "AuthorizationFailure",
                "This request is not authorized by network security perimeter to perform this operation.",
            )
        acls = properties.get("networkAcls")
        if (
            route.private_endpoint_target is not None
            or access.lower() == "disabled"
            or not self._world.network.admits(
                acls, route.source_ip, origin, "Microsoft.Storage", account.body.get("location")
            )
        ):
            raise StorageError(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
        return route.source_ip
