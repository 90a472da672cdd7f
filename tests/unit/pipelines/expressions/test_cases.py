"""Each function and each rule of the language gives what its source says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.pipelines.expressions.case import SOURCES, Fails, Row
from tests.unit.pipelines.expressions.scope import SCOPE
from tests.unit.pipelines.expressions.tables import TABLES
from toolkit.pipelines.expressions import ExpressionError, analyse, evaluate
from toolkit.pipelines.expressions.functions.registry import FUNCTIONS

CASES = [pytest.param(row, id=f"{family}:{row[0][:60]}") for family, rows in TABLES.items() for row in rows]


def typed(value: Any) -> Any:
    """Values with their types: 1, 1.0 and true are equal in Python."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value), value


@pytest.mark.parametrize("row", CASES)
def test_value(row: Row) -> None:
    text, expected, _ = row
    if isinstance(expected, Fails):
        with pytest.raises(ExpressionError) as refused:
            evaluate(text, SCOPE)
        assert expected.sentence in str(refused.value)
        assert refused.value.code == "InvalidTemplate"
    else:
        assert typed(evaluate(text, SCOPE)) == typed(expected)


def test_there_are_enough_cases_and_each_names_its_source() -> None:
    rows = [row for table in TABLES.values() for row in table]
    assert len(rows) >= 600
    assert len({row[0] for row in rows}) == len(rows)
    assert {row[2] for row in rows} == set(SOURCES)


def test_the_registry_has_the_84_functions_of_the_page_each_with_cases_of_its_own() -> None:
    assert len(FUNCTIONS) == len({function.name.lower() for function in FUNCTIONS}) == 84
    called = [
        (name.lower(), row) for table in TABLES.values() for row in table for name in set(analyse(row[0]).functions)
    ]
    for function in FUNCTIONS:
        rows = [row for name, row in called if name == function.name.lower()]
        assert len(rows) >= 3, f"{function.name} has {len(rows)} cases"
        assert any(not isinstance(row[1], Fails) for row in rows), f"no case in which {function.name} has a value"
        assert any(isinstance(row[1], Fails) for row in rows), f"no case in which {function.name} fails"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_too_few_and_too_many_arguments_are_refused_by_number(function: Any) -> None:
    wrong = [function.minimum - 1] if function.minimum else []
    if function.maximum is not None:
        wrong.append(function.maximum + 1)
    for count in wrong:
        text = f"@{function.name}({', '.join(['null'] * count)})"
        sentence = f"Function '{function.name}' does not accept {count} argument(s)"
        with pytest.raises(ExpressionError, match="does not accept") as refused:
            evaluate(text, SCOPE)
        assert sentence in str(refused.value)
        problem = analyse(text).problems[0]
        assert (problem.kind, problem.position) == ("argument-count", 1)
        assert sentence in problem.message
