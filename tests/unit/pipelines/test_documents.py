"""Positions: whatever a JSON document holds, each value is found where it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.pipelines.documents import InvalidDocument, json_path, parse_document, read_document

TEXTS = (
    "{}",
    "[]",
    ' "alone" ',
    "-1.5e3",
    '{"a": {"b": [1, 2, {"c": null}]}, "d": "}],{"}',
    '{\n  "quotes \\" in": "\\u00e9\\\\",\n\t"x-ms-version" : [ true , false,null ]\r\n}',
    '[[], {}, [[[{}]]], "", 0]',
)


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_at_a_span_is_the_value(text: str) -> None:
    document = parse_document(text, "x.json")
    found = dict(document.root.walk())
    assert set(found) == set(document.spans)
    for path, value in found.items():
        span = document.span(path)
        assert json.loads(text[span.start : span.end]) == value
        if span.key is not None:
            assert text[span.key] == '"'
            assert json.JSONDecoder().raw_decode(text, span.key)[0] == path[-1]


def test_line_and_column_are_those_of_the_key() -> None:
    document = parse_document('{\n  "a": [\n    {"b":\n      1}\n  ]\n}', "x.json")
    assert document.position(("a",)) == (2, 3)
    assert document.position(("a", 0)) == (3, 5)
    assert document.position(("a", 0, "b")) == (3, 6)
    assert document.position(("a", 0, "missing", "deeper")) == (3, 5)


def test_members_that_an_object_has_twice_are_told_and_the_last_one_counts() -> None:
    document = parse_document('{"a": {"x": 1, "y": 2},\n "a": {"y": 3}}', "x.json")
    assert document.value == {"a": {"y": 3}}
    assert document.repetitions == [(("a",), 1)]
    assert document.span(("a", "y")).start == document.text.index("3")


@pytest.mark.parametrize(
    ("text", "what", "line", "column"),
    [
        ("", "is empty", 1, 1),
        ('{"a": 1,\n "b" 2}', "is no JSON: expecting ':' delimiter", 2, 6),
        ('{"a": NaN}', "NaN is no JSON number", 1, 1),
        ("[" * 100_000, "is nested deeper than any definition", 1, 1),
    ],
)
def test_what_is_no_json_says_where(text: str, what: str, line: int, column: int) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(text, "x.json")
    assert (caught.value.what, caught.value.line, caught.value.column) == (what, line, column)


def test_a_byte_order_mark_is_no_fault_and_other_encodings_are(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_document(file, "x.json").value == {"a": 1}
    file.write_bytes(b'{\n"a": "\xe9"}')
    with pytest.raises(InvalidDocument, match=r"x.json:2:1: is not UTF-8: byte 0xe9"):
        read_document(file, "x.json")


def test_paths_are_written_as_jsonpath_has_them() -> None:
    assert json_path(("properties", "activities", 0, "x-ms-version", "it's")) == (
        "$.properties.activities[0]['x-ms-version']['it\\'s']"
    )
