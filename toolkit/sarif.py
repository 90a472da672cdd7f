"""What code scanning reads: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from toolkit import __version__

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_rule(id_: str, title: str, explained: str, fix: str, level: str, source: str) -> dict[str, Any]:
    """A rule of the tool. ``source`` becomes its address for people where it is one."""
    document: dict[str, Any] = {
        "id": id_,
        "shortDescription": {"text": title},
        "fullDescription": {"text": explained},
        "help": {"text": fix},
        "defaultConfiguration": {"level": level},
    }
    if source.startswith("https://"):
        document["helpUri"] = source
    return document


def sarif(tool: str, rules: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> str:
    """One run's document. Each result has ``ruleId``, ``ruleIndex``, ``level``, ``message`` and ``locations``."""
    driver = {"name": tool, "semanticVersion": __version__, "rules": list(rules)}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": list(results)}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)
