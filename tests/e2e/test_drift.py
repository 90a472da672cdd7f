"""Drift: changes made by hand by two identities, each named with who made it; a healthy platform has none."""

from __future__ import annotations

import json
import shlex
import ssl
import tomllib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.conftest import ROOT, copy_project
from tests.contract.smoke_platform import ROLES_API_VERSION, Platform, applied_platform, toolkit
from toolkit.azure.api_versions import api_version
from toolkit.records import Json

pytestmark = pytest.mark.e2e

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
STRANGER = "99999999-1111-4222-8333-444444444444"
FACTORY, GROUPS = "2018-06-01", "2024-03-01"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with applied_platform(copy_project(tmp_path_factory.mktemp("drift"))) as platform:
        yield platform


def drift(platform: Platform, expected: int, *arguments: str) -> Json:
    ran = toolkit(platform.project, "drift", "local", "--json", *arguments)
    assert ran.returncode == expected, ran.stdout + ran.stderr
    report: Json = json.loads(ran.stdout)
    return report


def as_identity(platform: Platform, name: str) -> httpx.Client:
    """ARM as one of the probe identities."""
    token = platform.actor(name, "internet").credential.get_token("https://management.azure.com/.default").token
    settings = platform.connection.runner.settings
    return httpx.Client(
        base_url="https://management.azure.com",
        headers={"Authorization": f"Bearer {token}"},
        proxy=settings["HTTPS_PROXY"],
        verify=ssl.create_default_context(cafile=settings["SSL_CERT_FILE"]),
        timeout=30,
    )


def test_a_healthy_platform_has_not_drifted_and_an_open_lease_is_no_drift(platform: Platform) -> None:
    assert drift(platform, 0) == {
        "schema": 1, "environment": "local", "verdict": "none",
        "drifts": [], "ignored": [], "expired": [], "idle": [], "unread": [],
    }  # fmt: skip
    opened = toolkit(platform.project, "firewall", "open", "local", "--target", "storage")
    assert opened.returncode == 0, opened.stderr
    try:
        assert drift(platform, 0)["verdict"] == "none"
    finally:
        closed = toolkit(platform.project, "firewall", "close", "local", opened.stdout.split()[0])
    assert closed.returncode == 0, closed.stderr


def by_hand(platform: Platform) -> dict[str, tuple[str, str]]:
    """Twelve changes: by words of the finding, what it is and whose."""
    outputs = platform.outputs
    group, factory, storage = (outputs[k] for k in ("resource_group_id", "data_factory_id", "storage_account_id"))
    state = json.loads((platform.project / ".toolkit" / "local" / "meant.json").read_text())["resources"]

    def one(type_: str, part: str) -> str:
        return next(each["id"] for each in state if each["type"].endswith(type_) and part in each["id"])

    def edit(resource_id: str, version: str, change: Any) -> None:
        document = platform.call("GET", resource_id, version)
        change(document)
        platform.call("PUT", resource_id, version, document)

    def rule(document: Json) -> None:
        document["properties"]["networkAcls"]["ipRules"] = [{"value": "198.51.100.77", "action": "Allow"}]

    edit(storage, api_version(storage), rule)
    platform.call("PUT", f"{storage}/blobServices/default/containers/handmade", api_version(storage), {})
    grant = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    role = f"/subscriptions/{platform.connection.environment.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{READER}"  # noqa: E501
    body = {"roleDefinitionId": role, "principalId": STRANGER, "principalType": "User"}
    platform.call("PUT", grant, ROLES_API_VERSION, {"properties": body})
    ci = one("federatedIdentityCredentials", "-ci/").rpartition("/")[0]
    trust = {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:o/r:ref:refs/heads/x"}
    credential = {"properties": {**trust, "audiences": ["api://AzureADTokenExchange"]}}
    platform.call("PUT", f"{ci}/portal", api_version(ci), credential)
    subscription = f"/subscriptions/{platform.connection.environment.subscription_id}"
    body = {"roleDefinitionId": role, "principalId": outputs["data_factory_principal_id"]}
    elsewhere = f"{subscription}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    platform.call("PUT", elsewhere, ROLES_API_VERSION, {"properties": {**body, "principalType": "ServicePrincipal"}})
    vault, soon = outputs["key_vault_id"], int((datetime.now(UTC) + timedelta(days=5)).timestamp())
    secret = {"value": "of a test", "attributes": {"exp": soon}}
    platform.call("PUT", f"{vault}/secrets/ends-soon", api_version(vault), {"properties": secret})
    tfstate = one("Microsoft.Storage/storageAccounts", "sttf")
    edit(tfstate, api_version(tfstate), lambda document: document.setdefault("tags", {}).update({"by": "hand"}))
    writer = platform.probe("writer")
    platform.call("PUT", f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", ROLES_API_VERSION,
        {"properties": {"roleDefinitionId": role.replace(READER, CONTRIBUTOR), "principalId": writer,
                        "principalType": "ServicePrincipal"}})  # fmt: skip
    with as_identity(platform, "writer") as arm:

        def put(resource_id: str, version: str, body: Json) -> None:
            answer = arm.put(resource_id, params={"api-version": version}, json=body)
            assert answer.is_success, answer.text

        wait = {"name": "wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}
        put(f"{factory}/pipelines/portal-made", FACTORY, {"properties": {"activities": [wait]}})
        properties = {
            "type": "AzureBlobStorage",
            "typeProperties": {"serviceEndpoint": "https://x.blob.core.windows.net"},
        }
        put(f"{factory}/linkedservices/portal_made", FACTORY, {"properties": properties})
        nsg = {"location": platform.connection.environment.location, "properties": {"securityRules": []}}
        put(f"{group}/providers/Microsoft.Network/networkSecurityGroups/foreign", "2024-01-01", nsg)
        deleted = arm.delete(
            f"{storage}/blobServices/default/containers/adfjobs", params={"api-version": api_version(storage)}
        )
        assert deleted.is_success, deleted.text
    return {
        "198.51.100.77": ("differs", "engineer"),
        "handmade": ("extra", "engineer"),
        STRANGER: ("extra", "engineer"),
        "portal is there": ("extra", "engineer"),
        "Reader of the data factory": ("extra", "engineer"),
        "ends-soon": ("differs", "engineer"),
        "tags.by": ("differs", "engineer"),
        "probe-writer": ("extra", "engineer"),
        "portal-made": ("extra", writer),
        "portal_made": ("extra", writer),
        "foreign": ("extra", writer),
        "default/adfjobs is missing": ("missing", writer),
    }


def test_twelve_changes_by_hand_are_named_with_who_made_them(platform: Platform, tmp_path: Path) -> None:
    expected = by_hand(platform)
    operator = platform.connection.operator
    assert operator is not None
    report = drift(platform, 2, "--markdown", str(tmp_path / "drift.md"))
    found = report["drifts"]
    words = "\n".join(one["words"] for one in found)
    for text, (what, who) in expected.items():
        fitting = [one for one in found if text in one["words"] and one["what"] == what]
        assert len(fitting) == 1, f"{text}: {words}"
        one = fitting[0]
        assert one["who"] is not None, one
        assert one["who"]["caller"] == (operator.object_id if who == "engineer" else who), one
        assert one["when"]
        assert one["commands"]["accept"].startswith("toolkit drift local --accept ")
    # The container took along the role that the tasks had on it.
    taken = [one for one in found if one["type"].endswith("roleAssignments") and one["what"] == "missing"]
    assert [one["who"]["caller"] for one in taken] == [platform.probe("writer")]
    assert len(found) == len(expected) + len(taken), words
    markdown = (tmp_path / "drift.md").read_text()
    assert all(text in markdown for text in ("198.51.100.77", "handmade", "portal-made"))
    jsonschema.validate(report, json.loads((ROOT / "toolkit" / "drift" / "drift.schema.json").read_text()))


def way(report: Json, text: str, decision: str) -> list[str]:
    """The arguments of a command that the report advises, after ``toolkit``."""
    command = next(one["commands"][decision] for one in report["drifts"] if text in one["words"])
    return shlex.split(command)[1:]


def test_each_way_on_is_the_command_that_it_says(platform: Platform) -> None:
    """After the changes above: accepted, adopted, set back; what is left is what nobody did anything about."""
    project = platform.project
    report = drift(platform, 2)
    filled = {"YYYY-MM-DD": "2099-12-31", "…": "a trial, gone next week"}
    for text in ("handmade", "198.51.100.77"):
        adopted = toolkit(project, *way(report, text, "adopt"))
        assert adopted.returncode == 0, adopted.stderr
    # One of them with brackets, which are a set of characters in a pattern.
    for text in ("portal-made", "198.51.100.77"):
        accepted = toolkit(project, *(filled.get(each, each) for each in way(report, text, "accept")))
        assert accepted.returncode == 0, accepted.stderr
    data = (project / "envs" / "local" / "terraform.tfvars").read_text()
    assert "handmade" in data
    assert "198.51.100.77" in data
    entries = tomllib.loads((project / "envs" / "local" / "env.toml").read_text())["drift"]["ignore"]
    assert [entry["reason"] for entry in entries] == ["a trial, gone next week"] * 2
    reverted = toolkit(project, *way(report, "default/adfjobs is missing", "revert"))
    assert reverted.returncode == 2, reverted.stderr
    assert "adfjobs" in reverted.stdout
    assert "portal" not in reverted.stdout
    after = drift(platform, 2)
    assert [one["reason"] for one in after["ignored"]] == ["a trial, gone next week"] * 2
    left = "\n".join(one["words"] for one in after["drifts"])
    assert "portal-made" not in left
    assert "198.51.100.77" not in left


def test_an_entry_whose_time_is_over_is_named_and_counts_no_more(platform: Platform) -> None:
    file = platform.project / "envs" / "local" / "env.toml"
    before = file.read_text()
    entries = (("*/pipelines/portal-made", "2020-01-01"), ("*/pipelines/nowhere", "2099-01-01"))
    head = before.partition("[[drift.ignore]]")[0]
    tables = [f'[[drift.ignore]]\nwhat = "{what}"\nreason = "a test"\nexpires = {day}\n' for what, day in entries]
    file.write_text(head + "\n" + "\n".join(tables))
    try:
        report = drift(platform, 2)
    finally:
        file.write_text(before)
    assert report["expired"] == ["*/pipelines/portal-made"]
    assert report["idle"] == ["*/pipelines/nowhere"]
    assert any("portal-made" in one["words"] for one in report["drifts"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--accept", "x", "--adopt", "y"], 3, "different commands"),
        (["--accept", "*/x"], 3, "needs a reason and an end"),
        (["--accept", "*/x", "--reason", "because", "--until", "2020-01-01"], 3, "is over"),
        (["--reason", "because"], 3, "belong to --accept"),
        (["--out", "x"], 3, "belongs to --revert"),
        (["--revert", "module.storag.azapi_resource.this"], 3, "did you mean module.storage.azapi_resource.this?"),
        (["--adopt", "/subscriptions/x"], 3, "has not drifted"),
    ],
)
def test_what_makes_no_sense_is_one_error(platform: Platform, arguments: list[str], code: int, said: str) -> None:
    ran = toolkit(platform.project, "drift", "local", *arguments)
    assert (ran.returncode, said in ran.stderr) == (code, True), ran.stderr
