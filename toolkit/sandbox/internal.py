"""What one service writes into a resource's ``internal`` and another reads.

The rest of ``internal`` is the writing service's own affair. The keys stay as they are: a state folder outlives its
sandbox's version.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.records import Json
from toolkit.sandbox.store import Resource

_ACCOUNT_KEYS = "keys"
_ADDRESSES = "ip_addresses"
_HOSTS = "hosts"
_CONNECTION = "connection"
_PASSWORD = "password"  # noqa: S105 (a key's name)


def account_keys(account: Resource) -> list[Json]:
    """The access keys of a storage account, as listKeys answers them."""
    keys: list[Json] = account.internal.get(_ACCOUNT_KEYS, [])
    return keys


def keep_account_keys(account: Resource, keys: Iterable[Json]) -> None:
    account.internal[_ACCOUNT_KEYS] = list(keys)


def batch_keys(account: Resource) -> list[str]:
    """The keys of a Batch account, as listKeys answers them."""
    return [str(key) for key in (account.internal.get(_ACCOUNT_KEYS) or {}).values()]


def endpoint_addresses(endpoint: Resource) -> dict[str, str]:
    """Host name -> address of a private endpoint."""
    addresses: dict[str, str] = endpoint.internal.get(_ADDRESSES) or {}
    return addresses


def keep_endpoint_addresses(endpoint: Resource, addresses: dict[str, str]) -> None:
    endpoint.internal[_ADDRESSES] = addresses


def target_hosts(managed_endpoint: Resource) -> list[str]:
    """The host names of what a factory's managed private endpoint leads to."""
    hosts: list[str] = managed_endpoint.internal.get(_HOSTS) or []
    return hosts


def keep_target_hosts(managed_endpoint: Resource, hosts: Iterable[str]) -> None:
    managed_endpoint.internal[_HOSTS] = list(hosts)


def connection_id(endpoint: Resource) -> str:
    """The connection on the target of a private endpoint, managed or not; "" before there is one."""
    return str(endpoint.internal.get(_CONNECTION, ""))


def keep_connection(endpoint: Resource, connection: Resource) -> None:
    endpoint.internal[_CONNECTION] = connection.id


def password_of(resource: Resource) -> str:
    """The password that comes with a resource; "" when it has none."""
    return str(resource.internal.get(_PASSWORD, ""))


def keep_password(resource: Resource, password: str) -> None:
    """Unless it has one."""
    resource.internal.setdefault(_PASSWORD, password)
