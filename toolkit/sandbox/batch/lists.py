"""Lists as the service answers them: filtered, selected, in pages.

https://learn.microsoft.com/rest/api/batchservice/odata-filters-in-batch
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from toolkit.records import Json
from toolkit.sandbox.batch.errors import invalid_query, not_modelled

_PAGE: Final = 1000
_COMPARED: Final = re.compile(r"([\w/]+)\s+(eq|ne|lt|le|gt|ge)\s+(?:'([^']*)'|(?:DateTime|datetime)'([^']*)'|(-?\d+))")
_BEGINS: Final = re.compile(r"startswith\(\s*([\w/]+)\s*,\s*'([^']*)'\s*\)", re.IGNORECASE)


def page(items: list[Json], query: Mapping[str, str], url: str, what: str) -> Json:
    """``{value, odata.nextLink}``."""
    kept = [item for item in items if _matches(item, query.get("$filter", ""))]
    try:
        size, start = min(int(query.get("maxresults", _PAGE)), _PAGE), int(query.get("$skiptoken", 0))
    except ValueError:
        raise invalid_query("maxresults", query.get("maxresults", ""), "not a number") from None
    if size < 1:
        raise invalid_query("maxresults", str(size), "at least 1")
    answer: Json = {"odata.metadata": f"{url}/$metadata#{what}"}
    answer["value"] = [select(item, query) for item in kept[start : start + size]]
    if start + size < len(kept):
        answer["odata.nextLink"] = f"{url}?{urlencode({**query, '$skiptoken': start + size})}"
    return answer


def select(item: Json, query: Mapping[str, str]) -> Json:
    names = [name.strip() for name in query.get("$select", "").split(",") if name.strip()]
    return {name: item[name] for name in names if name in item} if names else item


def _matches(item: Json, text: str) -> bool:
    return all(_condition(part.strip())(item) for part in re.split(r"\s+and\s+", text)) if text else True


def _condition(text: str) -> Callable[[Json], bool]:
    begins = _BEGINS.fullmatch(text)
    if begins:
        path, prefix = begins[1], begins[2]
        return lambda item: str(_value(item, path) or "").startswith(prefix)
    compared = _COMPARED.fullmatch(text)
    if compared is None:
        raise not_modelled(f"the filter {text!r}")
    path, operator = compared[1], compared[2]
    wanted: Any = int(compared[5]) if compared[5] is not None else (compared[3] or compared[4] or "")

    def holds(item: Json) -> bool:
        found = _value(item, path)
        if operator in ("eq", "ne"):
            return bool(found == wanted) == (operator == "eq")
        if found is None or not isinstance(found, type(wanted)):
            return False
        return bool(
            {"lt": found < wanted, "le": found <= wanted, "gt": found > wanted, "ge": found >= wanted}[operator]
        )

    return holds


def _value(item: Json, path: str) -> Any:
    found: Any = item
    for name in path.split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return found
