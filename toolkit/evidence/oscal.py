"""A run as OSCAL assessment results: an observation for each check, a finding for each control.

https://pages.nist.gov/OSCAL-Reference/models/v1.2.1/assessment-results/json-reference/. Ids are made from the run's, so
that the same run gives the same document.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from toolkit.records import Json

OSCAL_VERSION = "1.2.1"
# A namespace for our own properties; no server answers there (RFC 4151).
NAMESPACE = "tag:aml-adf-toolkit,2026:oscal"
# Families of NIST SP 800-53 revision 5 (https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final). What is of none is of
# Microsoft's benchmark (https://learn.microsoft.com/security/benchmark/azure/overview), which has no catalog in OSCAL.
NIST_FAMILIES = frozenset(
    {"AC", "AT", "AU", "CA", "CM", "CP", "IA", "MA", "MP", "PE", "PL", "PM", "PS", "PT", "RA", "SA", "SC", "SI", "SR"}
)
_UUIDS = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)
_FRAMEWORKS = {True: "NIST SP 800-53 revision 5", False: "Microsoft cloud security benchmark v1"}


def assessment_results(report: Json, sha256: str) -> Json:
    """The document. ``report`` is the run's ``smoke.json``, ``sha256`` the hash of that file."""
    start = datetime.fromisoformat(report["started_at"])
    end = start + timedelta(seconds=float(report["duration_seconds"]))
    checks = report["checks"]
    ids = _Ids(str(report["run_id"]))
    result: Json = {
        "uuid": ids("result"),
        "title": _line(f"Smoke tests of {report['environment']}"),
        "description": "What the data planes and the control plane answered when somebody tried, from several places "
        "in the network and as several identities.",
        "start": start.isoformat(),
        "end": end.isoformat(),
        "props": [_property("verdict", report.get("verdict") or ("green" if report["green"] else "red"))],
        "local-definitions": {"components": [_platform(report, ids)]},
        "reviewed-controls": {"control-selections": _selections(checks)},
        "observations": [_observation(one, report, ids, end) for one in checks],
    }
    if findings := [_finding(control, found, ids) for control, found in _by_control(checks).items()]:
        result["findings"] = findings
    return {
        "assessment-results": {
            "uuid": ids("document"),
            "metadata": {
                "title": _line(f"Smoke tests of {report['environment']}"),
                "last-modified": end.isoformat(),
                "version": _line(report["run_id"]),
                "oscal-version": OSCAL_VERSION,
                "props": [_property(name, report[name]) for name in ("commit", "job") if report.get(name)],
                "remarks": "Made by aml-adf-toolkit. A finding speaks of a control only as far as these checks go.",
            },
            "import-ap": {
                "href": f"#{ids('smoke.json')}",
                "remarks": "There is no assessment plan in OSCAL: the checks are those of the report.",
            },
            "results": [result],
            "back-matter": {"resources": [_report(ids, sha256)]},
        }
    }


class _Ids:
    def __init__(self, run: str) -> None:
        self._run = run

    def __call__(self, name: str) -> str:
        return str(uuid.uuid5(_UUIDS, f"{self._run}/{name}"))


def _platform(report: Json, ids: _Ids) -> Json:
    return {
        "uuid": ids("platform"),
        "type": "this-system",
        "title": _line(f"The platform {report['environment']}"),
        "description": "A private Azure Machine Learning and Data Factory platform.",
        "props": [_property("subscription", report.get("subscription"))],
        "status": {"state": "operational"},
    }


def _report(ids: _Ids, sha256: str) -> Json:
    link = {
        "href": "smoke.json",
        "media-type": "application/json",
        "hashes": [{"algorithm": "SHA-256", "value": sha256}],
    }
    return {"uuid": ids("smoke.json"), "title": "The report that all of this was made from", "rlinks": [link]}


def _selections(checks: Iterable[Json]) -> list[Json]:
    """By framework. Where no check names a control, the reader is told so instead of shown an empty list."""
    named = list(_by_control(checks))
    found = [
        {
            "description": _FRAMEWORKS[nist],
            "include-controls": [{"control-id": control.lower()} for control in named if _is_nist(control) is nist],
        }
        for nist in _FRAMEWORKS
        if any(_is_nist(control) is nist for control in named)
    ]
    return found or [{"description": "The checks of this run name no control", "include-all": {}}]


def _observation(one: Json, report: Json, ids: _Ids, collected: datetime) -> Json:
    facts = {"outcome": one["outcome"], "severity": one["severity"], "cause": one.get("cause")}
    facts |= {"vantage": one.get("vantage") or "runner", "identity": one.get("identity")}
    facts["expectation"] = one.get("expectation")
    return {
        "uuid": ids(f"check/{one['id']}"),
        "title": _line(one["title"]),
        "description": _text(one["reason"]),
        "props": [_property("check", one["id"]), *(_property(name, value) for name, value in facts.items() if value)],
        "methods": ["TEST"],
        "types": ["control-objective"],
        "subjects": [{"subject-uuid": ids("platform"), "type": "component"}],
        "relevant-evidence": [{"href": f"#{ids('smoke.json')}", "description": _text(f"The check {one['id']}")}],
        "collected": collected.isoformat(),
        **({"remarks": _text(one["hint"])} if one.get("hint") else {}),
    }


def _finding(control: str, checks: Sequence[Json], ids: _Ids) -> Json:
    failed = [one["id"] for one in checks if one["outcome"] == "FAIL"]
    skipped = [one["id"] for one in checks if one["outcome"] == "SKIP"]
    passed = len(checks) - len(failed) - len(skipped)
    satisfied = passed > 0 and not failed
    reason = "fail" if failed else "pass" if passed else "other"
    words = f"{passed} of {len(checks)} checks passed"
    words += f"; failed: {', '.join(failed)}" if failed else ""
    words += f"; not proven: {', '.join(skipped)}" if skipped else ""
    return {
        "uuid": ids(f"control/{control}"),
        "title": _line(f"{control} ({_FRAMEWORKS[_is_nist(control)]})"),
        "description": words,
        "target": {
            "type": "statement-id",
            "target-id": f"{control.lower()}_smt",
            "status": {"state": "satisfied" if satisfied else "not-satisfied", "reason": reason},
        },
        "related-observations": [{"observation-uuid": ids(f"check/{one['id']}")} for one in checks],
    }


def _by_control(checks: Iterable[Json]) -> Mapping[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for one in checks:
        for control in one.get("controls") or []:
            found.setdefault(control, []).append(one)
    return dict(sorted(found.items()))


def _is_nist(control: str) -> bool:
    return control.partition("-")[0] in NIST_FAMILIES


def _property(name: str, value: object) -> Json:
    return {"name": name, "ns": NAMESPACE, "value": _line(value)}


def _line(text: object) -> str:
    """OSCAL's strings are one line, without space around it."""
    return " ".join(str(text).split()) or "-"


def _text(text: object) -> str:
    return re.sub(r"[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", str(text)).strip() or "-"
