"""Values as .NET's JSON library (Newtonsoft) has them in Data Factory: types, equality, and how they become text."""

from __future__ import annotations

import base64
import binascii
import json
import math
from decimal import Decimal
from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError

INT64 = range(-(2**63), 2**63)
CONTENT = "$content"
CONTENT_TYPE = "$content-type"
XML_TYPE = "application/xml;charset=utf-8"
BINARY_TYPE = "application/octet-stream"


def type_name(value: Any) -> str:
    """The name of a value's type in error sentences (Newtonsoft's JTokenType)."""
    match value:
        case None:
            return "Null"
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case float():
            return "Float"
        case str():
            return "String"
        case list():
            return "Array"
        case _:
            return "Object"


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def as_text(value: Any) -> str:
    """A value inside of a string. Booleans and empty arrays as seen on Azure ("is not null: False", "[]"):
    https://github.com/microsoft/data-factory-testing-framework/pull/123. Numbers as .NET's invariant culture has them.
    """
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case {"$content": str(content), "$content-type": str(kind)} if kind.startswith(("application/xml", "text/")):
            return decoded(content)
        case _:
            return as_json(value)


def float_text(value: float) -> str:
    """.NET's shortest text that reads back as the same double: "10", "0.5", "1E+20"."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, _, exponent = f"{Decimal(repr(value)):e}".partition("e")
    digits = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    number = int(exponent)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if -5 < number < 15:
        return f"{Decimal(digits).scaleb(number):f}"
    return f"{digits}E{'+' if number > 0 else '-'}{abs(number):02d}"


def as_json(value: Any) -> str:
    """A value as compact JSON text; characters outside of ASCII stay as they are, and a float keeps its point."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def decoded(content: str) -> str:
    """The text of base64 content. Raises ``ValueError``."""
    return binascii.a2b_base64(content, strict_mode=True).decode("utf-8", "replace")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def binary(content: bytes, kind: str = BINARY_TYPE) -> dict[str, str]:
    """Bytes as a value: "The binary content is base64-encoded and represented by $content" (the page's words)."""
    return {CONTENT_TYPE: kind, CONTENT: base64.b64encode(content).decode()}


def content_of(value: Any) -> bytes | None:
    """The bytes of a binary value, else None."""
    if isinstance(value, dict) and isinstance(value.get(CONTENT), str) and isinstance(value.get(CONTENT_TYPE), str):
        try:
            return binascii.a2b_base64(value[CONTENT], strict_mode=True)
        except ValueError:
            return None
    return None


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal: numbers by their value, ``true`` equals 1 (the page's example), text case-sensitive
    (as in the Workflow Definition Language), and values of other types never."""
    if isinstance(left, bool) != isinstance(right, bool):
        return is_number(left) + is_number(right) == 1 and left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if type_name(left) != type_name(right):
        return is_number(left) and is_number(right) and left == right
    return bool(left == right)


def checked_integer(value: int, function: str) -> int:
    if value not in INT64:
        raise EvaluationError(f"The function '{function}' has a result that does not fit into a 64-bit integer.")
    return value


# -- text as .NET counts it: in UTF-16 units ---------------------------------------------------------------------------


def units(text: str) -> str:
    """``text`` with a character outside of the Basic Multilingual Plane as its two surrogates, so that positions are
    .NET's."""
    if text.isascii() or max(text) < "\U00010000":
        return text
    packed = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(packed[i : i + 2], "little")) for i in range(0, len(packed), 2))


def from_units(text: str) -> str:
    """Surrogates that found each other again are one character."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
