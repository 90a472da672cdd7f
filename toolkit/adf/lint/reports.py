"""What was found, for people (text), for machines (JSON), for code scanning (SARIF) and for CI systems (JUnit)."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from toolkit.adf.lint.model import SEVERITIES, Finding, Rule
from toolkit.pipelines.model import Factory
from toolkit.sarif import sarif, sarif_rule

# https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Report:
    """``rules`` are those that were looked at."""

    factory: Factory
    rules: Sequence[Rule]
    findings: Sequence[Finding]

    def count(self, severity: str) -> int:
        return sum(one.rule.severity == severity for one in self.findings)

    @property
    def summary(self) -> str:
        resources = sum(1 for _ in self.factory.all)
        counts = ", ".join(f"{self.count(one)} {one}{'' if self.count(one) == 1 else 's'}" for one in SEVERITIES)
        return f"{self.factory.where}: {resources} resources, {len(self.rules)} rules: {counts}"


def as_text(report: Report) -> str:
    lines = []
    for one in report.findings:
        lines += [
            f"{one.file}:{one.line}:{one.column}: {one.rule.severity} [{one.rule.id}] {one.what}",
            f"    at:    {one.path}",
            f"    else:  {one.rule.consequence}",
            f"    fix:   {one.rule.fix}{' (--fix)' if one.edits and _on_disk(one) else ''}",
        ]
    return "\n".join([*lines, report.summary])


def as_json(report: Report) -> str:
    document = {
        "factory": report.factory.name,
        "origin": report.factory.origin,
        "where": report.factory.where,
        "summary": {severity: report.count(severity) for severity in SEVERITIES},
        "findings": [
            {
                "rule": one.rule.id,
                "severity": one.rule.severity,
                "file": one.file,
                "line": one.line,
                "column": one.column,
                "path": one.path,
                "what": one.what,
                "consequence": one.rule.consequence,
                "fix": one.rule.fix,
                "fixable": bool(one.edits) and _on_disk(one),
                "source": one.rule.source,
            }
            for one in report.findings
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_sarif(report: Report) -> str:
    order = {rule.id: position for position, rule in enumerate(report.rules)}
    rules = [
        sarif_rule(one.id, one.what, f"{one.what} {one.consequence}", one.fix, one.severity, one.source)
        for one in report.rules
    ]
    results = [
        {
            "ruleId": one.rule.id,
            "ruleIndex": order[one.rule.id],
            "level": one.rule.severity,
            "message": {"text": f"{one.what}. {one.rule.consequence} Fix: {one.rule.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(one.file)},
                        "region": {"startLine": one.line, "startColumn": one.column},
                    },
                    "logicalLocations": [{"fullyQualifiedName": one.path}],
                }
            ],
            # Lines move; the place in the definition stays.
            "partialFingerprints": {"path/v1": f"{one.rule.id}:{one.file}:{one.path}"},
        }
        for one in report.findings
    ]
    return sarif("toolkit adf lint", rules, results)


def as_junit(report: Report) -> str:
    """One case per rule. Only errors are failures, as for the exit code; the rest is in system-out."""
    failed = {one.rule.id for one in report.findings if one.rule.severity == "error"}
    root = ET.Element("testsuites", name=f"toolkit adf lint {report.factory.name}")
    suite = ET.SubElement(
        root, "testsuite", name="adf.lint", tests=str(len(report.rules)), failures=str(len(failed)), errors="0"
    )
    by_rule: dict[str, list[Finding]] = {}
    for one in report.findings:
        by_rule.setdefault(one.rule.id, []).append(one)
    for rule in report.rules:
        case = ET.SubElement(suite, "testcase", classname="adf.lint", name=rule.id)
        found = by_rule.get(rule.id)
        if not found:
            continue
        text = _xml("\n".join(f"{one.file}:{one.line}: {one.what} ({one.path})" for one in found))
        if rule.id in failed:
            failure = ET.SubElement(case, "failure", message=_xml(rule.consequence), type=rule.severity)
            failure.text = f"{text}\nfix: {_xml(rule.fix)}"
        else:
            ET.SubElement(case, "system-out").text = f"{rule.severity}: {text}"
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


FORMATS: dict[str, Callable[[Report], str]] = {"text": as_text, "json": as_json, "sarif": as_sarif, "junit": as_junit}


def rules_table(rules: Iterable[Rule]) -> list[list[str]]:
    return [[rule.id, rule.severity, "yes" if rule.fixable else "", rule.what] for rule in rules]


def _uri(file: str) -> str:
    """Relative to where the command ran, when it is below: code scanning shows only such files."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return ("file://" if path.is_absolute() else "") + quote(path.as_posix())


def _on_disk(one: Finding) -> bool:
    return one.document is not None and one.document.path is not None


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)
