"""All tables of cases, by family."""

from __future__ import annotations

from tests.unit.pipelines.expressions import (
    collection_cases,
    conversion_cases,
    date_cases,
    logical_cases,
    math_cases,
    string_cases,
    syntax_cases,
)
from tests.unit.pipelines.expressions.case import Row

TABLES: dict[str, tuple[Row, ...]] = {
    "syntax": syntax_cases.ROWS,
    "string": string_cases.ROWS,
    "collection": collection_cases.ROWS,
    "logical": logical_cases.ROWS,
    "conversion": conversion_cases.ROWS,
    "math": math_cases.ROWS,
    "date": date_cases.ROWS,
}
