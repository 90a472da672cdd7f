"""What the doctor mends when it is asked to: only what can be done again and takes nothing from anybody.

Registering a provider is free and can be undone. Purging is for good, and happens for a name that was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from toolkit.azure.api_versions import API_VERSIONS, PROVIDERS_API_VERSION
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.checks.model import CheckResult
from toolkit.environment import Connection
from toolkit.errors import ToolkitError, UsageError
from toolkit.waiting import Waits, steadily

_REGISTERING_SECONDS = 300.0
Say = Callable[[str], None]
Fix = Callable[[Connection, CheckResult, Say], None]


def _register(connection: Connection, failed: CheckResult, say: Say) -> None:
    """https://learn.microsoft.com/rest/api/resources/providers/register; it goes on in Azure after the answer."""
    import time

    base = f"{ARM}/subscriptions/{connection.environment.subscription_id}/providers"
    with arm_client(connection) as client:
        for name in failed.facts["missing"]:
            say(f"registering {name}")
            url = f"{base}/{name}?api-version={PROVIDERS_API_VERSION}"
            waits = Waits(steadily(2.0))
            try:
                client.send_request(
                    HttpRequest("POST", f"{base}/{name}/register?api-version={PROVIDERS_API_VERSION}")
                ).raise_for_status()
                while True:
                    response = client.send_request(HttpRequest("GET", url))
                    response.raise_for_status()
                    if response.json()["registrationState"] == "Registered":
                        break
                    pause = waits.next(_REGISTERING_SECONDS)
                    if pause is None:
                        raise ToolkitError(f"{name} is still registering", hint="it goes on in Azure: look again later")
                    time.sleep(pause)
            except AzureError as error:
                raise ToolkitError(
                    f"{name} cannot be registered: {error.message}",
                    hint=f"have somebody do it who may: az provider register --namespace {name}",
                ) from error


# By the id of the check that fails.
FIXES: Mapping[str, Fix] = {"providers-registered": _register}


def fixable(results: Sequence[CheckResult]) -> list[CheckResult]:
    return [one for one in results if one.outcome == "FAIL" and one.check.id in FIXES]


def purge_vault(connection: Connection, name: str, say: Say) -> None:
    """Purge the deleted key vault of this name, for good.

    Raises UsageError when no deleted vault of the subscription is called so, ToolkitError when Azure refuses, as
    where purge protection is on. https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/purge-deleted
    """
    version = API_VERSIONS["microsoft.keyvault/vaults"]
    base = f"/subscriptions/{connection.environment.subscription_id}/providers/Microsoft.KeyVault"
    with arm_client(connection) as client:
        try:
            listed = list(client.list(f"{base}/deletedVaults", {"api-version": version}))
        except AzureError as error:
            raise ToolkitError(f"deleted key vaults cannot be listed: {error.message}") from error
        found = next((one for one in listed if str(one["name"]).lower() == name.lower()), None)
        if found is None:
            known = ", ".join(sorted(str(one["name"]) for one in listed)) or "none"
            raise UsageError(f"no deleted key vault is called {name}", hint=f"deleted key vaults: {known}")
        where = str(found["properties"]["location"]).replace(" ", "").lower()
        say(f"purging the deleted key vault {found['name']} of {where}, for good")
        url = f"{ARM}{base}/locations/{where}/deletedVaults/{found['name']}/purge?api-version={version}"
        try:
            until_done(client, HttpRequest("POST", url), f"the purge of {name}")
        except AzureError as error:
            raise ToolkitError(
                f"the deleted key vault {name} cannot be purged: {error.message}",
                hint="where purge protection is on, the name is free after its retention only",
            ) from error
