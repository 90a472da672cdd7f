"""What a command adds to the log of a CI system's job: parts that fold, annotations, the summary of the job.

Nothing of it outside of a job (:func:`toolkit.ci.provenance.ci_of`). All goes to stderr, which both systems read
(toolkit/ci/reporting.py), so that stdout stays the result.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.errors import ToolkitError


@contextmanager
def folded(title: str) -> Iterator[None]:
    """What is printed inside folds under ``title``."""
    from toolkit.ci.log import end_of_group, group
    from toolkit.ci.provenance import ci_of

    name = ci_of(os.environ)
    if name is None:
        yield
        return
    _line(group(name, title))
    try:
        yield
    finally:
        _line(end_of_group(name))


def annotate(error: ToolkitError) -> None:
    """The error on the run's page: each of its places by itself, at the line of its file."""
    from toolkit.ci.log import error_at
    from toolkit.ci.provenance import ci_of

    name = ci_of(os.environ)
    if name is None:
        return
    for place in error.places:
        _line(error_at(name, place.text, place.file, place.line))
    if not error.places:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        _line(error_at(name, f"{error.message}{hint}"))


def summarise_job(markdown: str, evidence: Path) -> None:
    """Show Markdown on the run's page. ``evidence``: where Azure Pipelines, which reads a file, finds it."""
    from toolkit.ci.provenance import ci_of
    from toolkit.ci.summary import show_summary
    from toolkit.files import disk_errors, write_atomically

    if ci_of(os.environ) is None:
        return
    with disk_errors("the summary of the job"):
        evidence.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(evidence, markdown, 0o644)
    show_summary(evidence, os.environ, sys.stderr)


def _line(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
