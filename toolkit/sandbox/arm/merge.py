"""How bodies combine: defaults under a PUT, and a PATCH over what stands (JSON merge patch, RFC 7396)."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from toolkit.records import Json


def over(defaults: Mapping[str, Any], sent: Mapping[str, Any]) -> Json:
    """``sent`` with what it leaves out (or sends as null) taken from ``defaults``, at every depth."""
    merged: Json = deepcopy(dict(defaults))
    for key, value in sent.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = over(merged[key], value)
        elif value is not None or key not in merged:
            merged[key] = deepcopy(value)
    return merged


def patched(standing: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """RFC 7396: null removes, objects merge, everything else replaces."""
    merged: Json = deepcopy(dict(standing))
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            under = merged.get(key)
            merged[key] = patched(under if isinstance(under, Mapping) else {}, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def take(body: Json, path: str) -> Any:
    """Remove and return the value at a dotted path; None when it is not there."""
    *steps, last = path.split(".")
    at: Any = body
    for step in steps:
        at = at.get(step) if isinstance(at, dict) else None
    return at.pop(last, None) if isinstance(at, dict) else None


def keep(new: Json, old: Json, path: str) -> None:
    """Copy the value at a dotted path from ``old`` into ``new``, when ``old`` has it."""
    *steps, last = path.split(".")
    source: Any = old
    for step in steps:
        source = source.get(step) if isinstance(source, dict) else None
    if not isinstance(source, dict) or last not in source:
        return
    target = new
    for step in steps:
        target = target.setdefault(step, {})
    target[last] = deepcopy(source[last])
