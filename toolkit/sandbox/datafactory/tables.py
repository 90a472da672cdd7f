"""Delimited text and JSON, as datasets describe them.

https://learn.microsoft.com/azure/data-factory/format-delimited-text and
https://learn.microsoft.com/azure/data-factory/format-json
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled


def read_rows(kind: str, properties: Json, content: bytes) -> tuple[list[str], list[list[Any]]]:
    """(columns, rows). Columns without a header are Prop_0, Prop_1, …"""
    if kind == "Json":
        records = _json_records(content)
        names = list(dict.fromkeys(name for record in records for name in record))
        return names, [[record.get(name) for name in names] for record in records]
    if kind != "DelimitedText":
        raise not_modelled(f"rows of a dataset of type '{kind}'")
    if properties.get("compressionCodec") or properties.get("compression"):
        raise not_modelled("compressed text")
    rows: list[list[Any]] = list(
        csv.reader(io.StringIO(_text(properties, content), newline=""), **_dialect(properties))
    )
    rows = [row for row in rows if row]
    if properties.get("firstRowAsHeader") is True:
        header = [str(name) for name in rows[0]] if rows else []
        body = rows[1:]
    else:
        header = [f"Prop_{at}" for at in range(max((len(row) for row in rows), default=0))]
        body = rows
    null = properties.get("nullValue")
    return header, [[None if null is not None and cell == null else cell for cell in row] for row in body]


def write_rows(properties: Json, header: list[str], rows: list[list[Any]]) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=str(properties.get("rowDelimiter") or "\n"), **_dialect(properties))
    if properties.get("firstRowAsHeader") is True:
        writer.writerow(header)
    null = str(properties.get("nullValue") or "")
    for row in rows:
        writer.writerow([null if cell is None else cell for cell in row])
    return written.getvalue().encode(str(properties.get("encodingName") or "utf-8"))


def as_records(header: list[str], rows: list[list[Any]]) -> list[Json]:
    return [{name: row[at] if at < len(row) else None for at, name in enumerate(header)} for row in rows]


def _text(properties: Json, content: bytes) -> str:
    encoding = str(properties.get("encodingName") or "utf-8-sig")
    try:
        return content.decode(encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise ActivityFailed("2200", f"The file cannot be read as '{encoding}': {error}.") from None


def _dialect(properties: Json) -> dict[str, Any]:
    delimiter = str(properties.get("columnDelimiter") or ",")
    quote = properties.get("quoteChar", '"')
    escape = properties.get("escapeChar") or "\\"
    if len(delimiter) != 1:
        raise not_modelled("column delimiters of more than one character")
    if not quote:
        return {"delimiter": delimiter, "quoting": csv.QUOTE_NONE, "escapechar": escape, "quotechar": None}
    if escape == quote:
        return {"delimiter": delimiter, "quotechar": quote, "doublequote": True}
    return {"delimiter": delimiter, "quotechar": quote, "escapechar": escape, "doublequote": False}


def _json_records(content: bytes) -> list[Json]:
    """An array of objects, one object, or one on each line."""
    text = content.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise ActivityFailed("2200", f"The file is not JSON: {error}.") from None
    records = value if isinstance(value, list) else [value]
    if not all(isinstance(record, dict) for record in records):
        raise ActivityFailed("2200", "The file's JSON is neither an object nor an array of objects.")
    return records
