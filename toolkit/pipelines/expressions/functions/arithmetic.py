"""Math functions: 64-bit integers where all are integers, doubles otherwise."""

from __future__ import annotations

import math
import random
from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions.signature import integer, invalid, number, wanted
from toolkit.pipelines.expressions.values import checked_integer, is_number

_RANGE_LIMIT = (
    100_000  # https://learn.microsoft.com/azure/logic-apps/logic-apps-limits-and-configuration (items of an array)
)


def add(left: Any, right: Any) -> int | float:
    return _whole("add", number("add", 0, 2, left) + number("add", 1, 2, right))


def sub(left: Any, right: Any) -> int | float:
    return _whole("sub", number("sub", 0, 2, left) - number("sub", 1, 2, right))


def mul(left: Any, right: Any) -> int | float:
    return _whole("mul", number("mul", 0, 2, left) * number("mul", 1, 2, right))


def div(left: Any, right: Any) -> int | float:
    """Towards zero where both are integers. The page's "integer result" is of integers: ``div(11, 5)`` is 2, while a
    float among them makes a float, as in the Workflow Definition Language (inferred)."""
    dividend, divisor = number("div", 0, 2, left), number("div", 1, 2, right)
    if divisor == 0:
        raise EvaluationError("Attempt to divide an integral or decimal number by zero in function 'div'.")
    if isinstance(dividend, int) and isinstance(divisor, int):
        quotient = abs(dividend) // abs(divisor)
        return checked_integer(quotient if (dividend < 0) == (divisor < 0) else -quotient, "div")
    return dividend / divisor


def mod(left: Any, right: Any) -> int | float:
    """The remainder has the dividend's sign, as in C#."""
    dividend, divisor = number("mod", 0, 2, left), number("mod", 1, 2, right)
    if divisor == 0:
        raise EvaluationError("Attempt to divide an integral or decimal number by zero in function 'mod'.")
    if isinstance(dividend, int) and isinstance(divisor, int):
        remainder = abs(dividend) % abs(divisor)
        return -remainder if dividend < 0 else remainder
    return math.fmod(dividend, divisor)


def max_(*values: Any) -> int | float:
    return max(_numbers("max", values))


def min_(*values: Any) -> int | float:
    return min(_numbers("min", values))


def rand(lowest: Any, above: Any) -> int:
    low, high = integer("rand", 0, 2, lowest), integer("rand", 1, 2, above)
    if low >= high:
        raise invalid("rand", f"The minimum '{low}' must be less than the maximum '{high}'.")
    return random.randrange(low, high)  # noqa: S311  # a number for pipelines, no secret


def range_(start: Any, count: Any) -> list[int]:
    begin, items = integer("range", 0, 2, start), integer("range", 1, 2, count)
    if not 0 <= items <= _RANGE_LIMIT:
        raise invalid("range", f"The count must be between 0 and {_RANGE_LIMIT}, and is '{items}'.")
    return list(range(begin, begin + items))


def _numbers(function: str, values: tuple[Any, ...]) -> list[int | float]:
    """Numbers as arguments, or one array of them."""
    if len(values) == 1 and isinstance(values[0], list):
        values = tuple(values[0])
        if not values:
            raise invalid(function, "The array is empty.")
    for position, value in enumerate(values):
        if not is_number(value):
            of = len(values)
            raise wanted(function, min(position, 3), of, "an integer or a decimal number, or an array of them", value)
    return list(values)


def _whole(function: str, value: int | float) -> int | float:
    return checked_integer(value, function) if isinstance(value, int) else value
