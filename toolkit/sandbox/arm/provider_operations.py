"""Which operations Azure's resource providers have: a role definition that names another one is refused whole.

provider_operations.json lists, for each type, its verbs (``read``, ``write``, ``delete``) and actions. ``documented``:
the permission reference (https://learn.microsoft.com/azure/role-based-access-control/permissions/) for Batch, Key Vault
and Storage, and what Azure's built-in roles name (`az role definition list`, as kept by
https://github.com/iann0036/iam-dataset) for the others. ``inferred``: operations of the types that the sandbox has, by
ARM's rule that a type's operations are called after it, where neither source names them.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

Kind = Literal["actions", "dataActions"]
_VERBS = ("read", "write", "delete")
_TABLES: dict[Kind, tuple[str, ...]] = {"actions": ("documented", "inferred"), "dataActions": ("documentedData",)}


@lru_cache(maxsize=1)
def operations() -> dict[Kind, frozenset[str]]:
    """Every operation known here, in lower case: Azure compares without case."""
    file = json.loads(Path(__file__).with_name("provider_operations.json").read_text(encoding="utf-8"))
    return {
        kind: frozenset(
            _operation(type_, word)
            for table in tables
            for type_, words in file[table].items()
            for word in words.split()
        )
        for kind, tables in _TABLES.items()
    }


@lru_cache(maxsize=1)
def namespaces() -> frozenset[str]:
    """The providers whose operations are known here."""
    return frozenset(operation.partition("/")[0] for operation in operations()["actions"])


def exists(pattern: str, kind: Kind) -> bool:
    """Whether an operation of that name exists, or any that a pattern with ``*`` covers."""
    wanted = pattern.lower()
    if "*" not in wanted:
        return wanted in operations()[kind]
    expression = re.compile(".*".join(re.escape(part) for part in wanted.split("*")))
    return any(expression.fullmatch(operation) for operation in operations()[kind])


def is_known_provider(pattern: str) -> bool:
    """Whether the sandbox can say anything of a pattern: its provider is known, or it names none (``*/read``)."""
    provider = pattern.lower().partition("/")[0]
    return "*" in provider or provider in namespaces()


def _operation(type_: str, word: str) -> str:
    return f"{type_}/{word}".lower() if word in _VERBS else f"{type_}/{word}/action".lower()
