"""MLflow's filters and orders."""

from __future__ import annotations

import pytest

from toolkit.sandbox.machine_learning.errors import MlflowError
from toolkit.sandbox.machine_learning.searching import Fields, matching, ordered, page

RUN: Fields = {
    "attributes": {"status": "FINISHED", "start_time": 5, "run_name": "a b"},
    "metrics": {"loss": 0.25, "val/acc": 1.0},
    "params": {"rate": "0.5", "model name": "tree"},
    "tags": {"mlflow.runName": "a b"},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", True),
        ("metrics.loss < 0.3", True),
        ("metrics.loss >= 0.3", False),
        ("metric.loss = 2.5e-1", True),
        ("metrics.`val/acc` = 1", True),
        ("params.rate = '0.5' AND params.`model name` != 'forest'", True),
        ("params.rate = '0.5' and metrics.loss > 1", False),
        ("tags.mlflow.runName LIKE 'a%'", True),
        ("tags.mlflow.runName LIKE 'A%'", False),
        ("tags.mlflow.runName ILIKE 'A _'", True),
        ("attributes.status = 'FINISHED'", True),
        ("status IN ('FAILED', 'FINISHED')", True),
        ("status NOT IN ('FAILED', 'FINISHED')", False),
        ("start_time > 4", True),
        ("params.none = 'x'", False),
        ("params.none != 'x'", False),
        ("params.none IS NULL", True),
        ("tags.mlflow.runName is not null", True),
    ],
)
def test_a_filter(text: str, found: bool) -> None:
    assert matching(text)(RUN) is found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metrics.loss < 1 OR status = 'x'", "joined by AND"),
        ("metrics.loss < 1 and", "ends with AND"),
        ("metrics.loss = 'x'", "is a number"),
        ("params.rate = 0.5", "must be quoted"),
        ("status IN 'x'", "wants a list"),
        ("loss", "not understood"),
    ],
)
def test_a_filter_that_is_none_says_why(text: str, words: str) -> None:
    with pytest.raises(MlflowError, match=words):
        matching(text)


def test_order_and_pages() -> None:
    rows: list[Fields] = [{"attributes": {"n": n}, "metrics": {} if n == 2 else {"m": n % 2}} for n in range(4)]
    found = ordered(rows, ["metrics.m DESC", "n"], lambda row: row)
    assert [row["attributes"]["n"] for row in found] == [1, 3, 0, 2]
    assert page(rows, 3, None) == (rows[:3], "3")
    assert page(rows, 3, "3") == (rows[3:], None)
    with pytest.raises(MlflowError, match="page token"):
        page(rows, 3, "x")
    with pytest.raises(MlflowError, match="order_by"):
        ordered(rows, ["m down"], lambda row: row)
