"""What a function is: its name, how many arguments it takes, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.values import is_integer, is_number, type_name

Family = Literal["string", "collection", "logical", "conversion", "math", "date"]

# How an implementation is called: with its arguments' values; with functions that give them, each when it is wanted;
# or with the clock in front of the values.
Calling = Literal["values", "lazy", "clock"]


@dataclass(frozen=True, slots=True)
class Function:
    """``maximum`` None: any number. ``source`` is the page that says what it does."""

    name: str
    minimum: int
    maximum: int | None
    family: Family
    implementation: Callable[..., Any]
    calling: Calling = "values"

    @property
    def source(self) -> str:
        return f"{PAGE}#{self.name.lower()}"

    def accepts(self, count: int) -> bool:
        return count >= self.minimum and (self.maximum is None or count <= self.maximum)

    @property
    def arguments(self) -> str:
        """How many it takes, for people."""
        if self.maximum is None:
            return f"{self.minimum} or more"
        return f"{self.minimum}" if self.minimum == self.maximum else f"{self.minimum} to {self.maximum}"


PAGE = "https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions"

_ORDINALS = ("first", "second", "third", "fourth")


def wanted(function: str, position: int, of: int, kind: str, value: Any) -> EvaluationError:
    """An argument of the wrong type, in the words that Azure uses for it."""
    which = "its parameter" if of == 1 else f"its {_ORDINALS[position]} parameter"
    return EvaluationError(
        f"The function '{function}' expects {which} to be {kind}. The provided value is of type '{type_name(value)}'."
    )


def invalid(function: str, why: str) -> EvaluationError:
    return EvaluationError(f"The function '{function}' was invoked with a parameter that is not valid. {why}")


def text(function: str, position: int, of: int, value: Any) -> str:
    if not isinstance(value, str):
        raise wanted(function, position, of, "a string", value)
    return value


def integer(function: str, position: int, of: int, value: Any) -> int:
    if not is_integer(value):
        raise wanted(function, position, of, "an integer", value)
    number: int = value
    return number


def number(function: str, position: int, of: int, value: Any) -> int | float:
    if not is_number(value):
        raise wanted(function, position, of, "an integer or a decimal number", value)
    found: int | float = value
    return found


def boolean(function: str, position: int, of: int, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wanted(function, position, of, "a boolean", value)
    return value
