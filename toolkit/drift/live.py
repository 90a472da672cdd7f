"""The live reading: everything on the platform that is other than both states say, without a plan.

The same reading as the closed world of the smoke tests (toolkit/smoke/checks/exact.py): what is harmful turns those
red, and all of it stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import HttpResponseError

from toolkit.live import access, endpoints
from toolkit.live.findings import Finding, find, strangers
from toolkit.live.inventory import Inventory

VAULTS = "Microsoft.KeyVault/vaults"
SECRETS = f"{VAULTS}/secrets"
SOON = timedelta(days=30)


def live_findings(
    inventory: Inventory, names: Mapping[str, str], subscription_id: str, now: datetime | None = None
) -> tuple[list[Finding], list[str]]:
    """What was found, each thing once; and in words what this identity may not read.

    ``names``: what the platform's principals are called, by their object ids in lower case.
    Raises HttpResponseError for any other refusal than 403.
    """
    own = dict(names)
    readings: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("what Terraform made", lambda: find(inventory, "*")),
        ("what else is in the groups", lambda: strangers(inventory)),
        ("private endpoint connections", lambda: endpoints.connections(inventory)),
        ("records of the private zones", lambda: endpoints.records(inventory)),
        ("role assignments", lambda: access.named(inventory, access.assignments(inventory, own), {})),
        (
            "role assignments elsewhere in the subscription",
            lambda: access.named(inventory, access.elsewhere(inventory, own, f"/subscriptions/{subscription_id}"), {}),
        ),
        ("expiry of secrets", lambda: expiring(inventory, now or datetime.now(UTC))),
    )
    found: dict[tuple[str, str, str], Finding] = {}
    unread: list[str] = []
    for words, reading in readings:
        try:
            for one in reading():
                found.setdefault((one.what, one.id.casefold(), one.path), one)
        except HttpResponseError as error:
            if error.status_code != 403:
                raise
            unread.append(words)
    return list(found.values()), unread


def expiring(inventory: Inventory, now: datetime) -> Iterator[Finding]:
    """Secrets of the platform's vaults that end soon, or have: https://learn.microsoft.com/rest/api/keyvault/secrets/list"""
    for vault in inventory.manifest.of(VAULTS):
        if not vault.whole:
            continue
        for one in inventory.listed(f"{vault.id}/secrets", SECRETS):
            attributes = (one.get("properties") or {}).get("attributes") or {}
            if attributes.get("enabled") is False or not attributes.get("exp"):
                continue
            ends = datetime.fromtimestamp(int(attributes["exp"]), UTC)
            if ends < now + SOON:
                name = f"{vault.id.rsplit('/', 1)[-1]}/{one['name']}"
                path, day = "properties.attributes.exp", ends.date().isoformat()
                yield Finding("differs", SECRETS, str(one["id"]), name, path, f"after {(now + SOON).date()}", day)
