"""MLflow's language for searches: ``metrics.loss < 0.5 and params.model = 'tree'``, and how results are ordered.

https://mlflow.org/docs/latest/search-runs.html. Azure ML has no OR:
https://learn.microsoft.com/azure/machine-learning/how-to-track-experiments-mlflow
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from toolkit.sandbox.machine_learning.errors import invalid

Item = TypeVar("Item")
# What each item can be asked for: kind ("attributes", "metrics", …) -> name -> value.
Fields = Mapping[str, Mapping[str, Any]]

_KINDS: Final = {
    "attribute": "attributes",
    "attr": "attributes",
    "run": "attributes",
    "metric": "metrics",
    "param": "params",
    "parameter": "params",
    "parameters": "params",
    "tag": "tags",
}
_CLAUSE: Final = re.compile(
    r"""\s*(?P<key>(?:[A-Za-z_]+\.)?(?:`[^`]+`|"[^"]+"|[\w.\-/]+))\s*
        (?:(?P<null>IS\s+(?:NOT\s+)?NULL)
        |(?P<op>>=|<=|!=|=|>|<|NOT\s+IN\b|IN\b|LIKE\b|ILIKE\b)\s*
        (?P<value>'[^']*'|"[^"]*"|\([^)]*\)|[-+]?[\d.]+(?:[eE][-+]?\d+)?|nan))\s*
        (?P<join>AND\b|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_ORDER: Final = re.compile(r"\s*(?P<key>\S+)(?:\s+(?P<way>ASC|DESC))?\s*", re.IGNORECASE)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class _Clause:
    kind: str
    name: str
    op: str
    value: Any

    def __call__(self, fields: Fields) -> bool:
        found = fields.get(self.kind, {}).get(self.name)
        if self.op == "IS NULL":
            return found is None
        if self.op == "IS NOT NULL":
            return found is not None
        if found is None:
            return False
        if self.op in ("IN", "NOT IN"):
            return (str(found) in self.value) == (self.op == "IN")
        if self.op in ("LIKE", "ILIKE"):
            pattern = ".*".join(re.escape(part) for part in str(self.value).split("%")).replace("_", ".")
            return re.fullmatch(pattern, str(found), re.IGNORECASE if self.op == "ILIKE" else 0) is not None
        return _COMPARE[self.op](found, self.value)


def matching(text: str, plain: str = "attributes") -> Callable[[Fields], bool]:
    """What a filter lets through. A key without a kind is one of ``plain``. Raises MlflowError."""
    clauses: list[_Clause] = []
    rest = text.strip()
    while rest:
        match = _CLAUSE.match(rest)
        if match is None:
            raise invalid(
                f"Invalid filter string '{text}': not understood from '{rest}' on (clauses are joined by AND)."
            )
        clauses.append(_clause(match, plain, text))
        rest = rest[match.end() :]
        if match["join"] and not rest.strip():
            raise invalid(f"Invalid filter string '{text}': it ends with AND.")
    return lambda fields: all(clause(fields) for clause in clauses)


def _clause(match: re.Match[str], plain: str, text: str) -> _Clause:
    kind, name = _key(match["key"], plain)
    if match["null"]:
        return _Clause(kind, name, " ".join(match["null"].upper().split()), None)
    op, said = " ".join(match["op"].upper().split()), match["value"]
    if said.startswith("("):
        return _Clause(kind, name, op, [part.strip(" '\"") for part in said[1:-1].split(",")])
    if op in ("IN", "NOT IN"):
        raise invalid(f"Invalid filter string '{text}': {op} wants a list in parentheses.")
    quoted = said[0] in "'\""
    if quoted and kind == "metrics":
        raise invalid(f"Invalid filter string '{text}': the value of a metric is a number, not {said}.")
    if not quoted and kind in ("params", "tags"):
        raise invalid(f"Invalid filter string '{text}': the value of {kind[:-1]} '{name}' must be quoted.")
    return _Clause(kind, name, op, said[1:-1] if quoted else float(said))


def _key(key: str, plain: str) -> tuple[str, str]:
    kind, dot, name = key.partition(".")
    known = _KINDS.get(kind.lower(), kind.lower())
    if dot and known in ("attributes", "metrics", "params", "tags"):
        return known, name.strip('`"')
    return plain, key.strip('`"')


def ordered(items: Iterable[Item], wanted: Sequence[str], fields: Callable[[Item], Fields]) -> list[Item]:
    """By each key in turn; what has no value for a key comes last, whichever way."""
    found = list(items)
    for text in reversed(wanted):
        match = _ORDER.fullmatch(text)
        if match is None:
            raise invalid(f"Invalid order_by clause '{text}'.")
        kind, name = _key(match["key"], "attributes")
        backwards = (match["way"] or "ASC").upper() == "DESC"
        known = [item for item in found if fields(item).get(kind, {}).get(name) is not None]
        unknown = [item for item in found if fields(item).get(kind, {}).get(name) is None]
        known.sort(key=lambda item: fields(item)[kind][name], reverse=backwards)
        found = known + unknown
    return found


def page(items: Sequence[Item], size: int, token: str | None) -> tuple[Sequence[Item], str | None]:
    """A page of results, and the token of the next one."""
    if token and not token.isdigit():
        raise invalid(f"Invalid page token '{token}'.")
    start = int(token or 0)
    end = start + size
    return items[start:end], str(end) if end < len(items) else None
