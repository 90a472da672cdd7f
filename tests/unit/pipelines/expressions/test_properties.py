"""What holds of every text, number and tree of values, and not only of the cases that somebody thought of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.pipelines.expressions import ExpressionError, Scope, analyse, evaluate, resolve
from toolkit.pipelines.expressions.dates.reading import read
from toolkit.pipelines.expressions.dates.writing import write
from toolkit.pipelines.expressions.dates.zones import windows_zones, zone
from toolkit.pipelines.expressions.functions.registry import FUNCTIONS
from toolkit.pipelines.expressions.values import as_json, as_text, from_units, same, units

settings.register_profile("toolkit", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("toolkit")

TEXT = st.text(max_size=20)
INT64 = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def given_as(**parameters: Any) -> Scope:
    return Scope(pipeline={"parameters": parameters})


@given(TEXT)
def test_a_quoted_text_is_itself(text: str) -> None:
    assert evaluate(f"@{quoted(text)}", Scope()) == text
    assert evaluate(f"@{{{quoted(text)}}}", Scope()) == text


@given(TEXT)
def test_a_text_without_at_is_itself(text: str) -> None:
    plain = text.replace("@", "")
    assert evaluate(plain, Scope()) == plain
    assert not analyse(plain).dynamic


@given(st.text(alphabet="@{}()[]'.,?a1 \\\"", max_size=30))
def test_any_text_has_a_value_or_one_clear_error(text: str) -> None:
    try:
        evaluate(text, Scope(pipeline={"parameters": {}}))
    except ExpressionError as error:
        sentence = str(error)
    else:
        sentence = "a value"
    assert sentence
    assert analyse(text).dynamic in (True, False)


@given(JSON)
def test_values_pass_through_unchanged(value: Any) -> None:
    scope = given_as(p=value)
    assert evaluate("@pipeline().parameters.p", scope) == value
    assert resolve({"type": "Expression", "value": "@pipeline().parameters.p"}, scope) == value
    assert evaluate("a@{pipeline().parameters.p}b", scope) == f"a{as_text(value)}b"


@given(JSON)
def test_json_reads_what_string_writes(value: Any) -> None:
    scope = given_as(p=as_json(value))
    assert evaluate("@json(pipeline().parameters.p)", scope) == json.loads(as_json(value))


@given(JSON, JSON)
def test_equality_is_symmetric_and_of_itself(left: Any, right: Any) -> None:
    assert same(left, left)
    assert same(left, right) == same(right, left)
    assert evaluate("@equals(pipeline().parameters.l, pipeline().parameters.r)", given_as(l=left, r=right)) == same(
        left, right
    )


@given(TEXT)
def test_what_is_encoded_comes_back(text: str) -> None:
    scope = given_as(p=text)
    for there, back in (
        ("base64", "base64ToString"),
        ("base64", "decodeBase64"),
        ("dataUri", "dataUriToString"),
        ("uriComponent", "uriComponentToString"),
        ("encodeUriComponent", "decodeUriComponent"),
    ):
        assert evaluate(f"@{back}({there}(pipeline().parameters.p))", scope) == text


@given(TEXT, TEXT.filter(bool))
def test_joining_what_was_split_gives_the_text(text: str, delimiter: str) -> None:
    scope = given_as(t=text, d=delimiter)
    assert (
        evaluate("@join(split(pipeline().parameters.t, pipeline().parameters.d), pipeline().parameters.d)", scope)
        == text
    )


@given(TEXT, TEXT)
def test_positions_agree_with_each_other(text: str, search: str) -> None:
    scope = given_as(t=text, s=search)
    first = evaluate("@indexOf(pipeline().parameters.t, pipeline().parameters.s)", scope)
    last = evaluate("@lastIndexOf(pipeline().parameters.t, pipeline().parameters.s)", scope)
    assert (first >= 0) == (last >= 0)
    assert first <= last
    assert evaluate("@length(pipeline().parameters.t)", scope) == len(text.encode("utf-16-le")) // 2
    if evaluate("@startsWith(pipeline().parameters.t, pipeline().parameters.s)", scope):
        assert first == 0


@given(st.text())
def test_units_are_utf_16_and_come_back(text: str) -> None:
    assert len(units(text)) == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert from_units(units(text)) == text


@given(INT64, INT64.filter(bool))
def test_quotient_and_remainder_make_the_dividend(dividend: int, divisor: int) -> None:
    scope = given_as(a=dividend, b=divisor)
    try:
        quotient = evaluate("@div(pipeline().parameters.a, pipeline().parameters.b)", scope)
    except ExpressionError:
        assert (dividend, divisor) == (-(2**63), -1)
        return
    remainder = evaluate("@mod(pipeline().parameters.a, pipeline().parameters.b)", scope)
    assert quotient * divisor + remainder == dividend
    assert abs(remainder) < abs(divisor)
    assert remainder == 0 or (remainder < 0) == (dividend < 0)


@given(st.lists(JSON, max_size=6), st.lists(JSON, max_size=6))
def test_union_and_intersection_have_no_item_twice(left: list[Any], right: list[Any]) -> None:
    scope = given_as(l=left, r=right)
    for function in ("union", "intersection"):
        found = evaluate(f"@{function}(pipeline().parameters.l, pipeline().parameters.r)", scope)
        assert not any(
            type(one) is type(other) and same(one, other) for at, one in enumerate(found) for other in found[at + 1 :]
        )
        assert all(item in left or item in right for item in found)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_reads_back(value: float) -> None:
    assert float(as_text(value)) == value
    assert evaluate("@float(string(pipeline().parameters.p))", given_as(p=value)) == value


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9998, 12, 31)), st.integers(0, 9))
def test_a_timestamp_that_was_written_is_read_back(clock: datetime, ticks: int) -> None:
    text = f"{clock:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{clock.microsecond:06d}{ticks}Z"
    moment = read(text)
    assert moment is not None
    assert write(moment, "o") == text
    for form in ("d", "D", "f", "F", "g", "G", "R", "s", "u", "yyyy-MM-dd HH:mm:ss", "MMMM d, yyyy", "d MMM yyyy"):
        again = read(write(moment, form))
        assert again is not None, form
        assert again.clock.date() == clock.date(), form


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2037, 1, 1)),
    st.sampled_from(sorted(windows_zones())),
)
def test_a_time_that_went_to_a_zone_comes_back_or_was_there_twice(clock: datetime, name: str) -> None:
    there = evaluate(f"@convertFromUtc('{clock.isoformat()}Z', '{name}')", Scope())
    back = evaluate(f"@convertToUtc('{there}', '{name}', 's')", Scope())
    local = clock.replace(tzinfo=UTC).astimezone(zone(name))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    difference = datetime.fromisoformat(back) - clock.replace(microsecond=0)
    assert difference == timedelta() or (twice and abs(difference) <= timedelta(hours=24))


def test_every_windows_zone_is_in_this_machines_database() -> None:
    assert len(windows_zones()) >= 139
    for name in windows_zones():
        assert zone(name).key


@given(st.sampled_from(FUNCTIONS), st.lists(JSON, max_size=4))
def test_a_function_of_anything_has_a_value_or_one_clear_error(function: Any, values: list[Any]) -> None:
    if function.name == "range":
        values = [value if not isinstance(value, int) else value % 50 for value in values]
    scope = given_as(**{f"p{at}": value for at, value in enumerate(values)})
    arguments = ", ".join(f"pipeline().parameters.p{at}" for at in range(len(values)))
    try:
        json.dumps(evaluate(f"@{function.name}({arguments})", scope))
    except ExpressionError as error:
        named = function.name.lower() in str(error).lower()
    else:
        named = True
    assert named
