"""Who reaches the state account: what a bootstrap on Azure refuses, and what it says."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import copy_project
from toolkit.azure.egress import NoEgressAddressError
from toolkit.environment import Environment, load_environment
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.runs.bootstrap import check_reach
from toolkit.runs.state_access import admit_this_machine


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


ADDRESSES = frozenset({IPv4Address("20.9.9.9"), IPv4Address("20.1.2.3")})
SUBNET = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/runners"


def shipped(path: Path, name: str, old: str = "", new: str = "", variables: str = "") -> Environment:
    folder = copy_project(path) / "envs" / name.partition("@")[0]
    file, tfvars = folder / "env.toml", folder / "terraform.tfvars"
    file.write_text(file.read_text().replace(old, new))
    tfvars.write_text(tfvars.read_text() + variables)
    return load_environment(name, Project(path))


class Person:
    """Who answers the question, and what is asked and said."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []
        self.notes: list[str] = []

    def admitted(self, environment: Environment) -> Environment:
        def ask(question: str) -> bool:
            self.questions.append(question)
            return self.answer

        return admit_this_machine(environment, ask, self.notes.append, lambda _: ADDRESSES)


RULES = 'state_ip_rules    = ["203.0.113.10"]'


@pytest.mark.parametrize("old", [RULES, "nothing"])
def test_on_azure_a_yes_writes_the_addresses_instead_of_those_for_documentation(tmp_path: Path, old: str) -> None:
    person = Person(True)
    done = person.admitted(shipped(tmp_path, "dev", old, "state_ip_rules    = []"))
    assert done.state_ip_rules == ("20.1.2.3", "20.9.9.9")
    assert len(person.questions) == len(person.notes) == 1
    assert "Write 20.1.2.3, 20.9.9.9, from where this machine is seen" in person.questions[0]
    text = (tmp_path / "envs/dev/env.toml").read_text()
    assert 'state_ip_rules    = ["20.1.2.3", "20.9.9.9"] # the address of whoever bootstraps' in text


def test_a_no_is_an_error_with_the_addresses_and_changes_nothing(tmp_path: Path) -> None:
    environment = shipped(tmp_path, "dev")
    before = (tmp_path / "envs/dev/env.toml").read_bytes()
    with pytest.raises(UsageError, match=r"for documentation only, .* seen from 20\.1\.2\.3, 20\.9\.9\.9") as caught:
        Person(False).admitted(environment)
    assert "`toolkit bootstrap dev --allow-my-address`" in (caught.value.hint or "")
    assert (tmp_path / "envs/dev/env.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "old", "new", "variables"),
    [
        ("dev@sandbox", "", "", ""),  # the sandbox's addresses are somebody's there
        ("dev", RULES, 'state_ip_rules = ["20.7.7.7"]', ""),
        ("dev", RULES, "", f'\nstate_subnet_ids = ["{SUBNET}"]\n'),
        ("dev", RULES, "", f'\nstate_private_endpoint = {{ subnet_id = "{SUBNET}" }}\n'),
        ("dev", 'state                      = "Enabled"', 'state = "Disabled"', ""),  # the plan asks for an endpoint
    ],
)
def test_who_admits_somebody_is_not_asked(tmp_path: Path, name: str, old: str, new: str, variables: str) -> None:
    person = Person(True)
    environment = shipped(tmp_path, name, old, new, variables)
    assert person.admitted(environment) is environment
    assert person.questions == []


@pytest.mark.parametrize("variables", ["\nstate_subnet_ids = []\n", "\nstate_private_endpoint = null\n"])
def test_nothing_in_a_variable_admits_nobody(tmp_path: Path, variables: str) -> None:
    person = Person(True)
    person.admitted(shipped(tmp_path, "dev@sandbox", RULES, "", variables))
    assert len(person.questions) == 1


def test_an_address_that_nobody_says_is_an_error_with_what_was_asked(tmp_path: Path) -> None:
    def find(environment: Environment) -> frozenset[IPv4Address]:
        raise NoEgressAddressError("no public address of this machine was found\n  a: answered 503", hint="allow one")

    with pytest.raises(UsageError, match=r"(?s)envs/dev/env\.toml: .*answered 503") as caught:
        admit_this_machine(shipped(tmp_path, "dev"), lambda _: True, print, find)
    assert caught.value.hint == "allow one"
