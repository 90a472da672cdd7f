"""Runs from the command line in an applied platform's factory, for test_local.py."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Toolkit
from tests.e2e.leftovers import connected
from toolkit.adf.service import factory_of
from toolkit.assets.workspace import access
from toolkit.azure.clients import Actor

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


def check_refusals(toolkit: Toolkit) -> None:
    """What is wrong is said before anything starts, with what would be right."""
    cases = {
        "trainin": ("has no pipeline 'trainin'", "did you mean training?"),
        "training": ("code_asset_version is not given and without a default", "code_asset_version (String)"),
        "training -p code_asset_version=1 -p poll_seconds=soon": ("poll_seconds is of type int", "poll_seconds (Int)"),
    }
    for arguments, (words, hint) in cases.items():
        refused = toolkit("adf", "run", "local", *arguments.split())
        assert (refused.code, words in refused.err, hint in refused.err) == (3, True, True), refused.err
    outside = ("--as", "ci", "--vantage", "internet")
    closed = toolkit("assets", "show", "local", "training-code", *outside)
    assert closed.code == 1
    assert "the storage account's network rules refuse this address (403 AuthorizationFailure)" in closed.err
    assert "act from inside the network (--vantage vnet)" in closed.err


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
    failed = toolkit("adf", "run", "local", "network-probe", "-p", "blob=nowhere.json", "--follow")
    assert failed.code == 1
    assert "Failed Probe (WebActivity)" in failed.out
    assert "error: " in failed.out
    assert toolkit("adf", "show", "local", "00000000-0000-0000-0000-000000000000").code == 1


SRC = {"train.py": "print('trained by', __import__('os').environ['CODE_ASSET_VERSION'])", "score.py": "print('scored')"}


def check_runtime(toolkit: Toolkit, folder: Path) -> None:
    """docs/runtime-contract.md from the top: registered twice, published, trained, scored, proven; then broken."""
    for name, content in SRC.items():
        (folder / name).write_text(f"{content}\n")
    register = ("assets", "register", "local", "training-code", "--path", str(folder), "--as", "ci")
    assert "registered training-code:1 (2 files" in toolkit.ok(*register).out
    again = toolkit.ok(*register)
    assert "requested training-code:2, registered training-code:1, deduplicated" in again.out + again.err
    toolkit.ok("assets", "publish", "local", "training-code", "--version", "1", "--as", "ci")
    given = ("-p", "code_asset=training-code", "-p", "code_asset_version=1", "-p", "poll_seconds=1")
    for stage in ("training", "scoring"):
        run = toolkit.ok("adf", "run", "local", stage, "--follow", "--json", *given).json
        (read,) = [one for one in run["activities"] if one["name"] == "ReadJob"]
        job = read["output"]["name"]
        shown = toolkit.ok("jobs", "show", "local", job, "--as", "ci", "--json").json
        assert (shown["status"], shown["code"]) == ("Completed", "training-code:1")
        said = {"training": "trained by 1", "scoring": "scored"}[stage]
        assert said in toolkit.ok("jobs", "logs", "local", job, "--as", "ci").out
    proven = toolkit.ok("smoke", "local", "--category", "runtime")
    assert "2 passed, 0 failed, 0 skipped" in proven.err
    shown = toolkit.ok("assets", "show", "local", "training-code", "--as", "ci", "--json").json
    assert shown["version"] == "1"  # the proof has a pointer of its own

    with pointer_says(toolkit, "training-code", "9"):
        broken = toolkit("smoke", "local", "--check", "runtime-pointer")
    assert broken.code == 1
    assert "has no training-code:9" in broken.out
    assert "-> registered" in broken.out
    with misread(toolkit):
        broken = toolkit("smoke", "local", "--category", "runtime")
    assert broken.code == 1
    assert "the chain breaks at 'returned'" in " ".join(broken.out.split())
    assert re.search(r"^  -> returned +training-code:1, not smoke-code-", broken.out, re.MULTILINE), broken.out
    report = max((toolkit.project / ".toolkit" / "local" / "evidence").iterdir()) / "smoke.md"
    assert "-> returned" in report.read_text(encoding="utf-8")


@contextmanager
def pointer_says(toolkit: Toolkit, asset: str, version: str) -> Iterator[None]:
    """Somebody writes a pointer past the toolkit; afterwards it is as it was."""
    outputs = toolkit.ok("outputs", "local", "--format", "json").json
    who = access(connected(toolkit, "local"), outputs, "ci")
    actor = Actor("ci", who.vantage, who.credential, who.subscription_id)
    with actor.blobs(outputs["pointer_storage_blob_endpoint"]) as service:
        blob = service.get_blob_client(outputs["pointer_container_name"], f"code-assets/{asset}/latest.json")
        before = blob.download_blob().readall()
        blob.upload_blob(json.dumps({**json.loads(before), "version": version}), overwrite=True)
        try:
            yield
        finally:
            blob.upload_blob(before, overwrite=True)


@contextmanager
def misread(toolkit: Toolkit) -> Iterator[None]:
    """The pipeline that reads pointers returns a version of its own, which somebody wrote into it."""
    outputs = toolkit.ok("outputs", "local", "--format", "json").json
    factory = factory_of(connected(toolkit, "local"), outputs)
    with factory.client() as client:
        place = (factory.resource_group, factory.name, "read-code-pointer")
        before = client.pipelines.get(*place)
        edited = before.serialize()
        (back,) = [one for one in edited["properties"]["activities"] if one["name"] == "ReturnVersion"]
        for entry, value in zip(back["typeProperties"]["value"], ("training-code", "1"), strict=True):
            entry["value"]["content"] = value
        client.pipelines.create_or_update(*place, edited)
        try:
            yield
        finally:
            client.pipelines.create_or_update(*place, before)


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
