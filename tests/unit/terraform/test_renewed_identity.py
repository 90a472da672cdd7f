"""Who holds an identity that was deleted and made again. With a sandbox: tests/e2e/test_healing.py."""

from __future__ import annotations

from typing import Any, cast

import pytest

from toolkit.terraform.recovery import renewed_identity
from toolkit.terraform.recovery.looking import Looker
from toolkit.terraform.recovery.renewed_identity import RenewedIdentity, _given, _Holder, _holders
from toolkit.terraform.session import Session

GROUP = "/subscriptions/s/resourceGroups/rg"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-factory"
FACTORY = f"{GROUP}/providers/Microsoft.DataFactory/factories/adf"
HOLDER = _Holder("a.b", FACTORY, "Microsoft.DataFactory/factories", "2018-06-01", frozenset({IDENTITY.lower()}))


class Answers:
    """What Azure would answer, by path."""

    def __init__(self, by_path: dict[str, Any]) -> None:
        self.by_path = by_path
        self.status_code = 200
        self.body: Any = None

    def send_request(self, request: Any) -> Answers:
        path = request.url.removeprefix("https://management.azure.com").partition("?")[0]
        answer = Answers(self.by_path)
        answer.body = self.by_path.get(path)
        answer.status_code = 404 if answer.body is None else 200
        return answer

    def raise_for_status(self) -> None:
        assert self.status_code == 200

    def json(self) -> Any:
        return self.body


def document(*actions: str) -> dict[str, Any]:
    resource = {
        "address": "module.data_factory.azapi_resource.this",
        "mode": "managed",
        "values": {
            "id": FACTORY,
            "type": "Microsoft.DataFactory/factories@2018-06-01",
            "identity": [{"type": "SystemAssigned, UserAssigned", "identity_ids": [IDENTITY]}],
        },
    }
    bare = {"address": "a.b", "mode": "managed", "values": {"id": GROUP, "type": "x@1", "identity": []}}
    change = {"address": resource["address"], "change": {"actions": list(actions), "after": {}}}
    return {
        "prior_state": {"values": {"root_module": {"resources": [resource, bare]}}},
        "resource_changes": [change],
    }


def test_holders_are_those_that_stay() -> None:
    (holder,) = _holders(document("update"))
    assert (holder.id, holder.api_version, holder.identities) == (FACTORY, "2018-06-01", {IDENTITY.lower()})
    assert _holders(document("delete", "create")) == []


@pytest.mark.parametrize(("principal", "stale"), [("old", True), ("new", False)])
def test_a_holder_of_another_principal_is_given_the_identity_again(principal: str, stale: bool) -> None:
    block = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"principalId": principal}}}
    client = Answers({FACTORY: {"identity": block}, IDENTITY.lower(): {"properties": {"principalId": "new"}}})
    found = list(_given(Looker(cast(Any, client), "dev"), [HOLDER]))
    again = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}
    assert found == ([(HOLDER, again)] if stale else [])


def test_an_identity_that_is_gone_makes_nobody_stale() -> None:
    block = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"principalId": "old"}}}
    assert list(_given(Looker(cast(Any, Answers({FACTORY: {"identity": block}})), "dev"), [HOLDER])) == []


def test_a_plan_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is made again and for what is announced; another plan is looked at anew."""

    class Run:
        stale_identities: tuple[Any, list[Any]] = (None, [])

    looks: list[Any] = []
    monkeypatch.setattr(
        renewed_identity, "_looked", lambda session, document: [looks.append(document), (HOLDER, "id-factory")][1:]
    )
    session, plan = cast(Session, Run()), document("no-op")
    past = RenewedIdentity()
    assert past.to_replace(session, plan) == {}
    assert past.announcements(session, plan) == [
        "give adf the identity id-factory again: it has the deleted one of that name"
    ]
    assert looks == [plan]
    past.announcements(session, document("no-op"))
    assert len(looks) == 2
