"""Who changed a resource, and when, by the activity log of the subscription.

https://learn.microsoft.com/rest/api/monitor/activity-logs/list: kept for 90 days; the data plane (a container made with
a token for storage, a secret's new version) leaves no entry, and an entry takes some minutes to arrive:
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import HttpResponseError

from toolkit.azure.api_versions import ACTIVITY_LOG_API_VERSION
from toolkit.azure.pipeline import RestClient
from toolkit.drift.model import Activity
from toolkit.records import Json

DAYS = 89  # the start of a query may not be older than what is kept
_AT_ONCE = 8
# More than that many things at once are no hand-made changes: who did them is a question for the portal.
MOST = 60
_CHANGES = ("/write", "/delete", "/action")


def activities(
    client: RestClient, subscription_id: str, gone: Mapping[str, bool], names: Mapping[str, str]
) -> dict[str, Activity | str]:
    """By id: the newest change, or why none is known. ``gone``: whether the resource is missing, by its id; then it is
    who deleted it, or what it was in, and not who wrote it before."""
    asked = list(gone)
    since = (datetime.now(UTC) - timedelta(days=DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def newest(resource_id: str) -> Activity | str:
        try:
            return _newest(client, subscription_id, resource_id, gone[resource_id], since, names)
        except HttpResponseError as error:
            if error.status_code != 403:
                raise
            return "this identity may not read the activity log (Reader on the subscription, or on the resource group)"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(asked[:MOST], pool.map(newest, asked[:MOST]), strict=True))
    return {**found, **dict.fromkeys(asked[MOST:], f"only the first {MOST} resources are looked up")}


def _newest(
    client: RestClient, subscription_id: str, resource_id: str, gone: bool, since: str, names: Mapping[str, str]
) -> Activity | str:
    events = [one for one in _events(client, subscription_id, resource_id, since) if _changes(one)]
    if gone:
        for owner in _owners(resource_id):
            events += _events(client, subscription_id, owner, since)
        events = [one for one in events if _changes(one) and _operation(one).casefold().endswith("/delete")]
    if not events:
        return f"no entry of the last {DAYS} days: it was done on the data plane, or longer ago, or minutes ago"
    last = max(events, key=lambda one: str(one["eventTimestamp"]))
    caller = str(last.get("caller") or "unknown")
    return Activity(caller, names.get(caller.casefold(), ""), str(last["eventTimestamp"]), _operation(last))


def _events(client: RestClient, subscription_id: str, resource_id: str, since: str) -> Iterable[Json]:
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.Insights/eventtypes/management/values"
    wanted = f"eventTimestamp ge '{since}' and resourceUri eq '{resource_id}'"
    return client.list(path, {"api-version": ACTIVITY_LOG_API_VERSION, "$filter": wanted})


def _operation(event: Json) -> str:
    return str((event.get("operationName") or {}).get("value") or "")


def _changes(event: Json) -> bool:
    status = str((event.get("status") or {}).get("value") or "")
    return _operation(event).casefold().endswith(_CHANGES) and status in ("Succeeded", "Accepted", "Started")


def _owners(resource_id: str) -> list[str]:
    """What a resource is in, nearest first, without its resource group."""
    parts = resource_id.split("/")
    found = []
    while len(parts) > 11:
        parts = parts[:-2]
        if parts[-2] != "providers":
            found.append("/".join(parts))
    return found
