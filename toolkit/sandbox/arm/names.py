"""Whether names are free that a provider asks about in a way of its own: Batch's in a region, and those of apps.

https://learn.microsoft.com/rest/api/batchmanagement/location/check-name-availability,
https://learn.microsoft.com/rest/api/appservice/check-name-availability. The sentences are (inferred).
"""

from __future__ import annotations

import re

from toolkit.records import Json
from toolkit.sandbox.store import Store

_BATCH = "Microsoft.Batch/batchAccounts"
_SITES = "Microsoft.Web/sites"
_BATCH_NAME = re.compile(r"[a-z0-9]{3,24}")
_SITE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?")


def check_batch(store: Store, location: str, body: Json) -> Json:
    """An account's name is unique in its region: it is part of the address ``NAME.REGION.batch.azure.com``."""
    name = str(body.get("name", ""))
    if not _BATCH_NAME.fullmatch(name):
        return _refused("Invalid", f"The account name '{name}' is invalid.")
    same = (one for one in store.of_type(_BATCH) if one.name.lower() == name.lower())
    if any(one.body.get("location") == location for one in same):
        return _refused("AlreadyExists", f"An account named '{name}' already exists in the region {location}.")
    return {"nameAvailable": True}


def check_site(store: Store, body: Json) -> Json:
    """A site's name is unique in Azure, as the address ``NAME.azurewebsites.net`` is."""
    name = str(body.get("name", ""))
    if not _SITE_NAME.fullmatch(name):
        return _refused("Invalid", f"The name '{name}' is invalid.")
    if any(one.name.lower() == name.lower() for one in store.of_type(_SITES)):
        return _refused("AlreadyExists", f"Hostname '{name}' already exists. Please select a different name.")
    return {"nameAvailable": True}


def _refused(reason: str, message: str) -> Json:
    return {"nameAvailable": False, "reason": reason, "message": message}
