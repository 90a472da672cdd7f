"""Factories and what is in them: what they refuse and remember, where other parts of the product rely on it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import PLAIN, SUB, Arm
from tests.unit.sandbox.arm.test_platform import (
    ACCOUNT,
    FACTORY,
    make_account,
)


def make_factory(arm: Arm) -> None:
    arm.ok("PUT", FACTORY, {**PLAIN, "identity": {"type": "SystemAssigned"}, "properties": {}})


def test_every_factory_put_answers_200(arm: Arm) -> None:
    made = arm("PUT", FACTORY, {**PLAIN, "properties": {}})
    pipeline = {
        "properties": {"activities": [{"name": "w", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}]}
    }
    first = arm("PUT", f"{FACTORY}/pipelines/p", pipeline)
    assert (made.status_code, first.status_code) == (200, 200)
    etag = first.json()["etag"]
    assert arm.refused("PUT", f"{FACTORY}/pipelines/p", pipeline, If_Match='"old"') == (412, "PreconditionFailed")
    assert arm("GET", f"{FACTORY}/pipelines/p", If_None_Match=etag).status_code == 304


def test_references_must_exist_and_hold(arm: Arm) -> None:
    make_factory(arm)
    runtime = {"referenceName": "ir", "type": "IntegrationRuntimeReference"}
    linked = {"properties": {"type": "AzureBlobStorage", "connectVia": runtime, "typeProperties": {}}}
    assert arm.refused("PUT", f"{FACTORY}/linkedservices/ls", linked) == (400, "BadRequest")
    arm.ok("PUT", f"{FACTORY}/integrationRuntimes/ir", {"properties": {"type": "Managed"}})
    arm.ok("PUT", f"{FACTORY}/linkedServices/ls", linked)
    assert arm.refused("DELETE", f"{FACTORY}/integrationRuntimes/ir") == (400, "BadRequest")
    arm.ok("DELETE", f"{FACTORY}/linkedservices/ls")
    arm.ok("DELETE", f"{FACTORY}/integrationRuntimes/ir")


def test_started_trigger_is_stopped_before_it_changes(arm: Arm) -> None:
    make_factory(arm)
    trigger, body = f"{FACTORY}/triggers/daily", {"properties": {"type": "ScheduleTrigger", "typeProperties": {}}}
    arm.ok("PUT", trigger, body)
    arm.ok("POST", f"{trigger}/start")
    assert arm.ok("GET", trigger)["properties"]["runtimeState"] == "Started"
    assert arm.refused("PUT", trigger, body) == (400, "TriggerEnabledCannotUpdate")
    assert arm.refused("DELETE", trigger) == (400, "TriggerEnabledCannotUpdate")
    arm.ok("POST", f"{trigger}/stop")
    arm.ok("DELETE", trigger)


def events_trigger(arm: Arm, **more: Any) -> str:
    make_factory(arm)
    make_account(arm)
    given = {"scope": ACCOUNT, "events": ["Microsoft.Storage.BlobCreated"], "blobPathBeginsWith": "/in/", **more}
    arm.ok("PUT", f"{FACTORY}/triggers/files", {"properties": {"type": "BlobEventsTrigger", "typeProperties": given}})
    return f"{FACTORY}/triggers/files"


def test_a_storage_event_trigger_is_subscribed_by_its_start(arm: Arm) -> None:
    trigger = events_trigger(arm)

    def status() -> Any:
        return arm.ok("POST", f"{trigger}/getEventSubscriptionStatus")["status"]

    assert arm.refused("POST", f"{trigger}/start") == (400, "MissingSubscriptionRegistration")
    assert arm.refused("POST", f"{trigger}/subscribeToEvents") == (400, "MissingSubscriptionRegistration")
    assert status() == "Disabled"
    arm.ok("POST", f"{SUB}/providers/Microsoft.EventGrid/register")
    arm.ok("POST", f"{trigger}/start")
    assert status() == "Enabled"
    assert arm.ok("POST", f"{trigger}/unsubscribeFromEvents")["status"] == "Disabled"
    assert arm.ok("POST", f"{trigger}/subscribeToEvents")["status"] == "Enabled"
    arm.ok("POST", f"{trigger}/stop")
    assert status() == "Disabled"


@pytest.mark.parametrize(
    "more", [{"blobPathBeginsWith": ""}, {"events": []}, {"events": ["Microsoft.Storage.BlobRenamed"]}]
)
def test_what_is_no_storage_event_trigger(arm: Arm, more: Any) -> None:
    make_factory(arm)
    given = {"scope": ACCOUNT, "events": ["Microsoft.Storage.BlobCreated"], "blobPathBeginsWith": "/in/", **more}
    body = {"properties": {"type": "BlobEventsTrigger", "typeProperties": given}}
    assert arm.refused("PUT", f"{FACTORY}/triggers/files", body) == (400, "BadRequest")


@pytest.mark.parametrize("kind", ["CustomEventsTrigger", "RerunTumblingWindowTrigger", "ChainingTrigger"])
def test_a_trigger_that_would_never_fire_here_is_not_started(arm: Arm, kind: str) -> None:
    make_factory(arm)
    arm.ok("PUT", f"{FACTORY}/triggers/t", {"properties": {"type": kind, "typeProperties": {}}})
    answer = arm("POST", f"{FACTORY}/triggers/t/start")
    assert answer.status_code == 501
    assert f"does not fire triggers of type '{kind}'" in answer.text
    assert arm.ok("GET", f"{FACTORY}/triggers/t")["properties"]["runtimeState"] == "Stopped"
    assert arm.refused("POST", f"{FACTORY}/triggers/t/subscribeToEvents") == (400, "BadRequest")


def test_a_window_keeps_its_size_and_its_upstream_stays(arm: Arm) -> None:
    make_factory(arm)

    def put(name: str, **more: Any) -> Any:
        given = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", **more}
        body = {"properties": {"type": "TumblingWindowTrigger", "typeProperties": given}}
        return arm("PUT", f"{FACTORY}/triggers/{name}", body)

    upstream = {"type": "TriggerReference", "referenceName": "up"}
    depends = [{"type": "TumblingWindowTriggerDependencyReference", "referenceTrigger": upstream}]
    assert put("down", dependsOn=depends).status_code == 400
    assert put("up").status_code == put("down", dependsOn=depends).status_code == 200
    assert put("up", delay="00:10:00").status_code == 200
    for changed in ({"interval": 2}, {"frequency": "Minute"}):
        assert put("up", **changed).status_code == 400
    assert arm.refused("DELETE", f"{FACTORY}/triggers/up") == (400, "BadRequest")
    arm.ok("DELETE", f"{FACTORY}/triggers/down")
    arm.ok("DELETE", f"{FACTORY}/triggers/up")
    for action in ("rerun", "cancel"):
        assert arm.refused("POST", f"{FACTORY}/triggers/up/triggerRuns/1/{action}") == (404, "ParentResourceNotFound")
