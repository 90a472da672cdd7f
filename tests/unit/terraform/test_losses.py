"""Which plans lose state or data, and what is said about them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from toolkit.errors import RefusedError, UsageError
from toolkit.terraform.losses import STATEFUL, check_addresses, described, losses, parse_allowed, refuse_losses
from toolkit.terraform.plan import Action, PlanSummary, ResourceChange, markdown
from toolkit.terraform.workspace import RootName

ADDRESS = "module.x.azapi_resource.this"


@dataclass
class Plan:
    summary: PlanSummary
    final: bool = False


def change(kind: str, action: Action = "replace", address: str = ADDRESS, reason: str | None = None) -> ResourceChange:
    return ResourceChange(
        address, "module.x", kind, action, reason, forces=("location",) if action == "replace" else ()
    )


def plan(*changes: ResourceChange, final: bool = False) -> Plan:
    return Plan(PlanSummary(changes, len(changes), (), ()), final)


def refusal(one: Plan, root: RootName = "platform", reason: str | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        refuse_losses(one, root, "local", {ADDRESS: reason} if reason else {})
    return caught.value


@pytest.mark.parametrize("kind", STATEFUL)
@pytest.mark.parametrize("action", ["replace", "delete"])
def test_each_type_that_holds_something_is_refused(kind: str, action: Action) -> None:
    error = refusal(plan(change(kind, action)))
    assert error.exit_code == 4
    assert f"{action} {ADDRESS} ({kind})" in error.message
    assert f"lost: {STATEFUL[kind]}" in error.message
    assert f"toolkit apply local --allow-replace '{ADDRESS}=REASON'" in (error.hint or "")


@pytest.mark.parametrize(
    "harmless",
    [
        change("Microsoft.KeyVault/vaults", "update"),
        change("Microsoft.KeyVault/vaults", "create"),
        change("Microsoft.KeyVault/vaults", "import"),
        change("Microsoft.KeyVault/vaults", "forget"),
        change("Microsoft.KeyVault/vaults", "replace", reason="replace because tainted"),
        change("Microsoft.Network/privateEndpoints", "replace"),
        change("Microsoft.Storage/storageAccounts", "delete", "module.x.azapi_update_resource.this"),
    ],
    ids=lambda item: f"{item.action} {item.resource_type} {item.address.split('.')[2]} {item.reason}",
)
def test_what_loses_nothing_is_no_loss(harmless: ResourceChange) -> None:
    assert losses(plan(harmless).summary) == ()
    refuse_losses(plan(harmless), "platform", "local", {})


def test_the_reason_is_the_attribute_or_terraforms_own() -> None:
    vault = "Microsoft.KeyVault/vaults"
    assert "because of location" in refusal(plan(change(vault))).message
    gone = change(vault, "delete", reason="delete because each key")
    assert "because its key is no longer in the configuration" in refusal(plan(gone)).message


def test_one_that_is_allowed_may_be_lost_and_the_others_may_not() -> None:
    one, other = change("Microsoft.KeyVault/vaults"), change("Microsoft.KeyVault/vaults", address="azapi_resource.b")
    refuse_losses(plan(one), "platform", "local", {ADDRESS: "moved"})
    assert "azapi_resource.b" in refusal(plan(one, other), reason="moved").message
    assert ADDRESS not in refusal(plan(one, other), reason="moved").message


def test_an_address_that_loses_nothing_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="neither replaces nor deletes") as caught:
        check_addresses(plan(change("Microsoft.KeyVault/vaults")).summary, {"azapi_resource.typo": "x"})
    assert caught.value.hint == f"what it would lose: {ADDRESS}"
    check_addresses(plan(change("Microsoft.KeyVault/vaults", "create")).summary, {ADDRESS: "it may be there already"})


@pytest.mark.parametrize("address", ["azapi_resource.state_resource_group", "module.state.azapi_resource.this"])
def test_the_account_of_the_state_is_never_replaced(address: str) -> None:
    one = plan(change("Microsoft.Storage/storageAccounts", address=address))
    with pytest.raises(RefusedError) as caught:
        refuse_losses(one, "bootstrap", "local", {address: "please"})
    assert "are never replaced" in (caught.value.hint or "")


def test_what_breaks_prevent_destroy_cannot_be_allowed() -> None:
    error = refusal(plan(change("Microsoft.Resources/resourceGroups"), final=True), "bootstrap", reason="please")
    assert "--allow-replace" not in (error.hint or "")


def test_addresses_and_reasons_of_the_command_line() -> None:
    assert parse_allowed(['m.azapi_resource.c["a=b"]=a reason = good', "x=y"]) == {
        'm.azapi_resource.c["a=b"]': "a reason = good",
        "x": "y",
    }
    for wrong in ("x", "x=", "x= ", "=y"):
        with pytest.raises(UsageError, match="belong together"):
            parse_allowed([wrong])


def test_a_pull_requests_comment_says_what_apply_refuses() -> None:
    summary = plan(change("Microsoft.KeyVault/vaults")).summary
    told = markdown(summary, "Plan for local", described(losses(summary)))
    assert "**Apply refuses this:**" in told
    assert f"replace {ADDRESS} (Microsoft.KeyVault/vaults), because of location" in told
    assert "refuses" not in markdown(summary, "Plan for local")
