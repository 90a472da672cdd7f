"""Which blob events a storage event trigger is for, and what it tells its pipelines.

* https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger
* https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
* Event Grid compares subjects without regard to letter case unless it is told otherwise
  (https://learn.microsoft.com/azure/event-grid/event-filtering#subject-filtering); that Data Factory does not tell it
  is (inferred), like that empty blobs are ignored when they are created, not when they are deleted.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime

from toolkit.records import Json
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import BlobEvent

TYPE = "BlobEventsTrigger"
_CREATED = "Microsoft.Storage.BlobCreated"
_CONTAINERS = "/blobservices/default/containers"


def listens(trigger: Resource, account_id: str) -> bool:
    """Started, subscribed, and to this account."""
    given = trigger.properties
    return (
        given.get("type") == TYPE
        and given.get("runtimeState") == "Started"
        and trigger.internal.get("events") == "Enabled"
        and str((given.get("typeProperties") or {}).get("scope", "")).rstrip("/").lower() == account_id.lower()
    )


def wants(trigger: Resource, event: BlobEvent) -> bool:
    given = trigger.properties.get("typeProperties") or {}
    if event.type not in (given.get("events") or ()):
        return False
    if event.type == _CREATED and not event.size and given.get("ignoreEmptyBlobs", True) is not False:
        return False
    subject = _subject(event).lower()
    begins, ends = (str(given.get(name) or "").lower() for name in ("blobPathBeginsWith", "blobPathEndsWith"))
    return subject.startswith(_CONTAINERS + begins) and subject.endswith(ends)


def told(event: BlobEvent, moment: datetime) -> tuple[Json, Json]:
    """(the trigger run's properties, ``trigger().outputs``)."""
    folder, _, file = f"{event.container}/{event.blob}".rpartition("/")
    payload = {
        "topic": event.account_id,
        "subject": _subject(event),
        "eventType": event.type,
        "id": str(uuid.uuid4()),
        "data": {"api": event.api, "url": event.url, **({} if event.size is None else {"contentLength": event.size})},
        "eventTime": moment.isoformat(),
    }
    return {"EventPayload": json.dumps(payload)}, {"body": {"folderPath": folder, "fileName": file}}


def _subject(event: BlobEvent) -> str:
    return f"/blobServices/default/containers/{event.container}/blobs/{event.blob}"
