"""A Markdown file on the page of the run whose job this is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from toolkit.ci.outputs import append_to_file_of, azure_devops_summary
from toolkit.ci.provenance import ci_of


def show_summary(path: Path, environ: Mapping[str, str], stream: TextIO) -> None:
    """Nothing outside of a job. ``stream`` is standard error, as in toolkit/ci/reporting.py.

    Raises UsageError when the file that GitHub names cannot be written.
    """
    name = ci_of(environ)
    if name == "azure-devops":
        print(azure_devops_summary(path.resolve()), file=stream, flush=True)
    elif name == "github" and environ.get("GITHUB_STEP_SUMMARY"):
        append_to_file_of("GITHUB_STEP_SUMMARY", environ, path.read_text(encoding="utf-8"))
