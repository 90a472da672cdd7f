"""What a lease asks of Azure on each kind of target, and who has a role for it: CI, and nobody who plans."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from toolkit.firewall.kinds import KINDS, Kind
from toolkit.sandbox.arm.access import Grant, builtin_roles, compile_permissions

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
JOURNAL = tuple(
    f"Microsoft.Resources/deployments/{word}" for word in ("read", "write", "delete", "operationstatuses/read")
)
BOOTSTRAP = ROOT / "terraform" / "bootstrap"


def built_in(role: str) -> tuple[Grant, ...]:
    return compile_permissions(builtin_roles()[role]["properties"]["permissions"])


def custom(key: str) -> tuple[Grant, ...]:
    """A role of roles.tf, by the actions that stand there."""
    text = (
        (BOOTSTRAP / "roles.tf").read_text(encoding="utf-8").partition(f"    {key} = {{\n")[2].partition("\n    }\n")[0]
    )
    actions = re.findall(r'"(Microsoft\.[\w./]+)"', text)
    assert actions, key
    return compile_permissions([{"actions": actions}])


def allowed(grants: tuple[Grant, ...], action: str) -> bool:
    return any(grant.allows(action.lower(), data=False) for grant in grants)


def given_to(principal: str) -> dict[str, str]:
    """Assignment -> role, of those that identities.tf makes for a principal of bootstrap."""
    text = (BOOTSTRAP / "identities.tf").read_text(encoding="utf-8")
    blocks = re.findall(r"^    (\w+) = \{\n(.*?)\n    \}", text, re.DOTALL | re.MULTILINE)
    return {
        name: role[1]
        for name, block in blocks
        if f"module.{principal}.principal_id" in block and (role := re.search(r'role\s+= "([^"]+)"', block))
    }


def rules(kind: Kind) -> tuple[str, str]:
    child = "/config" if kind.at else ""
    return f"{kind.type}{child}/read", f"{kind.type}{child}/write"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_ci_may_take_a_lease_on_each_kind_of_the_platform(kind: Kind) -> None:
    assert given_to("ci")["ci_platform"] == "Contributor"
    for action in (*rules(kind), *JOURNAL):
        assert allowed(built_in(CONTRIBUTOR), action), action


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_who_plans_may_take_none(kind: Kind) -> None:
    roles = given_to("plan")
    assert roles["plan_platform"] == "Reader"
    grants = (*built_in(READER), *custom("preflight_reader"))
    assert {role for role in roles.values() if role.islower()} == {"preflight_reader"}
    for action in (rules(kind)[1], "Microsoft.Resources/deployments/write", "Microsoft.Resources/deployments/delete"):
        assert not allowed(grants, action), action


def test_ci_may_take_a_lease_on_the_account_of_the_states_and_make_nothing_beside_it() -> None:
    roles = given_to("ci")
    assert roles["ci_state_firewall"] == "storage_firewall_operator"
    assert roles["ci_state_leases"] == "firewall_lease_keeper"
    keeper, operator = custom("firewall_lease_keeper"), custom("storage_firewall_operator")
    assert all(allowed(keeper, action) for action in JOURNAL)
    assert all(allowed(operator, f"Microsoft.Storage/storageAccounts/{verb}") for verb in ("read", "write"))
    beside = [kind.type for kind in KINDS] + [
        "Microsoft.Resources/deploymentScripts",
        "Microsoft.Authorization/roleAssignments",
    ]
    assert not [type_ for type_ in beside if allowed(keeper, f"{type_}/write")]
    assert not allowed(operator, "Microsoft.Storage/storageAccounts/listKeys/action")
