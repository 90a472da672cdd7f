"""What `--adopt` looks for: by its id, and a role assignment by what it grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import ToolkitError, UsageError
from toolkit.terraform.adopting import Wanted, created, find, refuse_unknown, resource_id
from toolkit.terraform.plan import ADOPTED, details, markdown, summarise
from toolkit.terraform.planning import SavedPlan
from toolkit.terraform.unchangeable import fixed_values, refusals

GROUP = "/subscriptions/s/resourceGroups/rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st"
ROLE = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/AAAA"


def item(address: str, actions: list[str], after: dict[str, Any] | None, **change: Any) -> dict[str, Any]:
    change = {"actions": actions, "before": None, "after": after, **change}
    return {"address": address, "mode": "managed", "type": "azapi_resource", "change": change}


def container(name: str, parent: str | None = f"{ACCOUNT}/blobServices/default") -> dict[str, Any]:
    type_ = "Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01"
    return {"type": type_, "name": name, "body": {}, **({"parent_id": parent} if parent else {})}


@pytest.mark.parametrize(
    ("type_", "parent", "name", "expected"),
    [
        ("Microsoft.Resources/resourceGroups", "/subscriptions/s", "rg", GROUP),
        ("Microsoft.Storage/storageAccounts", GROUP, "st", ACCOUNT),
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers",
            f"{ACCOUNT}/blobServices/default",
            "raw",
            f"{ACCOUNT}/blobServices/default/containers/raw",
        ),
        (
            "Microsoft.Authorization/locks",
            ACCOUNT,
            "keep",
            f"{ACCOUNT}/providers/Microsoft.Authorization/locks/keep",
        ),
    ],
)
def test_the_id_of_a_resource_by_its_parent(type_: str, parent: str, name: str, expected: str) -> None:
    assert resource_id(type_, parent, name) == expected


def test_what_is_created_and_has_a_known_id() -> None:
    document = {
        "resource_changes": [
            item("m.new", ["create"], container("new")),
            item("m.below", ["create"], container("below", None)),
            item("m.kept", ["update"], container("kept")),
            item("m.again", ["delete", "create"], container("again")),
            item("m.taken", ["create"], container("taken"), importing={"id": "x"}),
            {**item("m.action", ["create"], container("a")), "type": "azapi_resource_action"},
        ]
    }
    found = {one.address: one.id for one in created(document)}
    assert found == {"m.new": f"{ACCOUNT}/blobServices/default/containers/new", "m.below": None}


def test_what_is_known_after_the_apply_only_is_left_to_the_apply() -> None:
    """Terraform cannot finish the import of what changes its value on the way."""
    unknown = item(
        "m.budget", ["create"], container("b"), after_unknown={"body": {"properties": {"to": [{"id": True}]}}}
    )
    known = item("m.other", ["create"], container("o"), after_unknown={"body": {"properties": {}}, "id": True})
    found = {one.address: one.settled for one in created({"resource_changes": [unknown, known]})}
    assert found == {"m.budget": False, "m.other": True}


def wanted(type_: str = "Microsoft.Storage/storageAccounts", **body: Any) -> Wanted:
    return Wanted("m.x", type_, "2022-04-01", ACCOUNT, {"properties": body}, ACCOUNT)


def test_a_resource_is_there_when_azure_answers_it() -> None:
    assert find(lambda path: {"id": path}, wanted()) == ACCOUNT
    assert find(lambda path: None, wanted()) is None


def test_another_error_of_azure_is_told() -> None:
    def refuse(path: str) -> dict[str, Any]:
        raise ToolkitError("cannot look at what is there already: 500")

    with pytest.raises(ToolkitError, match="500"):
        find(refuse, wanted())


@pytest.mark.parametrize(
    ("there", "is_the_same"),
    [
        ({"scope": ACCOUNT.upper(), "roleDefinitionId": ROLE.lower(), "principalId": "p"}, True),
        ({"scope": GROUP, "roleDefinitionId": ROLE, "principalId": "p"}, False),
        ({"scope": ACCOUNT, "roleDefinitionId": f"{ROLE}B", "principalId": "p"}, False),
    ],
    ids=["same", "another scope", "another role"],
)
def test_an_assignment_is_the_same_by_scope_role_and_principal(there: dict[str, str], is_the_same: bool) -> None:
    asked: list[str] = []

    def read(path: str) -> dict[str, Any]:
        asked.append(path)
        return {
            "value": [{"id": f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/other", "properties": there}]
        }

    one = wanted("Microsoft.Authorization/roleAssignments", principalId="p", roleDefinitionId=ROLE)
    assert (find(read, one) is not None) == is_the_same
    assert "principalId%20eq%20'p'" in asked[0]


def test_of_a_principal_that_is_not_known_yet_nothing_is_there() -> None:
    def never(path: str) -> dict[str, Any]:
        raise AssertionError(path)

    assert find(never, wanted("Microsoft.Authorization/roleAssignments", roleDefinitionId=ROLE)) is None


def test_addresses_that_the_plan_does_not_create_are_refused_at_once() -> None:
    document = {
        "resource_changes": [item("m.new", ["create"], container("n")), item("m.kept", ["no-op"], container("k"))]
    }
    plan = SavedPlan(Path(), summarise(document), False, document)
    refuse_unknown(plan, ["m.new"], "dev")
    with pytest.raises(UsageError) as caught:
        refuse_unknown(plan, ["m.mew", "m.kept"], "dev")
    assert caught.value.message.splitlines() == [
        "m.mew: no such address in the plan; did you mean m.new?",
        "m.kept: it is in the state already, there is nothing to adopt",
    ]


def test_the_plan_says_what_is_adopted_and_what_it_changes_of_it() -> None:
    before = {**container("raw"), "body": {"properties": {"publicAccess": "Blob"}}}
    after = {**container("raw"), "body": {"properties": {"publicAccess": "None"}}}
    document = {"resource_changes": [item("m.raw", ["update"], after, before=before, importing={"id": "x"})]}
    summary = summarise(document)
    [change] = summary.changes
    assert change.reason == ADOPTED
    assert details(change) == [ADOPTED, "publicAccess Blob -> None"]
    assert f"{ADOPTED}<br>`publicAccess Blob -> None`" in markdown(summary, "Plan")


def test_what_azure_fills_in_of_an_adopted_registry_is_no_change_that_it_refuses() -> None:
    type_ = "Microsoft.ContainerRegistry/registries@2023-07-01"
    before = {"type": type_, "body": {"properties": {"encryption": {"status": "disabled"}}}}
    after = {"type": type_, "body": {"properties": {}}}
    adopted = {"resource_changes": [item("m.acr", ["update"], after, before=before, importing={"id": "x"})]}
    assert refusals(adopted) == ()
    standing = {"resource_changes": [item("m.acr", ["update"], after, before=before)]}
    assert len(refusals(standing)) == 1


def test_an_id_in_other_letters_is_no_value_that_azure_cannot_change() -> None:
    type_ = "Microsoft.MachineLearningServices/workspaces@2026-05-01"
    before, after = (
        {"type": type_, "body": {"properties": {"keyVault": f"{GROUP}/providers/{name}/vaults/kv"}}}
        for name in ("Microsoft.Keyvault", "Microsoft.KeyVault")
    )
    document = {"resource_changes": [item("m.ws", ["update"], after, before=before)]}
    assert ("m.ws", "body.properties.keyVault") not in fixed_values(document)
