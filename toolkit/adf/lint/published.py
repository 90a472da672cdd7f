"""What Git mode and the published template, or the factory itself, disagree on."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.adf.difference import Change, Difference, differences
from toolkit.adf.lint.model import Hit, Rule, Subject

_SOURCE = "https://learn.microsoft.com/azure/data-factory/source-control#publish-code-changes"


def _found(subject: Subject, change: Change) -> Iterator[Difference]:
    if subject.published is None:
        return
    if "differences" not in subject.notes:
        subject.notes["differences"] = differences(subject.factory, subject.published)
    for one in subject.notes["differences"]:
        if one.change == change:
            yield one


def differs(subject: Subject) -> Iterator[Hit]:
    for one in _found(subject, "differs"):
        assert one.left is not None
        assert one.right is not None
        node = one.left.properties.get(*one.paths[0]) or one.left.properties
        yield Hit(node, f"{one.left.label} is published otherwise ({one.right.node.document.file}): {one.places}")


def unpublished(subject: Subject) -> Iterator[Hit]:
    for one in _found(subject, "only-left"):
        assert one.left is not None
        yield Hit(one.left.node, f"{one.left.label} is not published")


def only_published(subject: Subject) -> Iterator[Hit]:
    for one in _found(subject, "only-right"):
        assert one.right is not None
        yield Hit(one.right.node, f"{one.right.label} is published, and not in {subject.factory.where}")


RULES: tuple[Rule, ...] = (
    Rule(
        "published-differs", "warning", "What is published is what the repository says (with --published).",
        "Triggers run the published definition; a debug run from the branch proves nothing about it.",
        "Publish, or take back the change.", _SOURCE, differs,
    ),
    Rule(
        "published-missing", "warning", "Everything in the repository is published (with --published).",
        "What refers to it works in the studio, and in no run by a trigger.", "Publish it.", _SOURCE, unpublished,
    ),
    Rule(
        "published-only", "warning", "Everything that is published is in the repository (with --published).",
        "The next publishing deletes it, or it lives on without an owner.",
        "Bring it into the repository, or delete it.", _SOURCE, only_published,
    ),
)  # fmt: skip
