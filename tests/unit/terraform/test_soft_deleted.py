"""Which accounts, containers, workspaces and groups of a plan are looked for. With a sandbox: e2e/test_healing.py."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import pytest

from toolkit.terraform.events import Diagnostic
from toolkit.terraform.recovery import deleted_account, deleted_container, deleted_workspace, missing_group
from toolkit.terraform.recovery.deleted_workspace import DeletedWorkspace
from toolkit.terraform.recovery.owed_purge import PurgeStep
from toolkit.terraform.recovery.past import Failed
from toolkit.terraform.recovery.soft_deleted import SoftDeleted
from toolkit.terraform.session import Session
from toolkit.waiting import Waits, steadily

GROUP = "/subscriptions/s/resourceGroups/rg"
SERVICE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stone/blobServices/default"
CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"
WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
WORKSPACE_ID = f"{GROUP}/providers/{WORKSPACE}/mlw"


def planned(kind: str, *actions: str, parent: str | None = GROUP, identity: str = "UserAssigned") -> dict[str, Any]:
    after = {
        "type": f"{kind}@2024-04-01",
        "name": "mlw",
        "parent_id": parent,
        "location": "westeurope",
        "identity": [{"type": identity}],
    }
    change = {"actions": list(actions), "before": None, "after": after}
    return {"resource_changes": [{"address": "a.x", "type": "azapi_resource", "change": change}]}


def test_containers_that_are_created_in_accounts_that_stand() -> None:
    assert deleted_container._created(planned(CONTAINER, "create", parent=SERVICE)) == [("a.x", SERVICE, "mlw")]
    for nothing in (
        planned(CONTAINER, "create", parent=None),  # of an account that is created, too
        planned(CONTAINER, "update", parent=SERVICE),
        planned(CONTAINER, "delete", "create", parent=SERVICE),  # Terraform deletes it itself, and says so
        planned(WORKSPACE, "create"),
        {},
    ):
        assert deleted_container._created(nothing) == []


DELETED = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)


def test_what_is_said_of_a_deleted_container() -> None:
    newest = {"version": "01D6", "deletedTime": DELETED.isoformat(), "remainingRetentionDays": 14}
    container = deleted_container._restorable("a.x", "stone", "raw", newest)
    assert container.when == (
        "the container stone/raw was deleted on 2026-11-26 14:05 UTC, and can be restored until 2026-12-10"
    )
    assert container.restoring[-1] == (
        "az storage container restore --account-name stone --name raw --deleted-version 01D6 --auth-mode login"
    )
    assert [container.is_named(name) for name in ("raw", "stone/raw", "ra", "other/raw")] == [True, True, False, False]


def test_accounts_that_are_created() -> None:
    account = "Microsoft.Storage/storageAccounts"
    (created,) = deleted_account._created(planned(account, "create"))
    ids = {f"{GROUP}/providers/{account}/mlw": True, f"{GROUP}/providers/{account}/other": False}
    ids[f"/subscriptions/s/resourceGroups/elsewhere/providers/{account}/MLW"] = False
    assert {id_: created.was({"storageAccountResourceId": id_}) for id_ in ids} == ids
    (of_new_group,) = deleted_account._created(planned(account, "create", parent=None))
    assert [of_new_group.was({"storageAccountResourceId": id_}) for id_ in ids] == [True, False, True]
    for nothing in (
        planned(account, "update"),
        planned(account, "delete", "create"),  # Terraform deletes it itself, and says so
        planned(CONTAINER, "create"),
        {},
    ):
        assert deleted_account._created(nothing) == []


def test_what_is_said_of_a_deleted_account() -> None:
    created = deleted_account._Created("a.x", GROUP, "stone")
    id_ = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stone"
    listed = {
        "storageAccountResourceId": id_,
        "creationTime": "2026-01-02T03:04:05Z",
        "deletionTime": DELETED.isoformat(),
        "location": "westeurope",
    }
    account = deleted_account._restorable(created, listed)
    assert account.when == (
        "the storage account stone was deleted on 2026-11-26 14:05 UTC, and can be restored until 2026-12-10"
    )
    assert account.restoring[-1].startswith(f"az rest --method put --url 'https://management.azure.com{id_}?")
    assert '"deletedAccountCreationTime":"2026-01-02T03:04:05Z"' in account.restoring[-1]


DRIFTED = {"resource_drift": [{"address": "a.x"}]}
VAULT = {"address": "module.key_vault.azapi_resource.this", "mode": "managed"}
STANDING = {"prior_state": {"values": {"root_module": {"child_modules": [{"resources": [VAULT]}]}}}}
# A vault with purge protection that was recovered for this very apply.
RECOVERED = {**STANDING, "resource_changes": [{**VAULT, "change": {"actions": ["no-op"], "importing": {"id": "x"}}}]}
KEPT = {**STANDING, "resource_changes": [{**VAULT, "change": {"actions": ["no-op"]}}]}
DATA_ONLY = {"prior_state": {"values": {"root_module": {"resources": [{"mode": "data"}]}}}}


@pytest.mark.parametrize(
    ("document", "platform"),
    [({}, False), (DATA_ONLY, False), (RECOVERED, False), (DRIFTED, True), (STANDING, True), (KEPT, True)],
    ids=str,
)
def test_who_destroyed_a_platform_does_not_want_it_back(document: dict[str, Any], platform: bool) -> None:
    assert SoftDeleted("platform")._stands(document) is platform
    assert SoftDeleted("bootstrap")._stands(document) is True


def test_workspaces_that_cannot_be_recovered() -> None:
    step = PurgeStep("workspace", WORKSPACE_ID, "westeurope")
    assert deleted_workspace._created(planned(WORKSPACE, "create")) == {"a.x": step}
    for nothing in (
        planned(WORKSPACE, "create", identity="SystemAssigned"),
        planned(WORKSPACE, "create", identity="SystemAssigned, UserAssigned"),
        planned(WORKSPACE, "update"),
        planned(CONTAINER, "create"),
    ):
        assert deleted_workspace._created(nothing) == {}


@pytest.mark.parametrize(
    ("code", "identity", "purged"),
    [
        ("Soft-deleted workspace exists. Please purge or recover it", "UserAssigned", True),
        ("Soft-deleted workspace exists. Please purge or recover it", "SystemAssigned", False),
        ("QuotaExceeded", "UserAssigned", False),
    ],
)
def test_a_name_that_is_kept_is_purged_and_tried_for_a_while(
    code: str, identity: str, purged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(
        deleted_workspace, "purge", lambda connection, steps, say: done.extend(step.name for step in steps)
    )
    clock = count(0.0, 100.0)

    class Run:
        connection = None
        observer = type("Seen", (), {"step": staticmethod(lambda text: None)})

    waits = Waits(steadily(0.0), lambda: next(clock))
    errors = [Diagnostic("error", "creating/updating Resource", f"RESPONSE 400\nERROR CODE: BadRequest\n{code}", "a.x")]
    document = planned(WORKSPACE, "create", identity=identity)
    failed = Failed(cast(Session, Run()), "platform", document, errors, waits)
    mended = [DeletedWorkspace().after_failure(failed) for _ in range(5)]
    tries = sum(each is not None for each in mended)
    assert (0 < tries < 5, mended[-1]) == (purged, None)
    assert done == ["mlw"] * tries


def test_groups_that_a_plan_creates_in() -> None:
    assert missing_group._groups(planned(WORKSPACE, "create")) == {GROUP}
    assert missing_group._groups(planned(CONTAINER, "create", parent=SERVICE)) == set()
    assert missing_group._groups(planned(WORKSPACE, "update")) == set()
    assert (
        missing_group._groups(planned("Microsoft.Resources/resourceGroups", "create", parent="/subscriptions/s"))
        == set()
    )
