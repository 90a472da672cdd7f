"""docs/errors.md: the table of :mod:`toolkit.azure.codes`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit.azure.codes import CODES
from toolkit.project import Project

PATH = Path("docs/errors.md")

HEAD = """\
# What Azure's error codes mean

Written by `python -m docs.generate errors` from `toolkit/azure/codes.py`. A code with a time is waited for that long,
counted from its first appearance; the times are inferred, but for the 10 minutes of roles. A row whose
source says so was inferred from public reports. `{id}` and `{name}` are the resource's.

| code | meaning | way out | waited for | source |
|---|---|---|---|---|
"""


def errors_document(project: Project) -> Mapping[Path, str]:
    rows = []
    for row in CODES:
        code = f"`{row.code}`" + (f" with `{row.when}`".replace("|", "\\|") if row.when else "")
        waited = f"{row.seconds / 60:g} min" if row.retried else "not at all"
        source = f"[page]({row.source})" if row.source.startswith("https://") else row.source
        hint = row.hint.replace("<env>", "ENV").replace("{env}", "ENV")
        rows.append(f"| {code} | {row.meaning} | {hint} | {waited} | {source} |\n")
    return {PATH: HEAD + "".join(rows)}
