"""Which resources a lease is taken on: by name, and without Terraform's outputs where only the states' account is."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.environment import load_environment
from toolkit.errors import UsageError
from toolkit.firewall.model import group_of
from toolkit.firewall.targets import TARGETS, choose, standing_targets, state_target
from toolkit.project import find_project
from toolkit.terraform.state import read_backend

ENVIRONMENT = load_environment("local", find_project())
GROUP = f"/subscriptions/{ENVIRONMENT.subscription_id}/resourceGroups/rg-platform"
OUTPUTS = {
    "resource_group_id": GROUP,
    "storage_account_id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stone",
    "lake_storage_account_id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stlake",
    "pointer_storage_account_id": None,
    "key_vault_id": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv",
}


def no_outputs() -> dict[str, Any]:
    raise AssertionError("the state is closed")


def test_the_account_of_the_states_is_known_before_any_output() -> None:
    backend = read_backend(ENVIRONMENT)
    target = state_target(ENVIRONMENT)
    assert target.name == backend.storage_account_name
    for name in ("state", backend.storage_account_name):
        choice = choose(ENVIRONMENT, [name], no_outputs)
        assert (choice.targets, choice.groups) == ((target,), (group_of(target.id),))


def test_every_target_goes_by_the_journal_of_its_group() -> None:
    choice = choose(ENVIRONMENT, ["vault", "stlake", "state", "lake"], lambda: OUTPUTS)
    assert [target.name for target in choice.targets] == ["kv", "stlake", state_target(ENVIRONMENT).name]
    assert set(choice.groups) == {GROUP.lower(), group_of(state_target(ENVIRONMENT).id)}


def test_the_default_is_the_workspace_s_account() -> None:
    assert [target.name for target in choose(ENVIRONMENT, [], lambda: OUTPUTS).targets] == ["stone"]


def test_all_names_are_those_of_what_is_there() -> None:
    assert list(standing_targets(ENVIRONMENT, OUTPUTS)) == ["storage", "lake", "vault", "state"]
    assert set(TARGETS.values()) > {output for output in OUTPUTS if output != "resource_group_id"}


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"has no pointers to take a lease on: it has storage .*, state") as caught:
        choose(ENVIRONMENT, ["pointers"], lambda: OUTPUTS)
    assert caught.value.hint == "--target takes the id of a resource that is not the platform's"


def test_a_name_may_say_of_which_kind_it_is() -> None:
    choice = choose(ENVIRONMENT, ["account:stlake", "account:storage", "vault:kv"], lambda: OUTPUTS)
    assert [target.name for target in choice.targets] == ["stlake", "stone", "kv"]
    with pytest.raises(UsageError, match=r"has no vault stlake to take a lease on: it has vault \(kv\)$"):
        choose(ENVIRONMENT, ["vault:stlake"], lambda: OUTPUTS)
    for name in ("account:state", f"account:{state_target(ENVIRONMENT).name}"):
        assert choose(ENVIRONMENT, [name], no_outputs).targets == (state_target(ENVIRONMENT),)


def test_an_id_may_be_of_anything_and_takes_no_outputs() -> None:
    site = "/subscriptions/x/resourceGroups/Other/providers/Microsoft.Web/sites/func"
    choice = choose(ENVIRONMENT, [site, f"{site}#scm", "state"], no_outputs)
    assert [target.name for target in choice.targets] == ["func", "func#scm", state_target(ENVIRONMENT).name]
    assert choice.groups == ("/subscriptions/x/resourcegroups/other", group_of(state_target(ENVIRONMENT).id))
    for wrong in (f"{site}#ftp", f"{GROUP}/providers/Microsoft.Sql/servers/sql"):
        with pytest.raises(UsageError, match="no lease can be taken on Microsoft") as caught:
            choose(ENVIRONMENT, [wrong], no_outputs)
        assert "Microsoft.Web/sites#scm" in str(caught.value.hint)
