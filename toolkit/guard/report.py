"""The guard's verdicts, for people (text, Markdown), machines (JSON), code scanning (SARIF) and CI systems (JUnit)."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from toolkit.guard.check import described, hint
from toolkit.guard.engine import Finding, Report
from toolkit.guard.policies import Policy
from toolkit.records import Json
from toolkit.sarif import sarif, sarif_rule

# https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNSEEN_TYPES = 12


def verdict(one: Finding) -> str:
    """``refused``, ``waived`` or ``warning``."""
    if one.waiver is not None:
        return "waived"
    return "refused" if one.refuses else "warning"


def summary(report: Report) -> str:
    """One line: how much was evaluated, by what, and what came of it."""
    counts = Counter(verdict(one) for one in report.findings)
    found = ", ".join(f"{counts[word]} {word}" for word in ("refused", "waived", "warning") if counts[word])
    return (
        f"guard: {report.evaluated} of {report.planned} planned resources evaluated by {len(report.policies)} "
        f"policies: {found or ('nothing refused' if report.passes else 'refused, as nothing was evaluated')}"
    )


def unseen(report: Report) -> str | None:
    """The types of what no policy looked at, with their numbers."""
    if not report.unseen:
        return None
    types = Counter(report.unseen.values()).most_common()
    more = sum(number for _, number in types[_UNSEEN_TYPES:])
    shown = ", ".join(f"{kind} {number}" for kind, number in types[:_UNSEEN_TYPES])
    return f"no policy looked at {len(report.unseen)}: {shown}{f' and {more} more' if more else ''}"


def table(report: Report) -> list[list[str]]:
    """A row for each finding: verdict, policy, address, what."""
    return [[verdict(one), one.policy.id, one.address, _told(one)] for one in report.findings]


def _told(one: Finding) -> str:
    if one.waiver is not None:
        return f"{one.what} (waived until {one.waiver.expires} by {one.waiver.owner}: {one.waiver.reason})"
    if one.expired is not None:
        return f"{one.what} (its waiver, of {one.expired.owner}, expired on {one.expired.expires})"
    return one.what


def as_text(report: Report) -> str:
    lines = []
    for one in report.findings:
        lines += [f"{verdict(one)}: [{one.policy.id}] {one.address}: {_told(one)}", f"    fix: {hint(one)}"]
    lines += [f"unused waiver: {w.policy} for {w.resource}, of {w.owner}" for w in report.unused_waivers]
    lines.append(summary(report))
    if (said := unseen(report)) is not None:
        lines.append(said)
    return "\n".join(lines)


def as_document(report: Report) -> Json:
    return {
        "environment": report.environment,
        "passes": report.passes,
        "planned": report.planned,
        "evaluated": report.evaluated,
        "policies": {one.id: report.by_policy[one.id] for one in report.policies},
        "findings": [
            {
                "policy": one.policy.id,
                "severity": one.policy.severity,
                "verdict": verdict(one),
                "address": one.address,
                "what": one.what,
                "fix": hint(one),
                "waiver": _waiver(one),
            }
            for one in report.findings
        ],
        "unseen": dict(report.unseen),
        "unused_waivers": [
            {"policy": w.policy, "resource": w.resource, "owner": w.owner} for w in report.unused_waivers
        ],
    }


def _waiver(one: Finding) -> Json | None:
    waiver = one.waiver or one.expired
    if waiver is None:
        return None
    return {
        "resource": waiver.resource,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "expired": one.expired is not None,
    }


def as_json(report: Report) -> str:
    return json.dumps(as_document(report), indent=2, ensure_ascii=False)


def as_markdown(report: Report) -> str:
    """The section of a plan's Markdown."""
    lines = ["#### Guard", "", f"{summary(report)[len('guard: ') :]}.", ""]
    if report.findings:
        lines += ["| verdict | policy | resource | what |", "|---|---|---|---|"]
        lines += [
            f"| {word} | {policy} | `{address}` | {_cell(what)} |" for word, policy, address, what in table(report)
        ]
        lines += ["", *(f"* {fix}" for fix in dict.fromkeys(hint(one) for one in report.refused)), ""]
    if (said := unseen(report)) is not None:
        lines += [f"<details><summary>{said}</summary>", ""]
        lines += [f"* `{address}` ({kind})" for address, kind in sorted(report.unseen.items())]
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def as_sarif(report: Report) -> str:
    order = {one.id: position for position, one in enumerate(report.policies)}
    rules = [
        sarif_rule(one.id, one.title, f"{one.title}. {one.why}", one.fix, one.severity, one.source)
        for one in report.policies
    ]
    results = []
    for one in report.findings:
        result: dict[str, Any] = {
            "ruleId": one.policy.id,
            "ruleIndex": order[one.policy.id],
            "level": one.policy.severity,
            "message": {"text": f"{one.address}: {one.what}. Fix: {hint(one)}"},
            # A plan has no lines; the policy that says it has.
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": one.policy.module.shown},
                        "region": {"startLine": 1},
                    },
                    "logicalLocations": [{"fullyQualifiedName": one.address, "kind": "resource"}],
                }
            ],
            "partialFingerprints": {"address/v1": f"{one.policy.id}:{one.address}"},
        }
        if one.waiver is not None:
            result["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": f"{one.waiver.owner}: {one.waiver.reason}"}
            ]
        results.append(result)
    return sarif("toolkit guard", rules, results)


def as_junit(report: Report) -> str:
    """One case for each policy; a plan of which nothing was evaluated is a failure of its own."""
    refused = {one.policy.id for one in report.refused}
    empty = not report.evaluated
    root = ET.Element("testsuites", name=f"toolkit guard {report.environment}")
    suite = ET.SubElement(
        root,
        "testsuite",
        name="guard",
        tests=str(len(report.policies) + empty),
        failures=str(len(refused) + empty),
        errors="0",
    )
    by_policy: dict[str, list[Finding]] = {}
    for one in report.findings:
        by_policy.setdefault(one.policy.id, []).append(one)
    for policy in report.policies:
        case = ET.SubElement(suite, "testcase", classname="guard", name=policy.id)
        if policy.id in refused:
            failing = [one for one in by_policy[policy.id] if one.refuses]
            failure = ET.SubElement(case, "failure", message=_xml(policy.title), type=policy.severity)
            failure.text = _xml("\n".join([*described(failing), f"fix: {hint(failing[0])}"]))
        elif policy.id in by_policy:
            ET.SubElement(case, "system-out").text = _xml("\n".join(_told(one) for one in by_policy[policy.id]))
    if empty:
        case = ET.SubElement(suite, "testcase", classname="guard", name="evaluated")
        ET.SubElement(case, "failure", message="no planned resource was evaluated", type="error")
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "markdown": as_markdown,
}


def policies_table(policies: Iterable[Policy]) -> list[list[str]]:
    return [[one.id, one.severity, "toolkit" if one.own else one.module.shown, one.protects] for one in policies]
