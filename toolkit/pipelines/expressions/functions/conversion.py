"""Conversion functions, other than those of XML (``xml.py``)."""

from __future__ import annotations

import binascii
import json as json_module
import re
from typing import Any
from urllib.parse import quote, unquote

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions import markup
from toolkit.pipelines.expressions.functions.signature import invalid, text, wanted
from toolkit.pipelines.expressions.values import (
    CONTENT_TYPE,
    INT64,
    as_text,
    binary,
    content_of,
    decoded,
    encoded,
    type_name,
)

# The sentence that people report: https://github.com/MicrosoftDocs/azure-docs/issues/112476
_NOT_CONVERTED = "The value cannot be converted to the target type"
_DATA_URI = re.compile(r"data:(?P<kind>[^,]*?)(?P<base64>;base64)?,(?P<data>.*)", re.DOTALL | re.IGNORECASE)


def array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def create_array(*values: Any) -> list[Any]:
    return list(values)


def coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


# -- base64, binary, data URIs -----------------------------------------------------------------------------------------


def base64(value: Any) -> str:
    content = content_of(value)
    if content is not None:
        return binascii.b2a_base64(content, newline=False).decode()
    return encoded(text("base64", 0, 1, value))


def base64_to_binary(value: Any) -> dict[str, str]:
    return binary(_from_base64("base64ToBinary", text("base64ToBinary", 0, 1, value)))


def base64_to_string(value: Any) -> str:
    return _from_base64("base64ToString", text("base64ToString", 0, 1, value)).decode("utf-8", "replace")


def decode_base64(value: Any) -> str:
    return _from_base64("decodeBase64", text("decodeBase64", 0, 1, value)).decode("utf-8", "replace")


def binary_(value: Any) -> dict[str, str]:
    return binary(text("binary", 0, 1, value).encode("utf-8", "surrogatepass"))


def data_uri(value: Any) -> str:
    content = content_of(value)
    if content is not None:
        return f"data:{value[CONTENT_TYPE]};base64,{binascii.b2a_base64(content, newline=False).decode()}"
    return f"data:text/plain;charset=utf-8;base64,{encoded(text('dataUri', 0, 1, value))}"


def data_uri_to_binary(value: Any) -> dict[str, str]:
    return _from_data_uri("dataUriToBinary", value)


def decode_data_uri(value: Any) -> dict[str, str]:
    return _from_data_uri("decodeDataUri", value)


def data_uri_to_string(value: Any) -> str:
    return decoded(_from_data_uri("dataUriToString", value)["$content"])


def _from_base64(function: str, value: str) -> bytes:
    try:
        return binascii.a2b_base64("".join(value.split()), strict_mode=True)  # .NET passes over white space
    except ValueError:
        raise invalid(function, "The value cannot be decoded from base64 representation.") from None


def _from_data_uri(function: str, value: Any) -> dict[str, str]:
    match = _DATA_URI.fullmatch(text(function, 0, 1, value))
    if match is None:
        raise invalid(function, f"The provided value '{value}' is not a data URI.")
    data = match["data"]
    content = _from_base64(function, data) if match["base64"] else unquote(data).encode()
    return binary(content, match["kind"] or "text/plain;charset=US-ASCII")  # RFC 2397's default


# -- URIs --------------------------------------------------------------------------------------------------------------


def uri_component(value: Any) -> str:
    return _escaped("uriComponent", value)


def encode_uri_component(value: Any) -> str:
    return _escaped("encodeUriComponent", value)


def uri_component_to_string(value: Any) -> str:
    return unquote(text("uriComponentToString", 0, 1, value))


def decode_uri_component(value: Any) -> str:
    return unquote(text("decodeUriComponent", 0, 1, value))


def uri_component_to_binary(value: Any) -> dict[str, str]:
    """The escaped text as bytes: the digits of the page's example spell it out."""
    return binary(text("uriComponentToBinary", 0, 1, value).encode())


def _escaped(function: str, value: Any) -> str:
    """All but RFC 3986's unreserved characters: https://learn.microsoft.com/dotnet/api/system.uri.escapedatastring"""
    return quote(text(function, 0, 1, value), safe="", errors="replace")


# -- numbers, booleans, text, JSON -------------------------------------------------------------------------------------


def bool_(value: Any) -> bool:
    match value:
        case bool():
            return value
        case int() | float():
            return value != 0
        case str() if value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        case str() if re.fullmatch(r"\s*[+-]?\d+\s*", value):
            return int(value) != 0
        case _:
            raise invalid("bool", _NOT_CONVERTED)


def int_(value: Any) -> int:
    match value:
        case bool():
            return int(value)
        case int():
            return value
        case float() if abs(value) < 2**63:
            return round(value)  # Convert.ToInt64 rounds half to even, too
        case str() if re.fullmatch(r"\s*[+-]?[0-9]+\s*", value) and int(value) in INT64:
            return int(value)
        case _:
            raise invalid("int", _NOT_CONVERTED)


def float_(value: Any) -> float:
    match value:
        case bool():
            raise invalid("float", _NOT_CONVERTED)
        case int() | float():
            return float(value)
        case str() if re.fullmatch(r"\s*[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?\s*", value) and re.search(
            r"\d", value
        ):
            return float(value.replace(",", ""))
        case _:
            raise invalid("float", _NOT_CONVERTED)


def string(value: Any) -> str:
    return as_text(value)


def json(value: Any) -> Any:
    """ "If the string is null, the function returns an empty object" (the page)."""
    if value is None:
        return {}
    if markup.is_xml(value):
        return markup.as_json(value)
    if not isinstance(value, str):
        raise wanted("json", 0, 1, "a string or an XML", value)
    try:
        return json_module.loads(value, parse_constant=_refused, strict=False)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json_module.JSONDecodeError) else "it is nested too deep"
        raise EvaluationError(
            f"The function 'json' parameter is not valid. The provided value '{_short(value)}' cannot be parsed: "
            f"{reason}."
        ) from None


def _refused(name: str) -> Any:
    raise json_module.JSONDecodeError(f"'{name}' is no JSON value", name, 0)


def _short(value: str) -> str:
    return value if len(value) <= 100 else value[:100] + "…"


def xml(value: Any) -> dict[str, str]:
    if markup.is_xml(value):
        found: dict[str, str] = value
        return found
    if isinstance(value, dict):
        return markup.from_json(value)
    if not isinstance(value, str):
        raise wanted("xml", 0, 1, "a string or an object", value)
    return markup.from_text(value)


def xpath(document: Any, path: Any) -> Any:
    if not markup.is_xml(document):
        raise EvaluationError(
            "The function 'xpath' expects its first parameter to be an XML object. The provided value is of type "
            f"'{type_name(document)}'."
        )
    return markup.select(document, text("xpath", 1, 2, path))
