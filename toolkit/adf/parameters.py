"""What somebody gives a pipeline on the command line, held against what the pipeline declares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.errors import UsageError, nearest

# https://learn.microsoft.com/azure/data-factory/concepts-parameters-variables; the REST specification's ParameterType.
_EXAMPLES = {"int": "7", "float": "0.5", "bool": "true", "array": "[1, 2]", "object": '{"a": 1}'}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "array": (list,),
    "object": (dict,),
}


def parse_parameters(pipeline: str, declared: Mapping[str, Mapping[str, Any]], given: Sequence[str]) -> dict[str, Any]:
    """``given`` are texts ``name=value``; ``declared`` has each parameter's ``type`` and perhaps ``defaultValue``.

    Raises UsageError that names everything that is wrong.
    """
    names = {name.lower(): name for name in declared}
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for text in given:
        key, equals, value = text.partition("=")
        name = names.get(key.strip().lower())
        if not equals or not key.strip():
            wrong.append(f"{text!r} is not NAME=VALUE")
        elif name is None:
            close = nearest(key.strip(), declared)
            wrong.append(f"it has no parameter {key.strip()!r}" + (f" (did you mean {close}?)" if close else ""))
        elif name in values:
            wrong.append(f"{name} is given twice")
        else:
            kind = str(declared[name].get("type", "String")).lower()
            try:
                values[name] = _value(kind, value)
            except ValueError:
                wrong.append(f"{name} is of type {kind}, written like {_EXAMPLES[kind]}, not {value!r}")
    missing = [name for name, one in declared.items() if one.get("defaultValue") is None and name not in values]
    if missing and not wrong:
        wrong.append(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given and without a default")
    if wrong:
        takes = ", ".join(f"{name} ({one.get('type', 'String')})" for name, one in declared.items()) or "no parameters"
        raise UsageError(f"pipeline {pipeline}: {'; '.join(wrong)}", hint=f"it takes {takes}: -p NAME=VALUE")
    return values


def _refused(name: str) -> Any:
    raise ValueError(name)


def _value(kind: str, text: str) -> Any:
    """Raises ValueError. A secure string and whatever is unknown is taken as it is."""
    if kind not in _TYPES:
        return text
    value = json.loads(text, parse_constant=_refused)
    if isinstance(value, bool) != (kind == "bool") or not isinstance(value, _TYPES[kind]):
        raise ValueError(text)
    return value
