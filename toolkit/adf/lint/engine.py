"""Runs the rules over a factory; nothing is printed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.adf.lint.edits import apply_edits
from toolkit.adf.lint.model import SEVERITIES, Edit, Finding, Rule, Severity, Subject, finding
from toolkit.files import disk_errors, write_atomically
from toolkit.pipelines.documents import Document
from toolkit.pipelines.model import Factory


def lint(factory: Factory, rules: Sequence[Rule], published: Factory | None = None) -> list[Finding]:
    """By file and line. A rule that fails is a bug, and is no finding."""
    subject = Subject(factory, published)
    found = [finding(rule, hit) for rule in rules for hit in rule.check(subject)]
    order = {rule.id: position for position, rule in enumerate(rules)}
    return sorted(found, key=lambda one: (one.file, one.line, one.column, order[one.rule.id], one.what))


def at_least(findings: Iterable[Finding], severity: Severity) -> list[Finding]:
    wanted = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return [one for one in findings if one.rule.severity in wanted]


def mend(findings: Iterable[Finding]) -> list[Finding]:
    """Write what can be mended without judgement back to its file; what was mended is returned.

    Only files are written: what is live or comes from Terraform is mended where it is made.
    """
    edits: dict[Document, list[Edit]] = {}
    mended = []
    for one in findings:
        if one.edits and one.document is not None and one.document.path is not None:
            edits.setdefault(one.document, []).extend(one.edits)
            mended.append(one)
    for document, changes in edits.items():
        assert document.path is not None
        with disk_errors(f"cannot mend {document.file}"):
            mark = b"\xef\xbb\xbf" if document.path.read_bytes().startswith(b"\xef\xbb\xbf") else b""
            mode = document.path.stat().st_mode & 0o777
            text = apply_edits(document.text, changes, document.file)
            write_atomically(document.path, mark + text.encode(), mode)
    return mended
