"""What stops a lease although its target takes rules: locks, missing roles, and an agent in the account's own region.

Looked for before anything is written. Who may not look is not stopped: Azure's refusal then says it later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, ip_network
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError

from toolkit.azure.api_versions import API_VERSIONS, PERMISSIONS_API_VERSION, SERVICE_TAGS_API_VERSION
from toolkit.azure.arm import ARM
from toolkit.azure.pipeline import RestClient
from toolkit.azure.refusals import refused
from toolkit.errors import RefusedError
from toolkit.firewall.kinds import KINDS, Target
from toolkit.firewall.model import group_of
from toolkit.records import Json

_JOURNAL = "Microsoft.Resources/deployments"
# The built-in role that may write the type's rules and little else, and deployments; for the others Contributor.
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
_ROLES: Mapping[str, str] = {
    "microsoft.storage/storageaccounts": "Storage Account Contributor",
    "microsoft.keyvault/vaults": "Key Vault Contributor",
    "microsoft.web/sites": "Website Contributor",
}
_FINAL = ("RequestDisallowedByPolicy", "ScopeLocked", "AuthorizationFailed")
_LONGEST = 400
OTHER_WAYS = (
    "a self-hosted agent in the network, which reaches the private endpoint; for a service of Azure, a rule for its "
    "resource instance"
)


def require_nothing_in_the_way(client: RestClient, target: Target, addresses: Iterable[str]) -> None:
    """Raises RefusedError, with the reason and another way. Rules of a perimeter are not looked at."""
    if target.kind not in KINDS:
        return
    _require_unlocked(client, target)
    _require_allowed(client, target)
    if target.kind.type == "Microsoft.Storage/storageAccounts":
        _require_other_region(client, target, addresses)


def explained(error: BaseException, targets: Iterable[Target]) -> RefusedError | None:
    """What was found only by trying: a policy that forbids the rules, and what could not be looked for before."""
    if not isinstance(error, AzureError) or not any(code in str(error) for code in _FINAL):
        return None
    said = refused(error, f"no lease can be taken on {', '.join(map(str, targets))}")
    words = " ".join(str(error.message).split())[:_LONGEST]
    message = said.message if words in said.message else f"{said.message}: {words}"
    return RefusedError(message, hint=f"{said.hint}; or {OTHER_WAYS}" if said.hint else OTHER_WAYS)


def _require_unlocked(client: RestClient, target: Target) -> None:
    """A ReadOnly lock on the resource, or above it, stops the change of its rules, and one above it the lease's record.
    https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    path = f"{target.id}/providers/Microsoft.Authorization/locks"
    version = API_VERSIONS["microsoft.authorization/locks"]
    for lock in _readable(client, path, {"api-version": version, "$filter": "atScope()"}):
        if str(lock.get("properties", {}).get("level")) == "ReadOnly":
            scope, _, name = str(lock["id"]).rpartition("/providers/Microsoft.Authorization/locks/")
            raise RefusedError(
                f"no lease can be taken on {target}: the ReadOnly lock {name} on {scope} stops any change of its rules",
                hint=f"remove the lock for as long as that takes (further_locks), or use {OTHER_WAYS}",
            )


def _require_allowed(client: RestClient, target: Target) -> None:
    """The rules, and the record that is written before them. https://learn.microsoft.com/rest/api/authorization/permissions"""
    rules = f"{target.kind.type}{'/config' if target.kind.at else ''}/write"
    for scope, actions in (
        (target.id, (rules,)),
        (group_of(target.id), tuple(f"{_JOURNAL}/{verb}" for verb in ("read", "write", "delete"))),
    ):
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        permissions = _readable(client, path, {"api-version": PERMISSIONS_API_VERSION})
        lacking = [action for action in actions if permissions and not _allowed(permissions, action)]
        if lacking:
            role = _ROLES.get(target.kind.type.lower(), "Contributor")
            raise RefusedError(
                f"no lease can be taken on {target}: this identity lacks {', '.join(lacking)} on {scope}",
                hint=f"assign {role} on {scope}, or less: a role of these actions (docs/rbac.md has CI's, which "
                "toolkit bootstrap assigns); a new assignment takes up to 10 minutes",
            )


def _require_other_region(client: RestClient, target: Target, addresses: Iterable[str]) -> None:
    """A machine of Azure in the account's region reaches it over private addresses, which no rule can name.
    https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
    """
    region = str(client.get(f"{ARM}{target.id}", {"api-version": API_VERSIONS[target.kind.type.lower()]})["location"])
    region = region.replace(" ", "").lower()
    subscription = "/".join(target.id.split("/")[:3])
    path = f"{subscription}/providers/Microsoft.Network/locations/{region}/serviceTags"
    try:
        tags = client.get(f"{ARM}{path}", {"api-version": SERVICE_TAGS_API_VERSION})["values"]
    except HttpResponseError:
        return
    prefixes = [
        network
        for tag in tags
        if str(tag["name"]).lower() == f"azurecloud.{region}"
        for prefix in tag["properties"]["addressPrefixes"]
        if isinstance(network := ip_network(prefix), IPv4Network)
    ]
    for address in sorted(addresses):
        wanted = IPv4Network(address)
        if any(wanted.overlaps(prefix) for prefix in prefixes):
            raise RefusedError(
                f"no rule opens {target} to {address}: that is a machine of Azure in {region}, the account's own "
                "region, for which rules have no effect",
                hint=f"an agent of another region; {OTHER_WAYS}; or a rule for its subnet, with a service endpoint",
            )


def _allowed(permissions: Iterable[Json], action: str) -> bool:
    def covers(patterns: Any) -> bool:
        return any(fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns or ())

    return any(covers(one.get("actions")) and not covers(one.get("notActions")) for one in permissions)


def _readable(client: RestClient, path: str, query: Mapping[str, str]) -> list[Json]:
    """Nothing for who may not read it."""
    try:
        return list(client.list(f"{ARM}{path}", query))
    except HttpResponseError as error:
        if error.status_code not in (403, 404):
            raise
        return []
