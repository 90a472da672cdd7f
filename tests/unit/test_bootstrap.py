"""Who reaches the state account: what a bootstrap on Azure refuses, and what it says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.runs.bootstrap import check_reach


def session(rules: tuple[str, ...], *, vantage: str = "internet", on_azure: bool = True) -> tuple[Any, list[str]]:
    said: list[str] = []
    environment = SimpleNamespace(
        exists_outside=on_azure, data_name="dev", location="westeurope", state_ip_rules=rules, vantages=(vantage,)
    )
    return SimpleNamespace(environment=environment, observer=SimpleNamespace(note=said.append)), said


@pytest.mark.parametrize("rule", ["203.0.113.10", "198.51.100.0/24", "192.0.2.30", "203.0.0.0/16"])
def test_an_address_for_documentation_is_nobodys_on_azure(rule: str) -> None:
    with pytest.raises(UsageError, match=rf"envs/dev/env.toml: state_ip_rules names {rule}"):
        check_reach(session(("20.1.2.3", rule))[0])
    check_reach(session((rule,), on_azure=False)[0])


@pytest.mark.parametrize(("vantage", "said"), [("vnet", 1), ("internet", 0)])
def test_a_runner_in_azure_is_told_where_rules_for_addresses_have_no_effect(vantage: str, said: int) -> None:
    asked, notes = session(("20.1.2.3", "not an address"), vantage=vantage)
    check_reach(asked)
    assert len(notes) == said
    assert all("state_subnet_ids" in note for note in notes)
