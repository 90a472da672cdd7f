"""Triggers of data factories: what is refused of them, start and stop, and their runs.

* https://learn.microsoft.com/rest/api/datafactory/triggers and …/trigger-runs
* https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger (Event Grid, the caller's permission)

Error codes and sentences are (inferred) where no source is named beside them.
"""

from __future__ import annotations

from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, bad_request
from toolkit.sandbox.arm.registration import is_registered
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import FactoryRefused

_RUNS = "Microsoft.DataFactory/factories/triggers/triggerRuns"
_BLOB_EVENTS = "BlobEventsTrigger"
_RUN_HERE = ("ScheduleTrigger", "TumblingWindowTrigger", _BLOB_EVENTS)
_EVENTS = ("Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted")
_SUBSCRIBED_KINDS = ("storagev2", "blockblobstorage", "blobstorage")


def require_trigger(call: Call, resource: Resource) -> None:
    """Refuse a PUT."""
    _refuse_started(call)
    sent = resource.properties
    given = sent.get("typeProperties") or {}
    if sent.get("type") == _BLOB_EVENTS:
        _require_blob_events(given)
    if sent.get("type") == "TumblingWindowTrigger" and call.existing is not None:
        # https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger
        before = call.existing.properties.get("typeProperties") or {}
        for name in ("frequency", "interval"):
            if before.get(name) != given.get(name):
                raise bad_request("BadRequest", f"The {name} of a tumbling window trigger cannot be changed.")


def _require_blob_events(given: Json) -> None:
    if not given.get("blobPathBeginsWith") and not given.get("blobPathEndsWith"):
        raise bad_request("BadRequest", "A storage event trigger needs blobPathBeginsWith or blobPathEndsWith.")
    events = given.get("events") or []
    if not events or any(event not in _EVENTS for event in events):
        raise bad_request(
            "BadRequest", f"The events of a storage event trigger are one or both of {', '.join(_EVENTS)}."
        )


def _refuse_started(call: Call) -> None:
    if call.existing is not None and call.existing.properties.get("runtimeState") == "Started":
        raise bad_request(
            "TriggerEnabledCannotUpdate", "Cannot update enabled Trigger; the trigger needs to be disabled first."
        )


def require_stopped(call: Call, resource: Resource) -> None:
    _refuse_started(call)


def keep_state(call: Call, resource: Resource) -> None:
    resource.properties["runtimeState"] = call.existing.properties["runtimeState"] if call.existing else "Stopped"


# -- start, stop, subscribe --------------------------------------------------------------------------------------------


async def _start(call: Call, resource: Resource) -> Answer:
    """A storage event trigger is subscribed by its start, too."""
    kind = str(resource.properties["type"])
    if kind not in _RUN_HERE:
        raise ArmError(
            501,
            "NotImplemented",
            f"The sandbox does not fire triggers of type '{kind}', so that it does not start '{resource.name}': add it "
            "to toolkit/sandbox/datafactory/triggers.py.",
        )
    if kind == _BLOB_EVENTS:
        _subscribe(call, resource)
    resource.properties["runtimeState"] = "Started"
    call.resources.touch(resource)
    return Answer(None)


async def _stop(call: Call, resource: Resource) -> Answer:
    resource.properties["runtimeState"] = "Stopped"
    if resource.properties["type"] == _BLOB_EVENTS:
        resource.internal["events"] = "Disabled"
    call.resources.touch(resource)
    return Answer(None)


def _subscribe(call: Call, resource: Resource) -> None:
    scope = str((resource.properties.get("typeProperties") or {}).get("scope"))
    account = call.referenced(scope, resource.id)
    call.require_linked("Microsoft.EventGrid/eventSubscriptions/write", account.id)
    if not is_registered(call.resources.store, account.id.split("/")[2], "Microsoft.EventGrid"):
        # Event Grid's own sentence: https://github.com/MicrosoftDocs/azure-docs/issues/13465
        raise bad_request(
            "MissingSubscriptionRegistration",
            f"The Microsoft.EventGrid resource provider is not registered in subscription {account.id.split('/')[2]}. "
            "To resolve this, register the provider in the subscription and retry the operation.",
        )
    if str(account.body.get("kind", "")).lower() not in _SUBSCRIBED_KINDS:
        # https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
        raise bad_request("BadRequest", f"Accounts of the kind '{account.body.get('kind')}' send no events.")
    resource.internal["events"] = "Enabled"


def _require_events(resource: Resource) -> None:
    if resource.properties["type"] != _BLOB_EVENTS:
        raise bad_request(
            "BadRequest", f"The trigger '{resource.name}' of type '{resource.properties['type']}' has no events."
        )


async def _subscribe_to_events(call: Call, resource: Resource) -> Answer:
    _require_events(resource)
    _subscribe(call, resource)
    call.resources.store.put(resource)
    return await _event_status(call, resource)


async def _unsubscribe_from_events(call: Call, resource: Resource) -> Answer:
    _require_events(resource)
    resource.internal["events"] = "Disabled"
    call.resources.store.put(resource)
    return await _event_status(call, resource)


async def _event_status(call: Call, resource: Resource) -> Answer:
    _require_events(resource)
    return Answer({"triggerName": resource.name, "status": resource.internal.get("events", "Disabled")})


TRIGGER_ACTIONS: dict[str, Any] = {
    "start": _start,
    "stop": _stop,
    "subscribeToEvents": _subscribe_to_events,
    "unsubscribeFromEvents": _unsubscribe_from_events,
    "getEventSubscriptionStatus": _event_status,
}


# -- runs --------------------------------------------------------------------------------------------------------------


def _run(call: Call) -> Resource | None:
    factory_id = call.id.parent_id.rsplit("/", 2)[0]
    record = call.resources.world.factories.trigger_run(factory_id, call.id.name)
    return None if record is None else Resource(id=call.id.id, type=_RUNS, body=record)


def _no_list(call: Call) -> list[Json]:
    raise ArmError(405, "MethodNotAllowed", "Trigger runs are listed by POST queryTriggerRuns on their factory.")


def _trigger_of(call: Call) -> Resource:
    trigger = call.resources.store.get(call.id.parent_id)
    assert trigger is not None
    return trigger


async def _rerun(call: Call, run: Resource) -> Answer:
    try:
        call.resources.world.factories.rerun_trigger(_trigger_of(call), call.id.name)
    except FactoryRefused as refused:
        raise ArmError(refused.status, refused.code, refused.message) from None
    return Answer(None)


async def _cancel(call: Call, run: Resource) -> Answer:
    try:
        call.resources.world.factories.cancel_trigger(_trigger_of(call), call.id.name)
    except FactoryRefused as refused:
        raise ArmError(refused.status, refused.code, refused.message) from None
    return Answer(None)


TRIGGER_RUNS = ResourceType(
    _RUNS,
    first_api_version="2017-09-01-preview",
    place="child",
    location="none",
    methods=frozenset({"GET"}),
    provisioning_state=False,
    find=_run,
    list=_no_list,
    missing=("TriggerRunNotFound", "The trigger run '{name}' could not be found."),
    actions={"rerun": _rerun, "cancel": _cancel},
)
