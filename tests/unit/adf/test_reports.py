"""The four forms of what lint finds, each held against the format's own rules."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adf.parts import activity, factory, wait, web
from tests.unit.pipelines.factories import git_folder
from toolkit.adf.lint.engine import at_least, lint
from toolkit.adf.lint.registry import RULES, select
from toolkit.adf.lint.reports import FORMATS, Report, as_json, as_junit, as_sarif, as_text
from toolkit.pipelines.reading import read_factory


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(tmp_path)
    git_folder(Path("my adf"), factory(web(headers=None), activity("Bad\x01", "Wait")))
    found = read_factory(Path("my adf"))
    return Report(found, RULES, lint(found, RULES))


def members(value: Any, required: dict[str, type], optional: dict[str, type] | None = None) -> dict[str, Any]:
    """An object of SARIF's schema, which allows no further properties."""
    assert isinstance(value, dict)
    known = required | (optional or {})
    assert set(required) <= set(value) <= set(known)
    for name, item in value.items():
        assert isinstance(item, known[name])
    return value


def test_sarif_has_the_shape_that_the_standard_prescribes(report: Report) -> None:
    """https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json, the parts that are used."""
    log = members(json.loads(as_sarif(report)), {"version": str, "runs": list}, {"$schema": str})
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    members(run, {"tool": dict}, {"results": list, "columnKind": str})
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = members(
        members(run["tool"], {"driver": dict})["driver"], {"name": str}, {"semanticVersion": str, "rules": list}
    )
    ids = []
    for rule in driver["rules"]:
        members(
            rule,
            {"id": str},
            {
                "shortDescription": dict,
                "fullDescription": dict,
                "help": dict,
                "helpUri": str,
                "defaultConfiguration": dict,
            },
        )
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        for name in ("shortDescription", "fullDescription", "help"):
            members(rule[name], {"text": str})
        ids.append(rule["id"])
    assert len(set(ids)) == len(ids)
    assert len(run["results"]) == len(report.findings) > 0
    for result in run["results"]:
        members(
            result,
            {"message": dict},
            {"ruleId": str, "ruleIndex": int, "level": str, "locations": list, "partialFingerprints": dict},
        )
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        (location,) = result["locations"]
        members(location, {"physicalLocation": dict, "logicalLocations": list})
        place = members(location["physicalLocation"], {"artifactLocation": dict, "region": dict})
        assert place["artifactLocation"] == {"uri": "my%20adf/pipeline/main.json"}
        region = members(place["region"], {"startLine": int}, {"startColumn": int})
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1


def test_json_has_everything_that_the_text_has(report: Report) -> None:
    document = json.loads(as_json(report))
    text = as_text(report)
    assert document["summary"]["error"] == report.count("error") > 0
    for one in document["findings"]:
        assert f"{one['file']}:{one['line']}:{one['column']}: {one['severity']} [{one['rule']}]" in text
        assert one["path"] in text
        assert one["consequence"] in text
        assert one["fix"] in text


def test_junit_fails_for_errors_only_and_is_xml(report: Report) -> None:
    root = ET.fromstring(as_junit(report).encode())
    (suite,) = root
    cases = {case.get("name"): case for case in suite}
    assert len(cases) == len(RULES) == int(suite.get("tests", ""))
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert failed == {one.rule.id for one in report.findings if one.rule.severity == "error"}
    assert int(suite.get("failures", "")) == len(failed)
    warned = {name for name, case in cases.items() if case.find("system-out") is not None}
    assert warned == {one.rule.id for one in report.findings} - failed


def test_a_level_leaves_out_what_is_below(report: Report) -> None:
    assert {one.rule.severity for one in at_least(report.findings, "error")} == {"error"}
    assert {rule.severity for rule in select(level="warning")} == {"error", "warning"}
    assert [rule.id for rule in select(["trigger-end"], level="error")] == ["trigger-end"]
    assert len(select()) == len(RULES)


def test_a_clean_factory_is_said_to_be_clean(tmp_path: Path) -> None:
    found = read_factory(git_folder(tmp_path, factory(wait())))
    for format_ in FORMATS.values():
        assert format_(Report(found, RULES, []))
    assert as_text(Report(found, RULES, [])).endswith("0 errors, 0 warnings, 0 notes")
