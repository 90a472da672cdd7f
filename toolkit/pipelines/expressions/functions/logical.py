"""Logical functions. ``and``, ``or`` and ``if`` look at no more arguments than they need: so does Azure's own evaluator
(https://github.com/microsoft/data-factory-testing-framework, which runs it, tests that)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions.signature import boolean, wanted
from toolkit.pipelines.expressions.values import is_number, same, type_name

Thunk = Callable[[], Any]


def and_(left: Thunk, right: Thunk) -> bool:
    return boolean("and", 0, 2, left()) and boolean("and", 1, 2, right())


def or_(left: Thunk, right: Thunk) -> bool:
    return boolean("or", 0, 2, left()) or boolean("or", 1, 2, right())


def if_(condition: Thunk, when_true: Thunk, when_false: Thunk) -> Any:
    return when_true() if boolean("if", 0, 3, condition()) else when_false()


def not_(value: Any) -> bool:
    return not boolean("not", 0, 1, value)


def equals(left: Any, right: Any) -> bool:
    return same(left, right)


def greater(left: Any, right: Any) -> bool:
    return _compared("greater", left, right) > 0


def greater_or_equals(left: Any, right: Any) -> bool:
    return _compared("greaterOrEquals", left, right) >= 0


def less(left: Any, right: Any) -> bool:
    return _compared("less", left, right) < 0


def less_or_equals(left: Any, right: Any) -> bool:
    return _compared("lessOrEquals", left, right) <= 0


def _compared(function: str, left: Any, right: Any) -> int:
    """-1, 0 or 1: numbers by value, text by its characters (inferred: Azure's culture decides)."""
    for position, value in enumerate((left, right)):
        if not is_number(value) and not isinstance(value, str):
            raise wanted(function, position, 2, "an integer, a decimal number or a string", value)
    if isinstance(left, str) != isinstance(right, str):
        raise EvaluationError(
            f"The function '{function}' expects two parameter of matching types. The function was invoked with values "
            f"of type '{type_name(left)}' and '{type_name(right)}' that do not match."
        )
    if left == right:
        return 0
    return 1 if left > right else -1
