"""What a run found, for people (HTML, Markdown), for machines (JSON) and for CI systems (JUnit XML)."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.checks.model import CheckResult, RunResult
from toolkit.evidence import package_versions
from toolkit.evidence.page import as_html

# https://www.w3.org/TR/xml/#charsets: a service's message may hold characters that XML 1.0 cannot.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_document(result: RunResult) -> dict[str, Any]:
    """The run as plain data; the checks are in the registry's order."""
    return {
        "environment": result.environment,
        **result.circumstances,
        "ran": True,
        "run_id": result.run_id,
        "started_at": result.started_at,
        "duration_seconds": round(result.duration, 3),
        "verdict": result.verdict,
        "green": result.green,
        "summary": {
            "passed": result.count("PASS"),
            "failed": result.count("FAIL"),
            "skipped": result.count("SKIP"),
            "red": sum(one.red for one in result.results),
        },
        "versions": package_versions({"toolkit": __version__}),
        "checks": [_check_document(one) for one in result.results],
    }


def as_junit(result: RunResult) -> str:
    """JUnit XML: one suite per category. A failed warning is no failure, as for the exit code: it is in system-out."""
    root = ET.Element("testsuites", name=f"toolkit {result.kind} {result.environment}", time=f"{result.duration:.3f}")
    for category in dict.fromkeys(one.check.category for one in result.results):
        results = [one for one in result.results if one.check.category == category]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=f"{result.kind}.{category}",
            tests=str(len(results)),
            failures=str(sum(one.outcome == "FAIL" and one.red for one in results)),
            errors="0",
            skipped=str(sum(one.outcome == "SKIP" for one in results)),
            time=f"{sum(one.duration for one in results):.3f}",
            timestamp=result.started_at,
        )
        for one in results:
            _junit_case(suite, result, one)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def as_markdown(result: RunResult) -> str:
    """A summary for a pull request or a job: who saw it and when, what is wrong, then every check."""
    mark = "✅" if result.green else "❌"
    lines = [f"## {mark} {result.kind.capitalize()} tests of {result.environment}", ""]
    lines += [f"{result.summary}, in {result.duration:.1f} s.", ""]
    facts = {"time": result.started_at, **result.circumstances}
    lines += [*(f"* {name}: {_cell(value)}" for name, value in facts.items()), ""]
    for one in result.results:
        if one.red or one.outcome == "FAIL":
            lines.append(f"* **{one.check.id}** {one.outcome}: {_cell(one.reason)}")
            if one.hint:
                lines.append(f"  * {_cell(one.hint)}")
            lines += [f"  * {one.check.anchor}", ""]
        if chain := list(chain_lines(one.facts)):
            lines += [f"The chain of {one.check.id}:", "", "```", *chain, "```", ""]
    lines += ["| category | passed | failed | skipped |", "|---|---|---|---|", *_by_category(result), ""]
    lines += ["| check | outcome | time | reason |", "|---|---|---|---|"]
    lines += [
        f"| {one.check.id} | {outcome_words(one)} | {one.duration:.1f} s | {_cell(one.reason)} |"
        for one in result.results
    ]
    return "\n".join(lines) + "\n"


def _by_category(result: RunResult) -> Iterator[str]:
    for category in dict.fromkeys(one.check.category for one in result.results):
        ended = [one.outcome for one in result.results if one.check.category == category]
        yield f"| {category} | {' | '.join(str(ended.count(outcome)) for outcome in ('PASS', 'FAIL', 'SKIP'))} |"


def as_page(result: RunResult) -> str:
    """One HTML file."""
    return as_html(json.loads(as_json(result)))


def as_json(result: RunResult) -> str:
    return json.dumps(as_document(result), indent=2, default=str) + "\n"


def write(result: RunResult, folder: Path) -> None:
    """``KIND.json``, ``.junit.xml``, ``.md`` and ``.html`` into ``folder``, which is made when it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {"json": as_json, "junit.xml": as_junit, "md": as_markdown, "html": as_page}
    for ending, content in words.items():
        (folder / f"{result.kind}.{ending}").write_text(content(result), encoding="utf-8")


def outcome_words(one: CheckResult) -> str:
    """PASS, FAIL or SKIP; with what softens or sharpens it."""
    if one.outcome == "FAIL" and not one.red:
        return "FAIL (warning)"
    if one.outcome == "SKIP" and one.red:
        return "SKIP (not allowed)"
    return one.outcome


def chain_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The chain among a check's facts, for people: a line per link, the first that differs marked."""
    links: Sequence[Mapping[str, Any]] = facts.get("chain") or ()
    marked = False
    for link in links:
        name = f"{link['stage']} {link['link']}" if link["stage"] else str(link["link"])
        mark = "ok" if link["holds"] else "  " if marked else "->"
        shown = link["value"] or "nothing"
        wrong = "" if link["holds"] else f", not {link['expected']}"
        marked = marked or not link["holds"]
        yield f"{mark} {name:<19} {shown}{wrong}  ({link['read_from']})"


def _check_document(one: CheckResult) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": one.check.id,
        "category": one.check.category,
        "title": one.check.title,
        "severity": one.check.severity,
        "expectation": one.check.expectation,
        "vantage": one.check.vantage,
        "identity": one.check.identity,
        "depends": list(one.check.depends),
        "controls": list(one.check.controls),
        "outcome": one.outcome,
        "cause": one.cause,
        "red": one.red,
        "reason": one.reason,
        "hint": one.hint,
        "documentation": one.check.anchor,
        "duration_seconds": round(one.duration, 3),
        "attempts": one.attempts,
        "evidence": dict(one.facts),
        "requests": [dict(sent) for sent in one.requests],
    }
    if one.outcome == "SKIP":
        document |= {"requirement": one.requirement, "skip_allowed": one.skip_allowed}
    return document


def _junit_case(suite: ET.Element, result: RunResult, one: CheckResult) -> None:
    group = f"{result.kind}.{one.check.category}"
    case = ET.SubElement(suite, "testcase", classname=group, name=one.check.id, time=f"{one.duration:.3f}")
    reason = _xml(one.reason)
    chain = "".join(f"\n{line}" for line in chain_lines(one.facts))
    details = _xml(f"{one.reason}\nhint: {one.hint or 'see the documentation'}{chain}\n{one.check.anchor}")
    if one.outcome == "SKIP":
        allowed = "" if one.skip_allowed else f" (not allowed by {result.allowing})"
        ET.SubElement(case, "skipped", message=f"{reason}{allowed}")
    elif one.red:
        ET.SubElement(case, "failure", message=reason, type=one.cause or "differs").text = details
    elif one.outcome == "FAIL":
        ET.SubElement(case, "system-out").text = f"warning: {details}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
