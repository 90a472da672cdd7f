"""The storage accounts of a platform, their services and containers, and one request at a data plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from azure.core.rest import HttpRequest

from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import CheckFailed
from toolkit.smoke.context import Context
from toolkit.smoke.features import feature_of

VERSION = "2023-11-03"
# The second is what the file service wants to know of whoever brings a token:
# https://learn.microsoft.com/rest/api/storageservices/authorize-oauth-rest
HEADERS: Mapping[str, str] = {"x-ms-version": VERSION, "x-ms-file-request-intent": "backup"}

# How each service lists what is in the account; reading only, so that nothing happens where it is allowed.
# https://learn.microsoft.com/rest/api/storageservices/
LISTS: Mapping[str, str] = {
    "blob": "/?comp=list",
    "dfs": "/?resource=account",
    "file": "/?comp=list",
    "queue": "/?comp=list",
    "table": "/Tables",
}
CONTAINER_LISTS: Mapping[str, str] = {
    "blob": "restype=container&comp=list",
    "dfs": "resource=filesystem&recursive=false",
}

# The accounts, by what their outputs begin with.
_ACCOUNTS = ("storage", "lake_storage", "pointer_storage", "function_storage")
NAMES = tuple(f"{account}_account_name" for account in _ACCOUNTS)
IDS = tuple(f"{account}_account_id" for account in _ACCOUNTS)
CONTAINERS = ("storage_containers", "lake_containers", "pointer_storage_containers", "function_storage_containers")
# What a check reads that asks every account from inside the network.
INSIDE = (*NAMES, "private_endpoints")
REACHED = ("dns-storage-private", "dns-lake-private", "dns-pointers-private", "dns-function-storage-private")


def there(context: Context, outputs: tuple[str, ...]) -> list[Any]:
    """The values of the outputs, of what the environment has."""
    return [context.output(name) for name in outputs if (feature := feature_of(name)) is None or context.has(feature)]


def inside(context: Context) -> Iterator[tuple[str, str]]:
    """(host, kind) of each service of each account that has a private endpoint in the network.

    Raises CheckFailed for an account that has none: nothing could be asked of it.
    """
    hosts = sorted({host for one in context.output("private_endpoints").values() for host in one["fqdns"]})
    for name in there(context, NAMES):
        found = [host for host in hosts if host.startswith(f"{name}.")]
        if not found:
            raise CheckFailed(
                f"the outputs know no private endpoint of {name}", cause="no-output", hint="toolkit apply makes them"
            )
        yield from ((host, host.split(".")[1]) for host in found)


def containers(context: Context) -> Iterator[tuple[str, str, str]]:
    """(host, kind, container) of each container, at the blob and the dfs endpoint."""
    hosts = list(inside(context))
    for name, found in zip(there(context, NAMES), there(context, CONTAINERS), strict=True):
        for host, kind in hosts:
            if kind in CONTAINER_LISTS and host.startswith(f"{name}."):
                yield from ((host, kind, container) for container in sorted(found))


def asking(
    client: RestClient, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Callable[[], None]:
    """A request that raises what Azure refuses it with."""

    def ask() -> None:
        request = HttpRequest(method, url, headers={**HEADERS, **(headers or {})}, content=body or None)
        client.send_request(request).raise_for_status()

    return ask
