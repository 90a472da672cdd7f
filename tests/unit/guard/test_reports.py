"""The formats of the guard's verdicts, and its command."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from tests.unit.guard.test_policies import ACCOUNT, FACTS, OPEN, POLICIES, TODAY, plan, waiver
from toolkit.cli.guard import FORMATS as OFFERED
from toolkit.cli.main import cli, main
from toolkit.guard.engine import Report, judge
from toolkit.guard.report import FORMATS, as_document, as_junit, as_markdown, as_sarif, as_text, summary

GOOD = {
    "type": ACCOUNT,
    "address": "module.a.azapi_resource.good",
    "body": {"properties": {"publicNetworkAccess": "Disabled"}},
}
OTHER = {"type": "terraform_data", "address": "terraform_data.x"}


@pytest.fixture
def report() -> Report:
    """One refused, one waived, one that passes, one that nobody looked at."""
    chosen = [one for one in POLICIES if one.id in ("public-network-access", "tls")]
    chosen[1] = replace(chosen[1], severity="warning")
    return judge(
        plan(OPEN, {**OPEN, "address": "azapi_resource.second"}, GOOD, OTHER),
        chosen,
        FACTS,
        "platform",
        (waiver(resource="azapi_resource.second"),),
        TODAY,
        {},
    )


def test_the_summary_counts(report: Report) -> None:
    assert summary(report) == (
        "guard: 3 of 4 planned resources evaluated by 2 policies: 1 refused, 1 waived, 3 warning"
    )


def test_as_a_document(report: Report) -> None:
    document = as_document(report)
    assert (document["passes"], document["planned"], document["evaluated"]) == (False, 4, 3)
    assert document["unseen"] == {"terraform_data.x": "Microsoft.Other/things"} or len(document["unseen"]) == 1
    waived = next(one for one in document["findings"] if one["verdict"] == "waived")
    assert waived["waiver"] == {
        "resource": "azapi_resource.second",
        "owner": "team-a",
        "reason": "until May",
        "expires": "2027-05-31",
        "expired": False,
    }


def test_as_text_and_markdown(report: Report) -> None:
    said = "publicNetworkAccess is Enabled, but public_network_access.storage of env.toml is not"
    assert f"refused: [public-network-access] azapi_resource.this: {said}" in as_text(report)
    section = as_markdown(report)
    assert section.startswith("#### Guard\n\n3 of 4 planned resources evaluated by 2 policies: 1 refused")
    assert f"| refused | public-network-access | `azapi_resource.this` | {said} |" in section
    assert "<details><summary>no policy looked at 1" in section


def test_as_sarif(report: Report) -> None:
    (run,) = json.loads(as_sarif(report))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["public-network-access", "tls"]
    by_address = {
        one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]: one
        for one in run["results"]
        if one["ruleIndex"] == 0
    }
    assert "suppressions" not in by_address["azapi_resource.this"]
    assert by_address["azapi_resource.second"]["suppressions"][0]["justification"] == "team-a: until May"
    assert {one["level"] for one in run["results"]} == {"error", "warning"}


def test_as_junit(report: Report) -> None:
    suite = ET.fromstring(as_junit(report).encode()).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = suite.find("testcase[@name='public-network-access']/failure")
    assert failed is not None
    assert "azapi_resource.this" in (failed.text or "")
    assert "azapi_resource.second" not in (failed.text or ""), "it is waived"


def test_a_plan_of_nothing_fails_as_junit_too() -> None:
    nothing = judge(plan(), POLICIES, FACTS, "platform", (), TODAY, {})
    suite = ET.fromstring(as_junit(nothing).encode()).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"


def run(*arguments: str) -> Any:
    return CliRunner(catch_exceptions=False).invoke(cli, ["guard", *arguments], standalone_mode=False)


def test_the_command_lists_explains_and_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    listed = json.loads(run("list", "--json").output)
    assert [one["id"] for one in listed] == [one.id for one in POLICIES]
    said = run("explain", "tls").output
    assert "can be read and changed by whoever is between" in said
    assert "refuses, for example: a storage account that takes TLS 1.0\n" in said
    assert "\n  -> " in said


@pytest.mark.parametrize("form", OFFERED)
def test_the_command_checks_a_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str) -> None:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan(OPEN)))
    result = run("check", "prod", str(file), "--format", form)
    assert result.return_value == (0 if form == "input" else 4)
    assert "azapi_resource.this" in result.output


def test_every_format_is_offered() -> None:
    assert set(FORMATS) < set(OFFERED)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "tsl"), "there is no policy 'tsl'"),
        (("check", "local", "plan.json"), "is no plan as `terraform show -json PLANFILE` writes it"),
        (("check", "lcoal", "plan.json"), "unknown environment 'lcoal'"),
    ],
)
def test_bad_input_is_told(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "plan.json").write_text("{}")
    where = [str(tmp_path / one) if one == "plan.json" else one for one in arguments]
    assert main(["guard", *where]) == 3
    assert said in capfd.readouterr().err
