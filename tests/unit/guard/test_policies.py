"""Every policy on its examples, and the ways in which one can be wrong: each is an error or a refusal, never a pass."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from docs.generate.rbac import PATH as RBAC
from tests.conftest import ROOT
from toolkit.environment import Environment, GuardSettings, Waiver, load_environment
from toolkit.errors import RefusedError, UsageError
from toolkit.guard.check import check_waivers, environment_policies, guard_plan, refuse
from toolkit.guard.document import matrix
from toolkit.guard.engine import PLAN, judge
from toolkit.guard.examples import FACTS, Example, examples, failures, plan_of, verdict_on
from toolkit.guard.facts import facts_of
from toolkit.guard.policies import OWN, Policy, load_policies, policy_folders
from toolkit.guard.psrule import cross_reference, elsewhere
from toolkit.project import Project

POLICIES = load_policies((OWN,), ROOT)
TODAY = date(2027, 1, 1)
ACCOUNT = "Microsoft.Storage/storageAccounts"
OPEN = {"type": ACCOUNT, "address": "azapi_resource.this", "body": {"properties": {"publicNetworkAccess": "Enabled"}}}

GOOD = """\
package guard.mine

import rego.v1

metadata := {
	"id": "mine", "title": "t", "severity": "error", "protects": "p", "why": "w", "fix": "f", "source": "s",
}

looks_at contains r.id if some r in input.resources["Microsoft.Storage/storageAccounts"]

pass contains r.id if {
	some r in input.resources["Microsoft.Storage/storageAccounts"]
	r.body.properties.good == true
}
"""


def plan(*resources: dict[str, Any]) -> dict[str, Any]:
    return plan_of(Example("", True, resources, {}, {}))


def own_policy(folder: Path, text: str = GOOD, name: str = "mine.rego") -> Policy:
    (folder / name).write_text(text, encoding="utf-8")
    (policy,) = load_policies((folder,), folder)
    return policy


def environment(**guard: Any) -> Environment:
    return replace(load_environment("local", Project(ROOT)), guard=GuardSettings(**guard))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda one: one.id)
def test_a_policy_on_its_examples(policy: Policy) -> None:
    assert list(failures(policy)) == []


def test_every_policy_says_whatever_it_is_asked() -> None:
    assert len(POLICIES) >= 19
    for policy in POLICIES:
        assert policy.severity == "error"
        assert policy.module.path.stem.replace("_", "-") == policy.id
        assert policy.package == f"guard.{policy.module.path.stem}"


@pytest.mark.parametrize("policy", POLICIES, ids=lambda one: one.id)
def test_what_a_policy_looks_at_without_any_property_is_refused(policy: Policy) -> None:
    """The positive logic: an empty body never passes, whatever the type."""
    refused = next(one for one in examples(policy) if one.refused)
    bare = replace(refused, resources=tuple({**one, "body": {}, "tags": {}} for one in refused.resources))
    report = verdict_on(policy, bare)
    # What is about no body (secrets) or about what a resource has been (locks, losses, places) has its own examples.
    if policy.id not in ("no-secret-in-body", "stateful-kept", "locks-kept", "allowed-locations", "allowed-skus",
                         "anonymous-access", "network-closed", "user-assigned-identities"):  # fmt: skip
        assert report.refused


def test_the_matrix_has_the_roles_of_the_documentation() -> None:
    """docs/rbac.md is compared with applied platforms: so is this."""
    documented = {
        row.split("|")[3].strip()
        for row in (ROOT / RBAC).read_text(encoding="utf-8").splitlines()
        if row.startswith("| ") and "---" not in row
    } - {"role"}
    ours = {role for rows in matrix().values() for roles in rows.values() for role in roles}
    assert documented - ours == set()
    # Of data engineers who do not author, which `local`'s do.
    assert ours - documented == {"data_factory_operator"}


def test_every_role_of_the_matrix_is_one_that_terraform_knows() -> None:
    facts = facts_of(load_environment("local", Project(ROOT)), "platform", {})
    custom = {role for rows in matrix().values() for roles in rows.values() for role in roles} - set(
        facts.built_in_roles.values()
    )
    text = (ROOT / "terraform/bootstrap/roles.tf").read_text(encoding="utf-8")
    assert [name for name in custom if f"{name} " not in text and f"{name}=" not in text] == []


def test_the_cross_reference_has_each_rule_once_and_says_by_what() -> None:
    rows = cross_reference(POLICIES)
    assert len({rule for rule, _, _ in rows}) == len(rows) > 60
    assert all(verdict in ("met", "waived") and words for _, verdict, words in rows)
    # What a policy meets needs no word of another.
    assert set(elsewhere()) & {rule for policy in POLICIES for rule in policy.psrule} == set()


# -- policies that are wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("r.body.properties.good == true", "r.body.properties.good = = true", r"mine.rego:1[34]: does not compile: "),
        (
            "r.body.properties.good == true",
            "nosuch(r.body)",
            "mine.rego:13: does not compile: there is no function nosuch",
        ),
        ("pass contains r.id if {", "pass contains r.id if {{", r"mine.rego:\d+: does not compile: "),
        ("package guard.mine", "package mine", "mine.rego:1: the package of a policy is guard.NAME"),
        ("package guard.mine", "# nothing", "mine.rego:1: the package of a policy is guard.NAME"),
        ('"severity": "error"', '"severity": "fatal"', "mine.rego:6: severity 'fatal' is none of error, warning"),
        ('"title": "t", ', "", "metadata has no title"),
        ('"id": "mine"', '"id": "Mine!"', "the id 'Mine!' has other than"),
        ("pass contains", "passes contains", "defines no `pass contains …`"),
        ("looks_at contains", "looks contains", "defines no `looks_at contains …`"),
        ("metadata := {", "facts := {", "has no metadata that can be read"),
    ],
)
def test_a_policy_that_is_no_policy_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError, match=said):
        own_policy(tmp_path, GOOD.replace(old, new))


@pytest.mark.parametrize(("what", "text"), [("id", GOOD.replace("guard.mine", "guard.other")), ("package", GOOD)])
def test_two_policies_of_one_name_are_refused(tmp_path: Path, what: str, text: str) -> None:
    (tmp_path / "a.rego").write_text(GOOD)
    (tmp_path / "b.rego").write_text(text)
    with pytest.raises(UsageError, match=rf"b.rego: the {what} .*mine is that of a.rego, too"):
        load_policies((tmp_path,), tmp_path)


@pytest.mark.parametrize(
    "rule",
    [
        "r.body.properties.missing == true",
        "r.body.properties.godo == true",
        "undefined_name == 1",
        "to_number(r.body.properties.good) == 1",  # of a text that is no number: an error
        "startswith(r.body.properties.number, `1`)",
        "regex.match(`(?i)YES`, r.body.properties.good)",
    ],
)
def test_what_is_undefined_or_an_error_is_a_refusal(tmp_path: Path, rule: str) -> None:
    policy = own_policy(tmp_path, GOOD.replace("r.body.properties.good == true", rule))
    resource = {"type": ACCOUNT, "body": {"properties": {"good": "yes", "number": 1}}}
    report = judge(plan(resource), [policy], FACTS, "platform", (), TODAY, {})
    assert report.refused
    assert not report.passes


def test_a_policy_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    broken = own_policy(tmp_path, GOOD.replace("r.body.properties.good == true", "to_number(`x`) == 1"))
    (tmp_path / "2").mkdir()
    good = own_policy(tmp_path / "2", GOOD.replace("mine", "fine"))
    resource = {"type": ACCOUNT, "body": {"properties": {"good": True}}}
    report = judge(plan(resource), [broken, good], FACTS, "platform", (), TODAY, {})
    assert [(one.policy.id, one.address) for one in report.refused] == [("mine", PLAN)]
    assert report.by_policy == {"mine": 0, "fine": 1}


def test_an_answer_that_is_no_id_of_a_resource_is_none(tmp_path: Path) -> None:
    policy = own_policy(tmp_path, GOOD.replace("pass contains r.id", "pass contains r.address"))
    resource = {"type": ACCOUNT, "body": {"properties": {"good": True}}}
    report = judge(plan(resource), [policy], FACTS, "platform", (), TODAY, {})
    assert [one.address for one in report.refused] == [PLAN]


def test_a_plan_of_which_nothing_was_evaluated_is_refused(tmp_path: Path) -> None:
    policy = own_policy(tmp_path)
    for resources in ((), ({"type": "Microsoft.Other/things"},)):
        report = judge(plan(*resources), [policy], FACTS, "platform", (), TODAY, {})
        assert (report.evaluated, report.findings, report.passes) == (0, (), False)
        with pytest.raises(RefusedError, match="evaluated none of the"):
            refuse(report)


def test_what_no_policy_looked_at_is_listed(tmp_path: Path) -> None:
    policy = own_policy(tmp_path)
    seen = {"type": ACCOUNT, "body": {"properties": {"good": True}}}
    report = judge(
        plan(seen, {"type": "Microsoft.Other/things", "address": "x.y"}), [policy], FACTS, "platform", (), TODAY, {}
    )
    assert (report.planned, report.evaluated, dict(report.unseen)) == (2, 1, {"x.y": "Microsoft.Other/things"})


# -- one's own folder, and waivers -------------------------------------------------------------------------------------


def test_policies_of_all_environments_and_of_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    assert policy_folders(load_environment("local", project), project) == (OWN,)
    shared, named = tmp_path / "envs" / "policies", tmp_path / "rules"
    for folder in (shared, named):
        folder.mkdir()
    with (tmp_path / "envs/local/env.toml").open("a", encoding="utf-8") as file:
        file.write('\n[guard]\npolicies = "rules"\n')
    (shared / "mine.rego").write_text(GOOD)
    (named / "other.rego").write_text(GOOD.replace("mine", "other"))
    folders = policy_folders(load_environment("local", project), project)
    assert folders == (OWN, shared, named)
    assert {one.id for one in load_policies(folders, tmp_path) if not one.own} == {"mine", "other"}
    assert policy_folders(load_environment("dev", project), project) == (OWN, shared)


def waiver(**changes: Any) -> Waiver:
    facts = {
        "policy": "public-network-access",
        "resource": "azapi_resource.*",
        "owner": "team-a",
        "reason": "until May",
    }
    return Waiver(**{**facts, "expires": date(2027, 5, 31), **changes})


def judged(*waivers: Waiver, today: date = TODAY) -> Any:
    chosen = [one for one in POLICIES if one.id == "public-network-access"]
    return judge(plan(OPEN), chosen, FACTS, "platform", waivers, today, {})


def test_a_waiver_lets_its_finding_through_until_its_last_day() -> None:
    for today in (TODAY, date(2027, 5, 31)):
        report = judged(waiver(), today=today)
        assert report.passes
        assert [one.waiver for one in report.waived] == [waiver()]
        refuse(report)


def test_a_waiver_that_expired_is_named_by_the_refusal() -> None:
    report = judged(waiver(), today=date(2027, 6, 1))
    with pytest.raises(RefusedError) as caught:
        refuse(report)
    assert "(its waiver, of team-a, expired on 2027-05-31)" in caught.value.message
    assert "ask team-a whether the waiver of public-network-access still holds" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "changes", [{"policy": "tls"}, {"resource": "azapi_resource.other"}, {"resource": "azapi_resource.thi?"}]
)
def test_a_waiver_of_something_else_changes_nothing_and_is_named(changes: dict[str, Any]) -> None:
    report = judged(waiver(**changes))
    assert report.refused
    assert report.unused_waivers == (waiver(**changes),)


def test_brackets_of_addresses_are_no_patterns() -> None:
    resource = {**OPEN, "address": 'module.a[0].azapi_resource.this["x"]'}
    chosen = [one for one in POLICIES if one.id == "public-network-access"]
    for pattern, waived in (
        ('module.a[0].azapi_resource.this["x"]', True),
        ("module.a[*].azapi_resource.this[*]", True),
        ("module.a[1].*", False),
    ):
        report = judge(plan(resource), chosen, FACTS, "platform", (waiver(resource=pattern),), TODAY, {})
        assert report.passes is waived, pattern


def test_a_waiver_of_no_policy_is_told_with_its_line(tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    file = tmp_path / "envs/local/env.toml"
    lines = len(file.read_text(encoding="utf-8").splitlines())
    with file.open("a", encoding="utf-8") as opened:
        for policy in ("tls", "tsl"):
            opened.write(
                f'\n[[guard.waivers]]\npolicy = "{policy}"\nresource = "*"\nowner = "team"\n'
                'reason = "until May"\nexpires = 2030-01-01\n'
            )
    with pytest.raises(
        UsageError, match=rf"envs/local/env.toml:{lines + 10}: there is no policy 'tsl' to waive"
    ) as caught:
        environment_policies(load_environment("local", project))
    assert caught.value.hint == "did you mean tls?"


def test_overrides_count_for_their_address_only() -> None:
    chosen = [one for one in POLICIES if one.id == "stateful-kept"]
    lost = {"type": ACCOUNT, "action": "replace", "before": {"properties": {}}}
    two = plan({**lost, "address": "azapi_resource.a"}, {**lost, "address": "azapi_resource.b"})
    report = judge(two, chosen, FACTS, "platform", (), TODAY, {"azapi_resource.a": "moved"})
    assert [one.address for one in report.refused] == ["azapi_resource.b"]
    assert "lost is all blobs" in report.refused[0].what


def test_a_secret_is_found_and_never_shown() -> None:
    chosen = [one for one in POLICIES if one.id == "no-secret-in-body"]
    body = {"properties": {"adminPassword": "hunter2-hunter2"}}
    report = judge(plan({"type": ACCOUNT, "body": body}), chosen, FACTS, "platform", (), TODAY, {})
    assert "body.properties.adminPassword holds what looks like a secret" in report.refused[0].what
    assert "hunter2" not in json.dumps([one.what for one in report.findings])


def test_the_environments_of_the_project_waive_nothing() -> None:
    for name in ("local", "dev", "test", "prod"):
        one = load_environment(name, Project(ROOT))
        assert one.guard == GuardSettings()
        check_waivers(one, POLICIES)


def test_a_plan_of_an_environment_is_held_against_its_data() -> None:
    resource = {"type": ACCOUNT, "address": "azapi_resource.x", "location": "northeurope", "tags": {}}
    found = {one.policy.id for one in guard_plan(environment(), plan(resource)).refused}
    assert {"allowed-locations", "mandatory-tags", "network-default-deny", "shared-keys", "tls"} <= found
    allowed = guard_plan(environment(allowed_locations=("northeurope",)), plan(resource))
    assert "allowed-locations" not in {one.policy.id for one in allowed.refused}
