"""Reading writes nothing, and what holds state or data survives every change of an environment's data.

The tests share a project and run in the order in which they stand here: the first ones before anything is made.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.contract.smoke_platform import ROLES_API_VERSION, Platform
from tests.e2e.conftest import Toolkit
from tests.e2e.leftovers import connected
from tests.e2e.requests import requests
from tests.e2e.verdicts import ENVIRONMENT, LOCAL, NOT_PLANNED, ROWS, Row, Verdict
from toolkit.environment import Environment, load_environment
from toolkit.errors import ToolkitError
from toolkit.project import Project
from toolkit.runs.bootstrap import plan_bootstrap
from toolkit.sandbox import client
from toolkit.terraform.events import Silent
from toolkit.terraform.initialising import prepare
from toolkit.terraform.losses import losses
from toolkit.terraform.planning import make_plan
from toolkit.terraform.session import open_session
from toolkit.terraform.state import StateStore, read_backend
from toolkit.terraform.unchangeable import refusals
from toolkit.terraform.workspace import ROOTS, declared_variables

pytestmark = pytest.mark.e2e

STORAGE = "2023-05-01"
ELSEWHERE = "10ca1000-0000-4000-8000-0000000000b1"
CONTAINER = 'module.storage.azapi_resource.container["archive"]'


@contextmanager
def edited(project: Path, file: str, old: str, new: str) -> Iterator[None]:
    path = project / "envs" / file
    before = path.read_text(encoding="utf-8")
    assert not old or before.count(old) == 1, f"{file} has {old!r} {before.count(old)} times"
    path.write_text(before.replace(old, new) if old else before + new, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def changed(project: Path, one: Row) -> AbstractContextManager[None]:
    return edited(project, one.file, one.old, one.new)


# -- before anything is made -------------------------------------------------------------------------------------------


def test_destroy_of_what_was_never_made_makes_nothing(toolkit: Toolkit) -> None:
    toolkit.ok("sandbox", "start")
    with requests(toolkit.project) as seen:
        destroyed = toolkit.ok("destroy", "local")
        planned = toolkit.ok("plan", "local", "--destroy")
    assert destroyed.out == "Nothing to destroy: local has no resources.\n"
    assert planned.out.startswith("No changes: ")
    assert seen.lines
    assert seen.writes == []


@pytest.mark.parametrize(
    ("command", "code"),
    [(("outputs", "local"), 1), (("smoke", "local"), 1), (("env", "validate"), 0), (("env", "show", "local"), 0)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_reading_what_was_never_made_makes_nothing(toolkit: Toolkit, command: tuple[str, ...], code: int) -> None:
    with requests(toolkit.project) as seen:
        result = toolkit(*command)
    assert result.code == code, result.err
    assert seen.writes == []


def test_a_plan_makes_the_bootstrap_that_is_missing_and_says_so(toolkit: Toolkit) -> None:
    with requests(toolkit.project) as seen:
        result = toolkit("plan", "local")
    assert result.code == 2, result.err
    assert "local has no bootstrap yet: making it" in result.err
    assert {write.split()[0] for write in seen.writes} <= {"PUT", "POST", "DELETE"}
    # Our own probe blobs are deleted again.
    deleted = [write for write in seen.writes if write.startswith("DELETE")]
    assert [write for write in deleted if "/tfstate/toolkit-probe-" not in write] == [], (
        "nothing but our own probe blobs"
    )


def test_a_name_that_somebody_else_has_is_found_before_anything_is_made(toolkit: Toolkit) -> None:
    connection = connected(toolkit, "local")
    sandbox = client.ensure_running(toolkit.project)
    sandbox.subscription(connection.environment.tenant_id, ELSEWHERE, "elsewhere")
    other = Platform(toolkit.project, connection, {})
    group = f"/subscriptions/{ELSEWHERE}/resourceGroups/rg"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stmlplocal094da"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    try:
        other.call("POST", f"/subscriptions/{ELSEWHERE}/providers/Microsoft.Storage/register", "2021-04-01")
        other.call("PUT", group, "2021-04-01", {"location": "westeurope"})
        other.call("PUT", account, STORAGE, body)
        with requests(toolkit.project) as seen:
            result = toolkit("apply", "local", "--no-smoke")
        assert result.code == 1
        assert "names of the plan are taken" in result.err
        assert "module.storage.azapi_resource.this: stmlplocal094da (AlreadyExists" in result.err
        assert [write for write in seen.writes if ELSEWHERE not in write] == []  # its own may still be written down
    finally:
        other.call("DELETE", account, STORAGE)
        other.close()


def test_zones_that_the_region_lacks_are_found_before_anything_is_made(toolkit: Toolkit) -> None:
    project = toolkit.project
    with (
        edited(project, "local/env.toml", '"westeurope"', '"ukwest"'),
        edited(project, LOCAL, 'sku             = "Standard_LRS"', 'sku             = "Standard_ZRS"'),
        edited(project, LOCAL, "function_app = {}\n", "function_app = { zone_redundant = true }\n"),
        edited(project, LOCAL, "netnum = 2, nat = false }", "netnum = 2, nat = true }"),
        edited(project, LOCAL, "network = {\n", 'network = {\n  nat_zones = ["1", "2", "3"]\n'),
        requests(project) as seen,
    ):
        result = toolkit("apply", "local", "--no-smoke")
    assert result.code == 1, result.err
    said = " ".join(result.err.split())
    for part in (
        "nothing was changed in local: the region lacks what the plan makes there",
        "module.function_app[0].azapi_resource.plan: ukwest has no zone-redundant Flex Consumption; regions",
        "module.network[0].azapi_resource.public_ip[0]: ukwest has no availability zones, not 1, 2, 3",
        "choose another location in envs/local/env.toml, or change function_app.zone_redundant or network.nat_zones",
    ):
        assert part in said
    assert seen.writes == []


# -- afterwards --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def applied(toolkit: Toolkit) -> Toolkit:
    """`local`, with a container in each account that nothing else asks for."""
    path = toolkit.project / "envs" / LOCAL
    text = path.read_text(encoding="utf-8")
    for listed, more in (
        ('"smoke", "adftrain"]', '"smoke", "adftrain", "archive"]'),
        ('"curated"]', '"curated", "extra"]'),
    ):
        assert text.count(listed) == 1
        text = text.replace(listed, more)
    path.write_text(text, encoding="utf-8")
    toolkit.ok("apply", "local", "--no-smoke")
    return toolkit


READING = (
    ("plan", "local"),
    ("plan", "local", "--no-lock"),
    ("plan", "local", "--destroy"),
    ("outputs", "local"),
    ("outputs", "local", "--refresh"),
    ("env", "list"),
    ("env", "show", "local"),
    ("env", "validate"),
    ("env", "diff", "local", "dev@sandbox"),
    ("doctor", "--toolchain"),
    ("doctor", "local", "--skip", "packages"),
    ("drift", "local"),
    ("sandbox", "status"),
)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_changes_nothing(applied: Toolkit, command: tuple[str, ...]) -> None:
    with requests(applied.project) as seen:
        result = applied(*command)
    assert result.code in (0, 2), result.err
    assert seen.writes == []


def test_smoke_writes_its_own_blobs_and_secrets_and_nothing_else(applied: Toolkit) -> None:
    with requests(applied.project) as seen:
        applied.ok("smoke", "local")
    arm = [write for write in seen.writes if "//management.azure.com/" in write]
    probes = [write for write in arm if "/pipelines/network-paths" in write and "/createRun?" in write]
    assert arm == probes
    assert len(probes) == 2


@pytest.mark.parametrize("name", ["location", "workload", "storage.containers"])
def test_a_plan_of_a_loss_changes_nothing_and_says_what_apply_refuses(applied: Toolkit, name: str) -> None:
    with requests(applied.project) as seen, changed(applied.project, row(name)):
        result = applied("plan", "local", "--json")
    assert result.code == 4, result.err
    assert result.json["refused"]
    assert {one["policy"] for one in result.json["guard"]["findings"]} == {"stateful-kept"}
    assert seen.writes == []


def test_apply_refuses_what_would_be_lost_and_changes_nothing(applied: Toolkit) -> None:
    with requests(applied.project) as seen, changed(applied.project, row("location")):
        result = applied("apply", "local", "--no-smoke")
    assert result.code == 4
    assert (
        "replace module.storage.azapi_resource.this (Microsoft.Storage/storageAccounts), because of location"
        in result.err
    )
    assert "lost: all blobs" in result.err
    assert seen.writes == []


def test_a_plan_that_is_handed_over_is_refused_as_well(applied: Toolkit, tmp_path: Path) -> None:
    with changed(applied.project, row("storage.containers")):
        assert applied("plan", "local", "--out", str(tmp_path / "plan")).code == 4
        result = applied("apply", "local", "--no-smoke", "--plan", str(tmp_path / "plan"))
    assert result.code == 4
    assert f"delete {CONTAINER}" in result.err
    assert "because its key is no longer in the configuration" in result.err


def test_a_loss_that_is_allowed_by_name_happens_and_its_reason_is_kept(applied: Toolkit) -> None:
    with changed(applied.project, row("storage.containers")):
        assert applied("apply", "local", "--no-smoke", "--allow-replace", "module.typo.azapi_resource.this=x").code == 3
        applied.ok("apply", "local", "--no-smoke", "--allow-replace", f"{CONTAINER}=not used any more")
    folder = max((applied.project / ".toolkit" / "local" / "evidence").iterdir())
    assert json.loads((folder / "plan.json").read_text())["allowed"] == {CONTAINER: "not used any more"}
    # It stands soft-deleted now, so that making it anew takes another word.
    applied.ok("apply", "local", "--no-smoke", "--recreate-empty", "archive")


# -- what is there already, and what somebody holds --------------------------------------------------------------------


@pytest.fixture(scope="module")
def owner(applied: Toolkit) -> Iterator[Platform]:
    """Somebody else with rights on the platform's resources, without its Terraform."""
    platform = Platform(applied.project, connected(applied, "local"), applied.ok("outputs", "local", "--json").json)
    try:
        yield platform
    finally:
        platform.close()


def test_a_container_made_in_the_portal_is_taken_over(applied: Toolkit, owner: Platform) -> None:
    services = f"{owner.outputs['storage_account_id']}/blobServices/default"
    owner.call("PUT", f"{services}/containers/models", STORAGE, {"properties": {}})
    with edited(applied.project, LOCAL, '"adftrain", "archive"]', '"adftrain", "archive", "models"]'):
        result = applied.ok("apply", "local", "--no-smoke")
        assert 'module.storage.azapi_resource.container["models"]; planning again' in result.err
        assert applied("plan", "local").code == 0
        owner.call("DELETE", f"{services}/containers/models", STORAGE)


@pytest.mark.slow
def test_a_container_made_in_the_portal_is_adopted_by_its_address(applied: Toolkit, owner: Platform) -> None:
    """The plan says what it changes of it before anybody confirms; what is not there, or not asked for, is told."""
    services = f"{owner.outputs['storage_account_id']}/blobServices/default"
    address = 'module.storage.azapi_resource.container["drafts"]'
    with edited(applied.project, LOCAL, '"adftrain", "archive"]', '"adftrain", "archive", "drafts"]'):
        nothing = applied("plan", "local", "--adopt", address)
        assert nothing.code == 3
        assert "nothing is there to adopt" in nothing.err
        owner.call("PUT", f"{services}/containers/drafts", STORAGE, {"properties": {"metadata": {"made": "by hand"}}})
        planned = applied("plan", "local", "--adopt", "all")
        assert planned.code == 2
        assert "is there already, and is adopted" in planned.out
        assert "metadata.made by hand -> (not set)" in planned.out
        result = applied.ok("apply", "local", "--no-smoke", "--adopt", address)
        assert f"--adopt: 1 taken into the state: {address}" in result.err
        assert "planning again" not in result.err
        assert applied("plan", "local").code == 0
        assert "in the state already" in applied("plan", "local", "--adopt", address).err
        owner.call("DELETE", f"{services}/containers/drafts", STORAGE)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--adopt", "all")], ids=["met on the way", "adopted by the plan"])
def test_a_whole_platform_whose_state_is_lost_is_taken_over(
    options: tuple[str, ...], applied: Toolkit, owner: Platform
) -> None:
    """The agent died with its disk before Terraform had saved anything. One role has another name meanwhile."""
    account = owner.outputs["storage_account_id"]
    assignments = f"{account}/providers/Microsoft.Authorization/roleAssignments"
    ours = next(
        item
        for item in owner.call("GET", assignments, ROLES_API_VERSION)["value"]
        if item["properties"]["scope"] == account
    )
    properties = {key: ours["properties"][key] for key in ("roleDefinitionId", "principalId", "principalType")}
    owner.call("DELETE", ours["id"], ROLES_API_VERSION)
    owner.call("PUT", f"{assignments}/{uuid.uuid4()}", ROLES_API_VERSION, {"properties": properties})
    store = StateStore(owner.connection, read_backend(owner.connection.environment))
    with store._service() as service:
        service.get_blob_client(store.backend.container_name, store.backend.key).delete_blob()

    with requests(applied.project) as seen:
        result = applied.ok("apply", "local", "--no-smoke", *options)
    assert ("--adopt: " if options else "exist already, with the very id") in result.err
    deleted = [write for write in seen.writes if write.startswith("DELETE https://management.azure.com")]
    assert len(deleted) == 1, "the assignment with the other name is replaced, and nothing else"
    assert "/roleAssignments/" in deleted[0]
    assert owner.call("GET", ours["id"], ROLES_API_VERSION)["id"] == ours["id"]
    assert applied("plan", "local").code == 0


def test_a_destroy_that_failed_promises_no_purge_of_what_lives(applied: Toolkit, owner: Platform) -> None:
    vault, workspace = owner.outputs["key_vault_id"], owner.outputs["machine_learning_workspace_id"]
    owed = [
        {"kind": "vault", "resource_id": vault, "location": "westeurope"},
        {"kind": "workspace", "resource_id": workspace, "location": "westeurope"},
    ]
    (applied.project / ".toolkit" / "local" / "purge.json").write_text(json.dumps(owed))
    assert applied("plan", "local", "--json").json["steps"] == []


def test_a_lock_of_another_team_is_found_before_a_destroy_begins(applied: Toolkit, owner: Platform) -> None:
    group = owner.outputs["storage_account_id"].partition("/providers/")[0]
    lock = f"{group}/providers/Microsoft.Authorization/locks/finance"
    body = {"properties": {"level": "CanNotDelete", "notes": "audit until March"}}
    owner.call("PUT", lock, "2020-05-01", body)
    try:
        with requests(applied.project) as seen:
            result = applied("destroy", "local")
    finally:
        owner.call("DELETE", lock, "2020-05-01")
    assert result.code == 4
    assert f"CanNotDelete on {group}: audit until March" in result.err
    assert f"az lock delete --ids '{lock}'" in result.err
    assert seen.writes == []


# -- every input, changed once -----------------------------------------------------------------------------------------


def test_the_table_has_every_input() -> None:
    rows = {row.name.partition(".")[0] for row in ROWS}
    renamed = {
        "tenant_id": "tenant",
        "subscription_id": "subscription",
        "allow_warnings": "smoke",
        "allowed_smoke_skips": "smoke",
        "allowed_extras": "smoke",
        "ignored_drift": "drift",
        "sandbox_core_quotas": "sandbox",
        "sandbox_standings": "sandbox",
    }
    keys = {renamed.get(f.name, f.name) for f in fields(Environment)} - {"project", "name", "data_name"}
    variables = {name for root in ROOTS for name in declared_variables(ROOT / "terraform" / root)}
    assert (keys | variables) - rows - NOT_PLANNED.keys() == set()
    naming = (ROOT / "terraform/modules/naming/main.tf").read_text(encoding="utf-8")
    names = re.findall(r"^    (\w+) +=", naming.partition("computed = {")[2].partition("\n  }")[0], re.MULTILINE)
    assert {f"name_overrides.{name}" for name in names} <= {row.name for row in ROWS}


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_a_row_of_the_table_can_be_made(applied: Toolkit, one: Row) -> None:
    """The environment's files move on, and the table's edits with them: seen here, and not in minutes."""
    with changed(applied.project, one):
        assert applied.project.is_dir()


def verdicts(project: Path) -> tuple[Verdict, Verdict]:
    """What the two roots make of the environment as it is now. Nothing is applied."""
    try:
        environment = load_environment("local", Project(project))
    except ToolkitError:
        return "invalid", "invalid"
    found: list[Verdict] = []
    for root in ROOTS:
        try:
            with open_session(environment, "test", Silent()) as session:
                if root == "bootstrap":
                    plan, local = plan_bootstrap(session)
                    assert not local, "the state was looked for elsewhere"
                else:
                    prepare(session)
                    plan = make_plan(session)
        except ToolkitError:
            found.append("invalid")
            continue
        lost = losses(plan.summary) or refusals(plan.document)
        found.append("refused" if lost else "nothing" if plan.summary.empty else "changes")
    return found[0], found[1]


def test_a_sample_of_the_table(applied: Toolkit) -> None:
    one = row("name_overrides.identity")
    with changed(applied.project, one):
        assert verdicts(applied.project) == (one.bootstrap, one.platform)


@pytest.mark.slow
def test_every_input_changed_once(applied: Toolkit, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole table takes minutes; it is printed. INPUT_ONLY narrows it to the rows whose names have one of its words
    in them (``network,private_dns``).
    """
    only = [word for word in os.environ.get("INPUT_ONLY", "").split(",") if word]
    wrong: list[str] = []
    lines: list[str] = []
    for one in (one for one in ROWS if not only or any(word in one.name for word in only)):
        with changed(applied.project, one):
            found = verdicts(applied.project)
        lines.append(f"{one.name:<50} {found[0]:<10} {found[1]:<10}")
        with capsys.disabled():
            print(lines[-1], flush=True)
        if found != (one.bootstrap, one.platform):
            wrong.append(f"{one.name}: {found}, not {(one.bootstrap, one.platform)}")
    with capsys.disabled():
        print(Counter(line.split()[-1] for line in lines))
    assert wrong == []
    assert lines
    assert only or {row.name for row in ENVIRONMENT} <= {line.split()[0] for line in lines}
