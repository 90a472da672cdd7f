"""Runs from the command line in an applied platform's factory, for test_local.py."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.conftest import Toolkit
from tests.e2e.leftovers import connected
from toolkit.adf.service import factory_of

PAUSE = {
    "name": "Pause",
    "type": "Wait",
    "typeProperties": {"waitTimeInSeconds": {"type": "Expression", "value": "@pipeline().parameters.seconds"}},
}


@contextmanager
def pipeline(toolkit: Toolkit, name: str, properties: dict[str, Any]) -> Iterator[None]:
    """One that somebody published beside Terraform's, and takes away again."""
    outputs = toolkit.ok("outputs", "local", "--format", "json").json
    factory = factory_of(connected(toolkit, "local"), outputs)
    with factory.client() as client:
        client.pipelines.create_or_update(factory.resource_group, factory.name, name, properties)
    try:
        yield
    finally:
        with factory.client() as client:
            client.pipelines.delete(factory.resource_group, factory.name, name)


def check_runs(toolkit: Toolkit) -> None:
    """A run that succeeds, one that fails, and what the lists say of them."""
    waits = {"activities": [PAUSE], "parameters": {"seconds": {"type": "Int"}}}
    with pipeline(toolkit, "waits", waits):
        wrong = toolkit("adf", "run", "local", "waits", "-p", "second=1")
        assert wrong.code == 3
        assert "no parameter 'second' (did you mean seconds?)" in wrong.err
        done = toolkit.ok("adf", "run", "local", "waits", "-p", "seconds=1", "--follow", "--json").json
        assert (done["status"], done["parameters"]) == ("Succeeded", {"seconds": "1"})
        assert [(one["name"], one["status"]) for one in done["activities"]] == [("Pause", "Succeeded")]
        assert done["activities"][0]["seconds"] >= 1
        known = toolkit.ok("adf", "runs", "local", "--pipeline", "waits", "--json").json
        assert known[0]["id"] == done["id"]  # the newest first
        shown = toolkit.ok("adf", "show", "local", done["id"])
        assert "  Succeeded Pause (Wait)" in shown.out
        status = toolkit.ok("adf", "status", "local", "--json").json
        (row,) = [one for one in status["resources"] if one["name"] == "waits"]
        assert row["evidence"]["run"] == done["id"]
        assert row["terraform"] is None
    endpoint = toolkit.ok("outputs", "local", "--format", "json").json["storage_blob_endpoint"]
    failed = toolkit("adf", "run", "local", "network-probe", "-p", f"url={endpoint}ml-globals/nowhere.json", "--follow")
    assert failed.code == 1
    assert "Failed Probe (WebActivity)" in failed.out
    assert "error: " in failed.out
    assert toolkit("adf", "show", "local", "00000000-0000-0000-0000-000000000000").code == 1


def check_interrupt(toolkit: Toolkit) -> None:
    """Ctrl-C cancels the run, and the command ends when it has stopped."""
    waits = {"activities": [PAUSE], "parameters": {"seconds": {"type": "Int", "defaultValue": 300}}}
    with pipeline(toolkit, "waits-long", waits):
        process = toolkit.start("adf", "run", "local", "waits-long", "--follow", "--poll", "0.2")
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "InProgress Pause" in line and lines.count(line) == 1:
                os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130, lines
        run, *_ = toolkit.ok("adf", "runs", "local", "--pipeline", "waits-long", "--json").json
        assert run["status"] == "Cancelled"
        assert any(f"run {run['id']} is Cancelled" in line for line in lines)
        assert toolkit.ok("adf", "cancel", "local", run["id"]).out.startswith("Cancelled")
