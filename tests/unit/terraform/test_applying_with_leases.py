"""Leases that come and go around an apply, with the real Terraform and a book that is written as the test wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.unit.terraform.conftest import Seen
from tests.unit.terraform.test_applying import environment, run  # noqa: F401  (fixtures)
from toolkit.errors import RefusedError
from toolkit.terraform.applying import apply_plan
from toolkit.terraform.leases import Open, UnreadableError
from toolkit.terraform.outputs import state_outputs
from toolkit.terraform.planning import SavedPlan, make_plan
from toolkit.terraform.session import Session
from toolkit.terraform.workspace import RootName

# `account` is what leases are on; its id, a UUID, is its key.
ROOT = """
variable "toolkit_leases" {
  type    = map(list(string))
  default = {}
}

variable "tls" {
  type    = string
  default = "1.2"
}

resource "terraform_data" "account" {
  input = { tls = var.tls, rules = [for rule in flatten(values(var.toolkit_leases)) : { value = rule }] }
}

variable "own" {
  type    = list(string)
  default = ["198.51.100.9/32"]
}

output "ip_rules" {
  value = { a = var.own }
}

output "account" {
  value = terraform_data.account.input
}
"""
FIRST, SECOND = "203.0.113.7", "203.0.113.8"


@dataclass
class Written:
    """What is open at each time that somebody asks; the last of it from then on."""

    key: str = ""
    answers: list[tuple[str, ...]] = field(default_factory=list)
    on_ask: Callable[[], None] = lambda: None
    own: list[tuple[Open, Open]] = field(default_factory=list)

    def open(self, root: RootName) -> Open:
        assert root == "platform"
        self.on_ask()
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {self.key: now} if now else {}

    def applied(self, root: RootName, before: Open, after: Open) -> None:
        assert root == "platform"
        self.own.append((before, after))


@pytest.fixture
def account(run: Session) -> Session:  # noqa: F811
    """Made, with nothing open; the next plan changes it."""
    folder = run.folder("platform").path
    root = run.environment.project.terraform_dir / "platform"
    root.mkdir()
    for path in (root / "variables.tf", folder / "leases.tf"):
        path.write_text(ROOT, encoding="utf-8")
    apply_plan(run, make_plan(run))
    (made,) = [item for item in make_plan(run).document["planned_values"]["root_module"]["resources"]
               if item["address"] == "terraform_data.account"]  # fmt: skip
    run.leases = Written(made["values"]["id"], [()])
    tls(run, "1.3")
    return run


def tls(session: Session, version: str) -> None:
    path = session.folder("platform").path / "tls.auto.tfvars"
    path.write_text(f'tls = "{version}"\n', encoding="utf-8")


def book(session: Session, *answers: tuple[str, ...]) -> Written:
    assert isinstance(session.leases, Written)
    session.leases.answers = list(answers)
    return session.leases


def planned(session: Session, *then: tuple[str, ...]) -> SavedPlan:
    """A plan while FIRST is open; afterwards that is so."""
    book(session, (FIRST,), *then)
    return make_plan(session)


def made(session: Session) -> object:
    account = state_outputs(session)["account"]
    return account["tls"], [rule["value"] for rule in account["rules"]]


@pytest.mark.parametrize("then", [(FIRST, SECOND), (SECOND,), ()], ids=["opened", "another", "closed"])
def test_a_lease_that_changed_since_the_plan_makes_a_new_plan(
    account: Session, seen: Seen, then: tuple[str, ...]
) -> None:
    apply_plan(account, planned(account, then))
    assert made(account) == ("1.3", [*then])
    assert [note for note in seen.notes if "planning again" in note]


def test_who_keeps_the_leases_is_told_which_rules_the_data_took_or_gave_up(account: Session) -> None:
    apply_plan(account, planned(account))
    assert isinstance(account.leases, Written)
    assert account.leases.own == [], "the data let in whom they let in before"
    (account.folder("platform").path / "own.auto.tfvars").write_text('own = ["203.0.113.7"]')
    apply_plan(account, planned(account))
    assert account.leases.own == [({"a": ("198.51.100.9",)}, {"a": ("203.0.113.7",)})]


def test_nothing_is_planned_again_while_nothing_changes(account: Session, seen: Seen) -> None:
    apply_plan(account, planned(account))
    assert made(account) == ("1.3", [FIRST])
    assert seen.notes == []


def test_a_new_plan_that_does_more_is_refused(account: Session) -> None:
    plan = planned(account, ())
    tls(account, "1.4")
    with pytest.raises(RefusedError, match=r"a plan of now differs in more") as refused:
        apply_plan(account, plan)
    assert "toolkit plan local" in str(refused.value.hint)
    assert made(account) == ("1.2", [])


def test_leases_that_never_hold_still_are_refused(account: Session) -> None:
    plan = planned(account, *((), (FIRST,)) * 20)
    with pytest.raises(RefusedError, match=r"5 times while it was planned again"):
        apply_plan(account, plan)
    assert made(account) == ("1.2", [])


@pytest.mark.parametrize("then", [(FIRST, SECOND), ()], ids=["opened", "closed"])
def test_what_changed_during_the_apply_is_put_right_at_its_end(
    account: Session, seen: Seen, then: tuple[str, ...]
) -> None:
    apply_plan(account, planned(account, (FIRST,), then))
    assert made(account) == ("1.3", [*then])
    assert [note for note in seen.notes if "put right" in note]


def test_who_may_not_read_the_leases_plans_without_and_does_not_apply(account: Session, seen: Seen) -> None:
    def refuse() -> None:
        raise UnreadableError("no right to read them")

    book(account, ()).on_ask = refuse
    plan = make_plan(account)
    assert seen.notes == ["no right to read them: planned as if no lease was open"]
    with pytest.raises(UnreadableError):
        apply_plan(account, plan)
    assert made(account) == ("1.2", [])
