"""The parameters that a run begins with: what was given, else the defaults, each of its declared type.

https://learn.microsoft.com/rest/api/datafactory/pipelines/create-run. The sentences are (inferred) but for their frame,
"ErrorCode=InvalidTemplate, ErrorMessage=…": https://github.com/kromerm/adfdataflowdocs/issues/11
"""

from __future__ import annotations

import json
from typing import Any

from toolkit.pipelines.expressions import unset_variable
from toolkit.records import Json

HIDDEN = "********"


class Refused(Exception):
    """A run that does not begin (400 BadRequest)."""


def run_parameters(declared: Json, given: Json) -> Json:
    """By name. What is given and not declared is passed over (inferred)."""
    by_lower = {name.lower(): value for name, value in given.items()}
    found: Json = {}
    for name, declaration in declared.items():
        kind = str(declaration.get("type", "String"))
        if name.lower() in by_lower:
            found[name] = _typed(name, kind, by_lower[name.lower()])
        elif "defaultValue" in declaration:
            found[name] = _typed(name, kind, declaration["defaultValue"])
        else:
            raise Refused(_sentence(f"The pipeline parameter '{name}' has no default value, and none was given"))
    return found


def first_variables(declared: Json) -> Json:
    """What variables hold at the start."""
    return {
        name: declaration["defaultValue"] if "defaultValue" in declaration else unset_variable(declaration["type"])
        for name, declaration in declared.items()
    }


def as_shown(parameters: Json, declared: Json) -> dict[str, str]:
    """As a run shows them: text, and secrets not at all."""
    shown: dict[str, str] = {}
    for name, value in parameters.items():
        secret = str((declared.get(name) or {}).get("type", "")).lower() == "securestring"
        shown[name] = HIDDEN if secret else value if isinstance(value, str) else json.dumps(value)
    return shown


def _sentence(why: str) -> str:
    return f"ErrorCode=InvalidTemplate, ErrorMessage={why}."


def _typed(name: str, kind: str, value: Any) -> Any:
    expected = kind.lower()
    if expected == "securestring" and isinstance(value, dict):
        return value.get("value", "")
    fits = {
        "string": lambda: isinstance(value, str),
        "securestring": lambda: isinstance(value, str),
        "int": lambda: isinstance(value, int) and not isinstance(value, bool),
        "float": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "bool": lambda: isinstance(value, bool),
        "array": lambda: isinstance(value, list),
        "object": lambda: isinstance(value, dict),
    }.get(expected)
    if fits is None:
        raise Refused(_sentence(f"The pipeline parameter '{name}' has the type '{kind}', which there is not"))
    if fits():
        return value
    if isinstance(value, str) and expected not in ("string", "securestring"):  # the service takes text and reads it
        try:
            read = json.loads(value if expected != "bool" else value.lower())
        except ValueError:
            read = None
        if read is not None:
            return _typed(name, kind, read) if not isinstance(read, str) else _refuse(name, kind, value)
    return _refuse(name, kind, value)


def _refuse(name: str, kind: str, value: Any) -> Any:
    raise Refused(
        _sentence(f"The pipeline parameter '{name}' is of type '{kind}', and was given a {type(value).__name__}")
    )
