"""The assessment results: what they say, and that NIST's own models and a validator take them."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.evidence.support import check, report, write_run
from tests.unit.evidence.test_page import HOSTILE, RED, many
from toolkit.evidence.oscal import NIST_FAMILIES, assessment_results
from toolkit.records import Json

CHECKED = report(
    check("storage-a", controls=["NS-2", "SC-7"]),
    check("storage-b", "FAIL", controls=["NS-2"], hint="close it"),
    check("dns-c", "SKIP", red=False, controls=["SC-7", "SC-20"]),
)


def results(document: Json) -> Any:
    return assessment_results(document, "0" * 64)["assessment-results"]["results"][0]


def test_an_observation_for_each_check_and_a_finding_for_each_control() -> None:
    found = results(CHECKED)
    assert [one["title"] for one in found["observations"]] == [one["title"] for one in CHECKED["checks"]]
    by_id = {one["uuid"]: one["props"][0]["value"] for one in found["observations"]}
    findings = {
        one["title"]: (
            one["target"]["target-id"],
            one["target"]["status"],
            one["description"],
            [by_id[related["observation-uuid"]] for related in one["related-observations"]],
        )
        for one in found["findings"]
    }
    assert findings == {
        "NS-2 (Microsoft cloud security benchmark v1)": (
            "ns-2_smt",
            {"state": "not-satisfied", "reason": "fail"},
            "1 of 2 checks passed; failed: storage-b",
            ["storage-a", "storage-b"],
        ),
        "SC-20 (NIST SP 800-53 revision 5)": (
            "sc-20_smt",
            {"state": "not-satisfied", "reason": "other"},
            "0 of 1 checks passed; not proven: dns-c",
            ["dns-c"],
        ),
        "SC-7 (NIST SP 800-53 revision 5)": (
            "sc-7_smt",
            {"state": "satisfied", "reason": "pass"},
            "1 of 2 checks passed; not proven: dns-c",
            ["storage-a", "dns-c"],
        ),
    }
    assert {
        one["description"]: [control["control-id"] for control in one["include-controls"]]
        for one in found["reviewed-controls"]["control-selections"]
    } == {
        "NIST SP 800-53 revision 5": ["sc-20", "sc-7"],
        "Microsoft cloud security benchmark v1": ["ns-2"],
    }


def test_the_same_run_gives_the_same_document_and_another_run_other_ids() -> None:
    assert assessment_results(CHECKED, "0") == assessment_results(CHECKED, "0")
    other = assessment_results({**CHECKED, "run_id": "another"}, "0")["assessment-results"]
    assert other["uuid"] != assessment_results(CHECKED, "0")["assessment-results"]["uuid"]


def test_a_warning_that_failed_is_no_satisfied_control() -> None:
    (one,) = results(report(check("a-b", "FAIL", red=False, severity="warning", controls=["CM-6"])))["findings"]
    assert one["target"]["status"]["state"] == "not-satisfied"


def test_frameworks_are_told_apart_as_the_catalogue_does() -> None:
    from toolkit.smoke.controls import CONTROLS

    found = {name: name.partition("-")[0] in NIST_FAMILIES for name in CONTROLS}
    assert found == {name: control.framework == "NIST 800-53" for name, control in CONTROLS.items()}


HOSTILE_RUN = report(
    check("a-b", "FAIL", title=f"  {HOSTILE}\n", reason="", hint=f"\n{HOSTILE}", controls=["NS-2"], vantage=None),
    environment=f"dev {HOSTILE}",
)


@pytest.mark.parametrize("document", [CHECKED, RED, report(), many(), HOSTILE_RUN], ids=range(5))
def test_a_validator_takes_it(tmp_path: Path, document: Json) -> None:
    """compliance-trestle: its models are made from NIST's schema and know no other field, and its validators look at
    what a schema cannot: ids that stand twice, references that lead nowhere."""
    models = pytest.importorskip("trestle.oscal.assessment_results", reason="compliance-trestle is not installed")
    from trestle.core.validator_factory import validator_factory

    folder = write_run(tmp_path, "20260101T000000.000000Z", document)
    path = folder / "oscal.json"
    model = models.AssessmentResults.oscal_read(path)
    assert model is not None
    assert validator_factory.get(Namespace(mode="all")).model_is_valid(model, True)
    text = json.loads(path.read_text())["assessment-results"]
    assert len(model.results[0].observations) == len(text["results"][0]["observations"]) == len(document["checks"])


def test_the_validator_would_say_no(tmp_path: Path) -> None:
    models = pytest.importorskip("trestle.oscal.assessment_results", reason="compliance-trestle is not installed")
    document = assessment_results(CHECKED, "0" * 64)
    document["assessment-results"]["results"][0]["observations"][0]["unheard-of"] = 1
    with pytest.raises(Exception, match="unheard"):
        models.Model.model_validate(document)
