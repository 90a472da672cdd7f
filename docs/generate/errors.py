"""docs/errors.md: the table of :mod:`toolkit.azure.codes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from toolkit.azure.codes import CODES, ErrorCode
from toolkit.project import Project

PATH = Path("docs/errors.md")

HEAD = """\
# What Azure's error codes mean

Written by `python -m docs.generate errors` from `toolkit/azure/codes.py`, which Terraform's errors and checks share.
A code with a time is waited for that long: by `toolkit apply` from its first appearance, by a check from its start,
where `--patience` scales it. The 10 minutes of roles are Microsoft's, the other times are inferred; a row whose source
says so was inferred from public reports. `kind` is what evidence calls a check's refusal. `{id}`, `{name}` and the like
are filled in from the message.
"""
COLUMNS = """
| code | meaning | way out | waited for | kind | source |
|---|---|---|---|---|---|
"""


def errors_document(project: Project) -> Mapping[Path, str]:
    codes = _table(row for row in CODES if not row.by_text and not row.state)
    words = _table(row for row in CODES if row.by_text and not row.state)
    state = _table(row for row in CODES if row.state)
    return {
        PATH: f"{HEAD}{codes}\n## Errors without a code\n\nTold by their words; the name is ours.\n{words}"
        f"\n## From the storage of Terraform's state\n\nWhat the same codes mean when it is the state that cannot be "
        f"reached.\n{state}"
    }


def _table(rows: Iterable[ErrorCode]) -> str:
    return COLUMNS + "".join(_line(row) for row in rows)


def _line(row: ErrorCode) -> str:
    code = f"`{row.code}`" + (f" with `{row.when}`".replace("|", "\\|") if row.when else "")
    waited = f"{row.seconds / 60:g} min" if row.retried else "not at all"
    source = f"[page]({row.source})" if row.source.startswith("https://") else row.source
    meaning, hint = (text.replace("{env}", "ENV") for text in (row.meaning, row.hint))
    return f"| {code} | {meaning} | {hint} | {waited} | {row.kind if row.kind != 'other' else ''} | {source} |\n"
