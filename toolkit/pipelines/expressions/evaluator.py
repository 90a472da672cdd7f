"""The value of a parsed definition in a scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.errors import nearest
from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions.registry import FUNCTIONS, function_named
from toolkit.pipelines.expressions.parser import parse
from toolkit.pipelines.expressions.references import REFERENCES
from toolkit.pipelines.expressions.scope import Scope
from toolkit.pipelines.expressions.syntax import Call, Constant, Expression, Index, Literal, Node, Property
from toolkit.pipelines.expressions.values import as_text, is_integer, type_name


def evaluate(text: str, scope: Scope) -> Any:
    """The value of a string of a definition. Raises :class:`~toolkit.pipelines.expressions.errors.ExpressionError`."""
    parsed = parse(text)
    match parsed:
        case Literal(value):
            return value
        case Expression():
            return evaluate_expression(parsed, scope)
    return "".join(
        part if isinstance(part, str) else as_text(evaluate_expression(part, scope)) for part in parsed.parts
    )


def resolve(value: Any, scope: Scope) -> Any:
    """A definition's value with every string in it evaluated; ``{"type": "Expression", "value": …}`` becomes the value.

    ``{"type": "Expression", "content": …}`` stands in a pipeline's return values
    (https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-return-value).
    """
    if isinstance(value, str):
        return evaluate(value, scope)
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if isinstance(value, dict):
        if value.get("type") == "Expression":
            for key in ("value", "content"):
                if value.keys() == {"type", key}:
                    return resolve(value[key], scope)
        return {key: resolve(inner, scope) for key, inner in value.items()}
    return value


def evaluate_expression(expression: Expression, scope: Scope) -> Any:
    return _Evaluation(expression.text, scope).value(expression.node)


def unknown_function(name: str) -> str:
    names = {function.name.lower(): function.name for function in FUNCTIONS}
    names |= {lower: row[0] for lower, row in REFERENCES.items()}
    known = nearest(name.lower(), names)
    return f"'{name}' is not a recognized function" + (f": did you mean '{names[known]}'?" if known else ".")


def wrong_count(name: str, count: int) -> str:
    return f"Function '{name}' does not accept {count} argument(s)"


class _Evaluation:
    """One expression in one scope. ``text`` is the whole expression: Azure's sentences show that, not the part."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope

    def value(self, node: Node) -> Any:
        match node:
            case Constant():
                return node.value
            case Call():
                return self._call(node)
            case Property():
                target = self.value(node.target)
                if target is None and node.optional:
                    return None
                return self._property(target, node.name, node.optional)
            case _:
                return self._index(node)

    def _call(self, node: Call) -> Any:
        function = function_named(node.name)
        count = len(node.arguments)
        if function is None:
            reference = REFERENCES.get(node.name.lower())
            if reference is None:
                raise EvaluationError(f"The expression '{self._text}' is not valid: {unknown_function(node.name)}")
            if count != reference[1]:
                raise EvaluationError(
                    f"The expression '{self._text}' is not valid: {wrong_count(reference[0], count)}."
                )
            return reference[2](self._scope, self._text, *(self.value(argument) for argument in node.arguments))
        if not function.accepts(count):
            raise EvaluationError(f"The expression '{self._text}' is not valid: {wrong_count(function.name, count)}.")
        if function.calling == "values":
            return function.implementation(*[self.value(argument) for argument in node.arguments])
        if function.calling == "lazy":
            return function.implementation(*[self._later(argument) for argument in node.arguments])
        return function.implementation(self._scope.now, *[self.value(argument) for argument in node.arguments])

    def _later(self, node: Node) -> Callable[[], Any]:
        return lambda: self.value(node)

    def _index(self, node: Index) -> Any:
        target, index = self.value(node.target), self.value(node.index)
        if target is None and node.optional:
            return None
        if isinstance(index, str):
            return self._property(target, index, node.optional)
        if not isinstance(target, list):
            raise self._cannot(
                f"array index '{as_text(index)}' cannot be selected from value of type '{type_name(target)}'"
            )
        if not is_integer(index):
            raise self._cannot("array elements can only be selected using an integer index")
        if not 0 <= index < len(target):
            if node.optional:
                return None
            raise self._cannot(f"array index '{index}' is outside bounds (0, {len(target) - 1}) of array")
        return target[index]

    def _property(self, target: Any, name: str, optional: bool) -> Any:
        if not isinstance(target, Mapping):
            if isinstance(target, list):
                raise self._cannot(
                    f"property '{name}' cannot be selected. Array elements can only be selected using an integer index"
                )
            raise self._cannot(
                f"property '{name}' cannot be selected. Property selection is not supported on values of type "
                f"'{type_name(target)}'"
            )
        if name in target:
            return target[name]
        lower = name.lower()
        for key, value in target.items():
            if key.lower() == lower:
                return value
        if optional:
            return None
        raise self._cannot(f"property '{name}' doesn't exist, available properties are '{', '.join(target)}'")

    def _cannot(self, why: str) -> EvaluationError:
        """The sentence: https://github.com/MicrosoftDocs/azure-docs/issues/25107"""
        return EvaluationError(f"The expression '{self._text}' cannot be evaluated because {why}.")
