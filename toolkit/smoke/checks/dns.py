"""Names: private addresses inside the network, public ones outside.

Private endpoints work through DNS alone: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

import ipaddress
from functools import partial

from toolkit.azure.codes import DNS_SECONDS
from toolkit.azure.denial import is_private
from toolkit.azure.second_look import WRITE_RECORD_AGAIN
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.smoke.checks.control_plane import fail_if, private_hosts, read
from toolkit.smoke.context import Context
from toolkit.smoke.ways import ways_to

_ENDPOINT_OUTPUTS = ("private_endpoints", "virtual_network_id")


def private_inside(context: Context, target: str) -> Facts:
    """Every name of the target leads to its own private endpoint, in the virtual network's own address space."""
    network = read(context, context.output("virtual_network_id"))
    prefixes = network["properties"]["addressSpace"]["addressPrefixes"]
    ranges = [ipaddress.ip_network(prefix) for prefix in prefixes]
    found = {host: context.resolve(host) for host in private_hosts(context, target)}
    problems = []
    for host, addresses in found.items():
        outside = [one for one in addresses if not any(ipaddress.ip_address(one) in each for each in ranges)]
        ways = ways_to(context.live, context.run.outputs, host, "vnet")
        own = {address for way in ways for address in way.addresses}
        problems += [
            f"{host} resolves to {one}, which is outside the network's {', '.join(prefixes)}" for one in outside
        ]
        problems += [
            f"{host} resolves to {one}, which is not the address of its private endpoint ({', '.join(sorted(own))})"
            for one in addresses
            if own and one not in own and one not in outside
        ]
    hint = f"see that the private DNS zone is linked to this network (toolkit apply does). {WRITE_RECORD_AGAIN}"
    fail_if(problems, hint=hint, retry_seconds=context.check.retry_seconds, cause="private-dns")
    return {"addresses": found}


def public_outside(context: Context) -> Facts:
    """The same names lead nowhere private from outside: a private address there would mean a leaking zone."""
    hosts = sorted({host for one in context.output("private_endpoints").values() for host in one["fqdns"]})
    if not hosts:
        raise CheckFailed(
            "the outputs know no name of any private endpoint", cause="no-output", hint="toolkit apply makes them"
        )
    found = {host: context.resolve(host) for host in hosts}
    problems = [
        f"{host} resolves to the private address {address} from outside"
        for host, addresses in found.items()
        for address in addresses
        if is_private(address)
    ]
    hint = "this machine resolves through the platform's zones: it is no internet vantage, or the zones are public"
    fail_if(problems, hint=hint, retry_seconds=context.check.retry_seconds, cause="private-dns")
    return {"addresses": found}


def _private(name: str, what: str, target: str, feature: str | None = None) -> Check[Context]:
    return Check(
        id=f"dns-{name}-private",
        category="dns",
        title=f"Inside the network {what} has the addresses of its private endpoints",
        function=partial(private_inside, target=target),
        vantage="vnet",
        identity="anonymous",
        outputs=(*_ENDPOINT_OUTPUTS, target),
        feature=feature,
        retry_seconds=DNS_SECONDS,
        depends=("posture-private-endpoints",),
        controls=("NS-10", "SC-22"),
    )


CHECKS: tuple[Check[Context], ...] = (
    _private("storage", "the storage account", "storage_account_id"),
    _private("lake", "the data lake", "lake_storage_account_id"),
    _private("pointers", "the account of code pointers", "pointer_storage_account_id"),
    _private("vault", "the key vault", "key_vault_id"),
    _private("registry", "the container registry", "container_registry_id"),
    _private("workspace", "the workspace", "machine_learning_workspace_id"),
    _private("factory", "the data factory", "data_factory_id"),
    _private("batch", "the Batch account", "batch_account_id", "batch"),
    _private("function", "the function app", "function_app_id", "function_app"),
    _private("function-storage", "the function app's storage", "function_storage_account_id", "function_app"),
    Check(
        id="dns-public-outside",
        category="dns",
        title="Outside the network the same names have public addresses",
        function=public_outside,
        vantage="internet",
        identity="anonymous",
        outputs=("private_endpoints",),
        retry_seconds=DNS_SECONDS,
        controls=("NS-10", "SC-20"),
    ),
)
