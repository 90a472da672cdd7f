"""A healthy platform is all green, twice; every way of breaking it that is listed here turns a named check red."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from azure.core.credentials import TokenCredential
from azure.core.paging import ItemPaged
from azure.identity import ManagedIdentityCredential

from tests.conftest import copy_project
from tests.contract.smoke_causes import CASES, RED_LINES
from tests.contract.smoke_mutations import BLOB_DATA_CONTRIBUTOR, BREAKAGES, MUTATIONS, no_link, open_firewall
from tests.contract.smoke_platform import ROLES_API_VERSION, Platform, applied_platform, toolkit
from tests.contract.smoke_work import WORK
from tests.mutations.breaking import Broken, Mutation
from tests.mutations.platform_table import QUICK, assert_seen, sample
from tests.mutations.runtime_links import SAMPLE, assert_red, left_behind, no_retries, prove
from toolkit import checks
from toolkit.azure.api_versions import api_version
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import CheckResult, SilentCheckObserver
from toolkit.environment import Connection
from toolkit.errors import ToolkitError
from toolkit.sandbox import client
from toolkit.smoke.checks import exact
from toolkit.smoke.context import BLOB_PREFIX
from toolkit.smoke.registry import CHECKS
from toolkit.smoke.run import RunLost, run

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    project = copy_project(tmp_path_factory.mktemp("smoke"))
    with applied_platform(project) as platform:
        yield platform


def test_a_healthy_platform_is_all_green_twice_and_nothing_is_left_behind(platform: Platform) -> None:
    """`local` has neither locks nor keys: nothing can be proven of them, and that is no failure."""
    for _ in range(2):
        result = run(platform.connection, platform.outputs, CHECKS)
        ended = {one.check.id: (one.outcome, one.requirement) for one in result.results if one.outcome != "PASS"}
        assert ended == {
            "posture-locks": ("SKIP", "feature:locks"),
            "network-perimeter": ("SKIP", "feature:perimeter"),
            "keyvault-keys-valid": ("SKIP", "feature:encryption"),
            "posture-customer-managed-keys": ("SKIP", "feature:encryption"),
        }
        assert result.green
        assert [one.check.id for one in result.results] == [check.id for check in CHECKS]
    assert blobs(platform) == []


def test_the_platforms_pipelines_run(platform: Platform) -> None:
    """As Terraform deployed them: through the managed network, as the factory, to the pointers' account."""
    container = platform.outputs["pointer_container_name"]
    pointer = {"assetName": "train-code", "version": "7"}

    account = platform.outputs["pointer_storage_account_id"]
    actor, endpoint = platform.actor("writer", "vnet"), platform.outputs["pointer_storage_blob_endpoint"]
    granted = platform.granted(platform.probe("writer"), BLOB_DATA_CONTRIBUTOR, account)
    with granted, actor.blobs(endpoint) as service:
        blob = service.get_blob_client(container, "code-assets/train-code/latest.json")
        blob.upload_blob(json.dumps(pointer), overwrite=True)
        try:
            read = platform.pipeline_run("read-code-pointer", {"code_asset": "train-code"})
            assert (read["status"], read["message"]) == ("Succeeded", "")
            assert read["pipelineReturnValue"] == {"name": "train-code", "version": "7"}
            probe = platform.pipeline_run("network-probe", {"blob": blob.blob_name})
            assert probe["status"] == "Succeeded", probe["message"]
            assert platform.activity_outputs(probe) == {"Probe": {}}
            blob.upload_blob(json.dumps({**pointer, "assetName": "other"}), overwrite=True)
            wrong = platform.pipeline_run("read-code-pointer", {"code_asset": "train-code"})
            assert "The pointer of train-code names the asset other, version 7." in wrong["message"]
        finally:
            blob.delete_blob()


def test_denials_carry_azures_own_codes(platform: Platform) -> None:
    found = platform.smoke(*(check.id for check in CHECKS if check.id.endswith("-denied")))
    answers = {name: set(codes(one.facts)) for name, one in found.items()}
    assert {name: said.pop() if len(said) == 1 else said for name, said in answers.items()} == {
        "storage-reader-write-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-nobody-read-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-internet-write-denied": (403, "AuthorizationFailure"),
        "storage-internet-lake-denied": (403, "AuthorizationFailure"),
        "storage-internet-pointers-denied": (403, "AuthorizationFailure"),
        "storage-pointers-writer-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-reader-change-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-reader-elsewhere-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-writer-containers-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-delegation-key-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-nobody-accounts-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-nobody-write-denied": (403, "AuthorizationPermissionMismatch"),
        **{
            f"storage-internet-{kind}-denied": (403, "AuthorizationFailure")
            for kind in ("blob", "dfs", "file", "queue", "table")
        },
        "storage-shared-key-denied": (403, "KeyBasedAuthenticationNotPermitted"),
        "storage-account-sas-denied": (403, "KeyBasedAuthenticationNotPermitted"),
        "storage-service-sas-denied": (403, "KeyBasedAuthenticationNotPermitted"),
        "storage-anonymous-denied": (401, "NoAuthenticationInformation"),
        "storage-plain-http-denied": (400, "AccountRequiresHttps"),
        "storage-audience-denied": (401, "InvalidAuthenticationInfo"),
        "storage-forged-token-denied": (401, "InvalidAuthenticationInfo"),
        "state-writer-denied": (403, "AuthorizationPermissionMismatch"),
        "state-nobody-denied": (403, "AuthorizationPermissionMismatch"),
        "state-managed-denied": (403, "AuthorizationFailure"),
        "state-shared-key-denied": (403, "KeyBasedAuthenticationNotPermitted"),
        "state-anonymous-denied": (401, "NoAuthenticationInformation"),
        "state-plain-http-denied": (400, "AccountRequiresHttps"),
        "keyvault-reader-value-denied": (403, "ForbiddenByRbac"),
        "keyvault-nobody-denied": (403, "ForbiddenByRbac"),
        "keyvault-nobody-keys-denied": (403, "ForbiddenByRbac"),
        "keyvault-reader-change-denied": (403, "ForbiddenByRbac"),
        "keyvault-anonymous-denied": (401, "Unauthorized"),
        "keyvault-audience-denied": (401, "Unauthorized"),
        "keyvault-internet-denied": (403, "ForbiddenByConnection"),
        "registry-nobody-denied": (401, "UNAUTHORIZED"),
        "registry-anonymous-denied": (401, "UNAUTHORIZED"),
        "registry-internet-denied": (403, "DENIED"),
        "registry-admin-denied": (400, "UnAuthorizedForCredentialOperations"),
        "adf-autoresolve-denied": (403, "AuthorizationFailure"),
        "workspace-internet-denied": (401, "UNAUTHENTICATED"),
        "workspace-nobody-denied": (403, "PERMISSION_DENIED"),
        "workspace-audience-denied": (401, "UNAUTHENTICATED"),
        "batch-nobody-denied": (403, "PermissionDenied"),
        "batch-internet-denied": (403, "AuthorizationFailure"),
        "batch-shared-key-denied": (403, "AuthenticationFailed"),
        "batch-audience-denied": (401, "AuthenticationFailed"),
        "batch-anonymous-denied": (401, "AuthenticationFailed"),
        "function-internet-denied": (403, "IpForbidden"),
        "function-password-denied": (401, None),
    }


def codes(facts: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Status and code of each refusal among a check's facts."""
    for one in facts["refused"].values() if "refused" in facts else [facts]:
        yield one["status"], one["code"]


def test_ci_alone_writes_code_pointers(platform: Platform) -> None:
    """Of everybody who has any role at the pointers or above them, in the platform, the bootstrap and the sandbox."""
    container = platform.outputs["pointer_storage_containers"][platform.outputs["pointer_container_name"]]
    writing = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
    listed = f"{container}/providers/Microsoft.Authorization/roleAssignments"
    found = platform.call("GET", f"{listed}?$filter=atScope()", ROLES_API_VERSION)["value"]
    writers = set()
    for assignment in (one["properties"] for one in found):
        definition = platform.call("GET", assignment["roleDefinitionId"], ROLES_API_VERSION)["properties"]
        actions = [action for each in definition["permissions"] for action in each["dataActions"]]
        if any(fnmatch.fnmatchcase(writing.lower(), action.lower()) for action in actions):
            writers.add(assignment["principalId"])
    assert len(found) > 5
    assert writers == {platform.outputs["identities"]["ci"]["principal_id"]}


@pytest.mark.parametrize("name", WORK)
def test_every_identity_can_do_its_work(platform: Platform, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def hosted(resource_id: str, vantage: str) -> TokenCredential:
        for variable, value in client.ensure_running(platform.project).identity_settings(resource_id).items():
            monkeypatch.setenv(variable, value)
        return ManagedIdentityCredential(**platform.connection.vantages[vantage].client_options)

    WORK[name](platform, hosted)


@pytest.mark.parametrize("one", sample(), ids=lambda one: one.area)
def test_what_nobody_meant_is_seen(platform: Platform, one: Mutation) -> None:
    """One mutation of each area; the whole table runs in tests/mutations/test_platform.py."""
    assert_seen(Broken(platform), one, QUICK)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_turns_its_checks_red_and_putting_it_right_green(platform: Platform, name: str) -> None:
    mutate, expected = MUTATIONS[name]
    with mutate(platform):
        found = platform.smoke(*expected)
    assert {check: one.outcome for check, one in found.items()} == dict.fromkeys(expected, "FAIL")
    assert [check for check, one in found.items() if not one.hint] == []
    assert {check: word in found[check].reason for check, word in expected.items()} == dict.fromkeys(expected, True), {
        check: one.reason for check, one in found.items()
    }
    assert {check: one.reason for check, one in platform.smoke(*expected).items() if one.outcome != "PASS"} == {}


def test_a_lease_that_somebody_works_with_is_named_and_leaves_denials_unproven(platform: Platform) -> None:
    """What it does not let in to is proven as ever, and what it does is neither a false alarm nor a pass."""
    opened = toolkit(platform.project, "firewall", "open", "local", "--target", "storage")
    assert opened.returncode == 0, opened.stderr
    lease = opened.stdout.strip()
    denials = ("storage-internet-write-denied", "storage-internet-blob-denied", "storage-internet-lake-denied")
    try:
        found = platform.smoke("posture-leases-closed", "network-exceptions", *denials)
    finally:
        closed = toolkit(platform.project, "firewall", "close", "local", lease)
    assert closed.returncode == 0, closed.stderr
    outcomes = [found[one].outcome for one in ("posture-leases-closed", "network-exceptions", *denials)]
    assert outcomes == ["PASS", "PASS", "SKIP", "SKIP", "PASS"], [one.reason for one in found.values()]
    assert lease in str(found["posture-leases-closed"].facts["open"])
    for one in denials[:2]:
        assert (found[one].requirement, found[one].cause, found[one].red) == (f"lease:{lease}", "lease", False)
        assert f"was allowed by lease {lease} of" in found[one].reason
    assert {one.outcome for one in platform.smoke(*denials).values()} == {"PASS"}


def test_a_lifted_lock_is_seen(platform: Platform) -> None:
    """`local` has no locks, so a lock is made here and lifted, as Terraform and somebody after it would."""
    lock = f"{platform.outputs['storage_account_id']}/providers/Microsoft.Authorization/locks/do-not-delete"
    platform.call("PUT", lock, api_version(lock), {"properties": {"level": "CanNotDelete"}})
    with platform.said(locks={"storage": lock}, features={**platform.outputs["features"], "locks": True}):
        assert platform.smoke("posture-locks")["posture-locks"].outcome == "PASS"
        platform.call("DELETE", lock, api_version(lock))
        lifted = platform.smoke("posture-locks")["posture-locks"]
    assert (lifted.outcome, "404" in lifted.reason) == ("FAIL", True)


def test_no_check_passes_on_lists_that_are_empty(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may read nothing gets an empty list of much on Azure: nothing found is nothing proven."""
    listed: list[str] = []

    def nothing(*_: Any, **__: Any) -> Iterator[Any]:
        listed.append("")
        return iter(())

    monkeypatch.setattr(RestClient, "list", nothing)
    monkeypatch.setattr(ItemPaged, "__iter__", nothing)
    monkeypatch.setattr(ItemPaged, "__next__", lambda self: next(nothing()))
    green, asked = [], 0
    for check in CHECKS:
        listed.clear()
        (result,) = run(platform.connection, platform.outputs, [check], patience=0).results
        if listed:
            asked += 1
            # The sweep for leftovers lists as well; what the check proves are the bytes that came back.
            green += [check.id] if result.outcome == "PASS" and "swept" not in result.facts else []
    # To who may not read the children of a resource Azure answers 403, and no empty list: these list nothing else.
    of_children = {
        *("storage-accounts-exact", "storage-ways-in", "state-recovery", "state-ways-in", "registry-nothing-added"),
        "posture-leases-closed",  # without leases, which it lists, it compares the resources' own rules with the data
        *(
            "adf-factory-exact",
            "adf-no-captures",
            "workspace-connections-exact",
            "batch-nothing-added",
            "governance-locks-exact",
            "monitoring-workspace",
        ),
    }
    # What is not listed is a finding of the fatal ones; identities are read from the resources themselves.
    by_resource = {check.id for check in CHECKS if check.severity == "warning" and check.category == "governance"}
    assert set(green) - {*of_children, *by_resource, "identity-attached"} == set()
    assert asked >= 12


def test_a_sandbox_that_does_not_answer_is_one_error(platform: Platform) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # nobody listens there once the server is closed
    place = platform.connection
    silent = {
        name: dataclasses.replace(one, settings={**one.settings, "HTTPS_PROXY": f"http://127.0.0.1:{port}"})
        for name, one in place.vantages.items()
    }
    connection = dataclasses.replace(place, vantages=silent)
    with pytest.raises(ToolkitError, match="the sandbox does not answer: nothing was proven") as caught:
        run(connection, platform.outputs, CHECKS)
    assert "toolkit sandbox start" in (caught.value.hint or "")


@pytest.mark.parametrize("name", RED_LINES)
def test_one_cause_is_one_red_line(platform: Platform, name: str) -> None:
    mutate, expected = RED_LINES[name]
    with mutate(platform):
        result = run(platform.connection, platform.outputs, CHECKS, patience=0)
    red = {one.check.id: one.reason for one in result.results if one.red}
    assert list(red) == expected, red
    skipped = [one for one in result.results if one.cause == "prerequisite"]
    assert len(skipped) >= 2
    assert {one.requirement for one in skipped} == {f"check:{expected[0]}"}
    assert run(platform.connection, platform.outputs, CHECKS, patience=0).green


def test_nothing_applied_is_one_line(platform: Platform) -> None:
    group = f"{platform.outputs['resource_group_id']}-gone"
    with (
        platform.said(resource_group_id=group),
        pytest.raises(ToolkitError, match="nothing is applied to local") as caught,
    ):
        run(platform.connection, platform.outputs, CHECKS)
    assert caught.value.hint == "toolkit apply local"


def test_a_sandbox_that_dies_in_the_middle_is_one_line(platform: Platform) -> None:
    class Ends(SilentCheckObserver):
        ended = False

        def finished(self, result: CheckResult) -> None:
            if not self.ended:
                self.ended = True
                client.stop(platform.project)

    try:
        with pytest.raises(RunLost, match="the sandbox stopped answering while the checks ran: ") as caught:
            run(platform.connection, platform.outputs, CHECKS, observer=Ends())
    finally:
        client.ensure_running(platform.project)
    result = caught.value.result
    assert (result.verdict, [one.check.id for one in result.results if one.red]) == ("interrupted", [])
    assert result.count("PASS") >= 1
    assert {one.cause for one in result.results if one.outcome == "SKIP"} <= {"interrupted", "feature", "prerequisite"}
    assert run(platform.connection, platform.outputs, CHECKS, patience=0).green


@pytest.mark.parametrize("name", CASES)
def test_refusals_that_look_alike_are_told_apart(platform: Platform, name: str) -> None:
    case = CASES[name]
    with case.mutate(platform):
        found = platform.smoke(case.check)[case.check]
    assert (found.outcome, found.cause) == ("FAIL", case.cause), found.reason
    assert case.reason in found.reason
    assert case.hint in (found.hint or "")
    assert "ipRules" not in (found.hint or "")  # no firewall is to blame
    assert platform.smoke(case.check)[case.check].outcome == "PASS"


def test_a_refusal_for_dns_says_so(platform: Platform) -> None:
    with no_link(platform):
        found = platform.smoke("storage-vnet-write")["storage-vnet-write"]
    assert found.facts["denial"] == "private-dns"
    assert "link the private DNS zone" in (found.hint or "")


def test_a_laptop_skips_what_it_cannot_do_and_the_run_is_red(platform: Platform) -> None:
    place = platform.connection
    alone = Connection(
        place.environment,
        {"internet": place.vantages["internet"]},
        None,
        {k: v for k, v in place.credential_settings.items() if not k.startswith("ACTIONS_")},
    )
    result = run(alone, platform.outputs, CHECKS, patience=0)
    skipped = {one.check.id: one.requirement for one in result.results if one.outcome == "SKIP"}
    assert skipped["storage-vnet-write"] == "vantage:vnet"
    assert skipped["storage-internet-write-denied"] == "identity:writer"
    assert [one for one in result.results if one.outcome == "FAIL"] == []
    assert result.count("PASS") >= 15
    assert not result.green


def test_leftovers_of_a_killed_run_are_swept_and_fresh_ones_are_not(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the sweep is moved instead of the blob's."""
    from toolkit.smoke.checks import storage as module

    container = platform.outputs["smoke_container_name"]
    writer = platform.actor("writer", "vnet")
    with writer.blobs(platform.outputs["storage_blob_endpoint"]) as service:
        service.get_blob_client(container, f"{BLOB_PREFIX}killed/blob").upload_blob(b"left")
    assert platform.smoke("storage-vnet-write")["storage-vnet-write"].facts["swept"] == 0
    assert blobs(platform) == [f"{BLOB_PREFIX}killed/blob"]

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(hours=2)

    monkeypatch.setattr(module, "datetime", Later)
    assert platform.smoke("storage-vnet-write")["storage-vnet-write"].facts["swept"] >= 1
    assert blobs(platform) == []


KILLED = """
import dataclasses, json, os, signal, sys
from pathlib import Path
from toolkit.environment import connect, load_environment
from toolkit.project import Project
from toolkit.smoke.checks import storage
from toolkit.smoke.registry import select
from toolkit.smoke.run import run

def dies(context):
    storage._upload(context, context.actor, b"left")
    os.kill(os.getpid(), signal.SIGKILL)

(check,) = select(ids=["storage-vnet-write"])
connection = connect(load_environment("local", Project(Path(sys.argv[1]))))
run(connection, json.loads(sys.stdin.read()), [dataclasses.replace(check, function=dies)])
"""


def test_the_next_run_removes_what_a_killed_one_left(platform: Platform) -> None:
    command = [sys.executable, "-c", KILLED, str(platform.project)]
    killed = subprocess.run(command, input=json.dumps(platform.outputs), capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(blobs(platform)) == 1
    assert platform.smoke("storage-vnet-write")["storage-vnet-write"].facts["swept"] == 1
    assert blobs(platform) == []
    assert list((platform.connection.environment.state_dir / "smoke-runs").iterdir()) == []


def test_two_suites_at_once_do_not_disturb_each_other(platform: Platform) -> None:
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(run, platform.connection, platform.outputs, CHECKS) for _ in range(2)]
        results = [one.result() for one in runs]
    assert [[one.check.id for one in result.results if one.outcome == "FAIL"] for result in results] == [[], []]
    assert [result.green for result in results] == [True, True]
    assert blobs(platform) == []


def test_each_resource_is_read_once_and_each_token_asked_for_once(platform: Platform) -> None:
    log = platform.project / ".toolkit" / "sandbox" / "logs" / "requests.jsonl"
    before = log.stat().st_size
    assert run(platform.connection, platform.outputs, CHECKS).green
    with log.open("rb") as lines:
        lines.seek(before)
        seen = [json.loads(line) for line in lines]
    arm = Counter(
        (one["method"], re.sub(r"[?&](api-version|\$skiptoken)=[^&]*", "", one["url"]).casefold())
        for one in seen
        if "://management.azure.com/" in one["url"]
    )
    assert len(arm) > 100
    assert arm.total() <= 1.5 * len(arm), arm.most_common(20)
    tokens = [one["url"] for one in seen if one["url"].endswith("/oauth2/v2.0/token")]
    # The runner and three probes, each for the services that it talks to.
    assert len(tokens) <= 16, Counter(tokens)


def test_an_apply_without_smoke_tests_leaves_evidence_that_says_so(platform: Platform) -> None:
    folder = min((platform.project / ".toolkit" / "local" / "evidence").iterdir())
    words = (folder / "smoke.md").read_text(encoding="utf-8")
    assert "no smoke tests ran" in words
    assert "--no-smoke" in words
    document = json.loads((folder / "smoke.json").read_text(encoding="utf-8"))
    assert (document["ran"], document["green"]) == (False, None)
    assert_circumstances(platform, document, words)


def assert_circumstances(platform: Platform, document: Mapping[str, Any], words: str) -> None:
    """When, which commit and subscription, as whom and from where: in the document and in the words."""
    settings = platform.connection.credential_settings
    for name, part in {
        "commit": "",
        "subscription": platform.connection.environment.subscription_id,
        "acted as": f"application {settings['AZURE_CLIENT_ID']} (object id ",
        "acted from": "internet; checks also from vnet, adf-managed, adf-public, aml-managed",
    }.items():
        assert part in document[name]
        assert f"* {name}: {document[name]}" in words
    assert re.search(r"^\* time: \d{4}-\d\d-\d\dT", words, re.MULTILINE)
    assert settings["AZURE_CLIENT_SECRET"] not in words


def test_the_command(platform: Platform, tmp_path: Path) -> None:
    junit = tmp_path / "reports" / "smoke.xml"
    done = toolkit(platform.project, "smoke", "local", "--json", "--category", "keyvault", "--junit", str(junit))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert (document["verdict"], document["green"]) == ("green", True)
    assert [one["outcome"] for one in document["checks"]] == [*["PASS"] * 8, "SKIP", "PASS"]  # no keys of ours
    assert len(ET.parse(junit).findall(".//testcase")) == 10
    folder = max((platform.project / ".toolkit" / "local" / "evidence").iterdir())
    assert {"smoke.json", "smoke.junit.xml", "smoke.md"} <= {path.name for path in folder.iterdir()}
    secret = platform.connection.credential_settings["AZURE_CLIENT_SECRET"]
    assert not [path for path in folder.iterdir() if secret in path.read_text()]
    assert_circumstances(platform, document, (folder / "smoke.md").read_text(encoding="utf-8"))
    verified = toolkit(platform.project, "evidence", "verify", "local", "--json")
    assert json.loads(verified.stdout)["attested"], verified.stderr
    sent = {one["id"]: one["requests"] for one in document["checks"] if one["outcome"] == "PASS"}
    assert [name for name, requests in sent.items() if not requests] == [], "what was sent, and what came back"
    assert {(one["method"], one["status"]) for one in sent["keyvault-internet-denied"]} == {("GET", 403)}


def test_the_command_fails_when_the_platform_is_broken(platform: Platform, tmp_path: Path) -> None:
    with open_firewall(platform, "storage_account_id"):
        arguments = ["smoke", "local", "--check", "storage-internet-write-denied", "--patience", "0"]
        done = toolkit(platform.project, *arguments, "--collect", "--html", str(tmp_path / "reports" / "smoke.html"))
    assert done.returncode == 1
    assert "a write from outside the network was allowed" in (tmp_path / "reports" / "smoke.html").read_text()
    folder = max((platform.project / ".toolkit" / "local" / "evidence").iterdir())
    with tarfile.open(folder / "collected.tar.gz") as archive:
        files = {one.name.partition("/")[2]: archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]
    assert re.search(
        r"storage-internet-write-denied \(writer at internet\): PUT https://\S+ -> 201", files["requests.txt"]
    )
    secret = platform.connection.credential_settings["AZURE_CLIENT_SECRET"]
    assert [name for name, text in files.items() if secret in text] == []
    assert "FAIL" in done.stdout
    assert "docs/checks.md#storage-internet-write-denied" in done.stdout


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_cleans_up(platform: Platform, signum: int) -> None:
    """The check waits, because the firewall is open: its blob of every attempt must be gone when it is interrupted."""
    arguments = ["smoke", "local", "--check", "storage-internet-write-denied", "--patience", "1"]
    with open_firewall(platform, "storage_account_id"):
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit", *arguments],
            env={**os.environ, "TOOLKIT_PROJECT": str(platform.project)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stderr is not None
        for line in process.stderr:
            if "waiting up to" in line:
                process.send_signal(signum)
                break
        rest = process.stderr.read()
        code = process.wait()
        watchdog.cancel()
    assert (code, rest.splitlines()[-1:]) == (130, ["interrupted"])
    assert blobs(platform) == []
    document = json.loads((last_evidence(platform) / "smoke.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, SCHEMA)
    assert (document["verdict"], document["checks"][0]["outcome"]) == ("interrupted", "SKIP")
    assert document["checks"][0]["reason"].startswith("interrupted: a write from outside the network was allowed")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_broken_link_of_the_runtime_contract_is_named(platform: Platform, name: str) -> None:
    """All of them: tests/mutations/test_runtime_links.py."""
    with no_retries(platform):
        assert_red(platform, name)


def test_the_runtime_contract_is_proven_on_request(platform: Platform) -> None:
    proven = prove(platform)
    assert proven.outcome == "PASS", (proven.reason, proven.facts)
    stages = {(one["stage"], one["link"]) for one in proven.facts["chain"] if one["stage"]}
    assert {(stage, link) for stage in ("training", "scoring") for link in ("parameter", "job", "log")} <= stages
    requested, registered, *others = (one["value"] for one in proven.facts["chain"] if one["link"] in PROVEN)
    assert requested != registered
    assert set(others) == {registered}
    assert left_behind(platform) == []


PROVEN = ("requested", "registered", "pointer", "activity", "returned", "parameter", "submitted", "job", "log")


def test_an_interrupted_proof_ends_its_run_and_its_job_and_leaves_nothing(platform: Platform) -> None:
    """Ctrl-C while the job of the first stage runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "smoke", "local", "--category", "runtime"],
        env={**os.environ, "TOOLKIT_PROJECT": str(platform.project)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    assert process.stderr is not None
    run_id = ""
    for line in process.stderr:
        if match := re.search(r"run ([0-9a-f-]{36}) of prove-code-version", line):
            run_id = match[1]
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    code = process.wait()
    watchdog.cancel()
    assert (code, rest.splitlines()[-1:]) == (130, ["interrupted"]), rest
    run_of = f"{platform.outputs['data_factory_id']}/pipelineruns/{run_id}"
    assert platform.call("GET", run_of, "2018-06-01")["status"] in ("Cancelled", "Succeeded")
    jobs = f"{platform.outputs['machine_learning_workspace_id']}/jobs"
    found = platform.call("GET", jobs, api_version(jobs))["value"]
    assert [one["name"] for one in found if one["properties"]["status"] in ("Running", "Queued", "Starting")] == []
    assert left_behind(platform) == []


SCHEMA = json.loads((Path(checks.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))


def last_evidence(platform: Platform) -> Path:
    return max((platform.project / ".toolkit" / "local" / "evidence").iterdir())


def blobs(platform: Platform) -> list[str]:
    writer = platform.actor("writer", "vnet")
    with writer.blobs(platform.outputs["storage_blob_endpoint"]) as service:
        container = service.get_container_client(platform.outputs["smoke_container_name"])
        return [blob.name for blob in container.list_blobs(name_starts_with=BLOB_PREFIX)]


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_breakage_turns_its_checks_red(platform: Platform, name: str) -> None:
    breakage, expected = BREAKAGES[name]
    assert {one.outcome for one in platform.smoke(*expected).values()} == {"PASS"}
    breakage(platform)
    found = platform.smoke(*expected)
    assert {check: one.outcome for check, one in found.items()} == dict.fromkeys(expected, "FAIL")
    assert {check: word in found[check].reason for check, word in expected.items()} == dict.fromkeys(expected, True), {
        check: one.reason for check, one in found.items()
    }
    hints = [str(one.hint) for one in found.values()]
    assert [hint for hint in hints if len(hint) < 10] == []
    if "rejected" in name:  # which cannot be approved any more
        assert [hint for hint in hints if "makes again" not in hint and "delete the" not in hint] == []


def test_every_check_but_these_is_turned_red_by_a_breakage_above() -> None:
    seen = {check for _, checks in (*MUTATIONS.values(), *BREAKAGES.values()) for check in checks}
    seen |= {case.check for case in CASES.values()}
    of_the_table = {check.id for check in exact.CHECKS}  # tests/unit/live/test_mutations_table.py
    assert {check.id for check in CHECKS} - seen - of_the_table == {
        *(f"dns-{name}-private" for name in ("pointers", "vault", "factory")),  # as -storage-
        *(f"identity-{name}-signs-in" for name in ("writer", "nobody")),  # as -reader-
        "posture-locks",  # its own test
        "keyvault-keys-valid",  # test_customer_managed_keys.py
        "posture-customer-managed-keys",
        "dns-public-outside",  # the sandbox has no way of putting a private address into public DNS
        "workspace-provisioned",  # nor of leaving a workspace half made
        "workspace-vnet-experiments",  # dns-workspace-private stands before it
        "storage-audience-denied",  # what Azure itself is for: tests/unit/smoke/test_open_world.py
        "storage-forged-token-denied",
        *(f"{service}-audience-denied" for service in ("keyvault", "workspace", "batch")),
        *(f"{service}-anonymous-denied" for service in ("keyvault", "batch")),
    }
