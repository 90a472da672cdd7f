"""What lint learns of an expression without running it: faults with their places, and references with their paths."""

from __future__ import annotations

import pytest

from tests.unit.pipelines.expressions.tables import TABLES
from toolkit.pipelines.expressions import ExpressionError, Reference, Scope, analyse, evaluate
from toolkit.pipelines.expressions.functions.registry import FUNCTIONS
from toolkit.pipelines.expressions.references import REFERENCES

PROBLEMS = [
    ("plain text", []),
    ("mail@example.com", []),
    ("@concat('a')", []),
    ("@conct('a')", [("unknown-function", 1, "did you mean 'concat'?")]),
    ("x @{conct('a')}", [("unknown-function", 4, "did you mean 'concat'?")]),
    ("@add(1)", [("argument-count", 1, "it takes 2")]),
    ("@concat(add(1), sub())", [("argument-count", 8, "it takes 2"), ("argument-count", 16, "it takes 2")]),
    ("@activity()", [("argument-count", 1, "it takes 1")]),
    ("@coalesce()", [("argument-count", 1, "it takes 1 or more")]),
    ("@utcNow(1, 2)", [("argument-count", 1, "it takes 0 to 1")]),
    ("@concat('a'", [("parse", 11, "expected token 'RightParenthesis'")]),
    ("a @{concat('a'} b", [("parse", 14, "expected token 'RightParenthesis' and actual 'RightCurlyBracket'")]),
    ("@equals(pipeline().parameters.a == 1)", [("parse", 32, "the character '='")]),
]


@pytest.mark.parametrize(("text", "expected"), PROBLEMS)
def test_problems_have_their_place_and_the_way_out(text: str, expected: list[tuple[str, int, str]]) -> None:
    problems = analyse(text).problems
    assert [(problem.kind, problem.position) for problem in problems] == [(kind, at) for kind, at, _ in expected]
    for problem, (_, _, words) in zip(problems, expected, strict=True):
        assert words in problem.message


REFERENCE_CASES = [
    ("@activity('Read').output.a[0].b", [Reference("activity", "Read", ("output", "a", 0, "b"), 1)]),
    (
        "@activity(item().name).output",
        [
            Reference("activity", None, ("output",), 1),
            Reference("item", "name", (), 10),
        ],
    ),
    ("@pipeline().parameters.p", [Reference("parameter", "p", (), 1)]),
    ("@pipeline()['Parameters']['p'].q", [Reference("parameter", "p", ("q",), 1)]),
    ("@pipeline().parameters?.p", [Reference("parameter", "p", (), 1, optional=True)]),
    ("@pipeline().parameters", [Reference("parameter", None, (), 1)]),
    ("@pipeline().globalParameters.g", [Reference("globalParameter", "g", (), 1)]),
    ("@pipeline().RunId", [Reference("system", "RunId", (), 1)]),
    ("@pipeline()?.TriggeredByPipelineRunId", [Reference("system", "TriggeredByPipelineRunId", (), 1, optional=True)]),
    ("@pipeline()", [Reference("system", None, (), 1)]),
    ("@variables('v')", [Reference("variable", "v", (), 1)]),
    ("@variables(concat('v', '1'))", [Reference("variable", None, (), 1)]),
    ("@item()", [Reference("item", None, (), 1)]),
    ("@item().a.b", [Reference("item", "a", ("b",), 1)]),
    ("@trigger().outputs.body.fileName", [Reference("trigger", "outputs", ("body", "fileName"), 1)]),
    ("@triggerBody().fileName", [Reference("triggerBody", "fileName", (), 1)]),
    ("@dataset().path", [Reference("dataset", "path", (), 1)]),
    ("@linkedService().host", [Reference("linkedService", "host", (), 1)]),
    ("@json('{}')[variables('v')].x", [Reference("variable", "v", (), 12)]),
    (
        "a @{variables('v')} b @{pipeline().parameters.p}",
        [Reference("variable", "v", (), 4), Reference("parameter", "p", (), 24)],
    ),
    (
        "@if(true, activity('A').output, activity('B').output)",
        [
            Reference("activity", "A", ("output",), 10),
            Reference("activity", "B", ("output",), 32),
        ],
    ),
    ("@@activity('A')", []),
    ("activity('A')", []),
]


@pytest.mark.parametrize(("text", "expected"), REFERENCE_CASES)
def test_references_have_their_paths(text: str, expected: list[Reference]) -> None:
    assert list(analyse(text).references) == expected
    assert analyse(text).problems == ()


@pytest.mark.parametrize("kind", [row[0] for row in REFERENCES.values()])
def test_outside_of_its_place_a_reference_is_refused_by_name(kind: str) -> None:
    argument = "'x'" if REFERENCES[kind.lower()][1] else ""
    with pytest.raises(ExpressionError, match=f"the function '{kind}' is not expected at this location"):
        evaluate(f"@{kind}({argument})", Scope())


def test_the_inner_loops_item_hides_the_outer_ones() -> None:
    outer = Scope().with_item({"name": "outer", "rows": [1]})
    inner = outer.with_item({"name": "inner"})
    assert evaluate("@item().name", inner) == "inner"
    assert evaluate("@item().name", outer) == "outer"
    assert evaluate("@item()", outer.with_item(None)) is None  # null is an item, too


def test_lint_and_evaluation_agree_on_what_is_no_expression() -> None:
    """Of every case: what the analysis calls a fault cannot be evaluated."""
    for rows in TABLES.values():
        for text, _, _ in rows:
            if analyse(text).problems:
                with pytest.raises(ExpressionError):
                    evaluate(text, Scope(pipeline={"parameters": {}}))


def test_every_function_is_known_to_lint_in_any_case() -> None:
    for function in FUNCTIONS:
        for name in (function.name, function.name.upper(), function.name.lower()):
            kinds = {problem.kind for problem in analyse(f"@{name}()").problems}
            assert kinds <= {"argument-count"}
