"""Expressions cut into tokens. A string is in single quotes, and ``''`` in it is one quote
(https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions, "Escaping single quote
character")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.pipelines.expressions.errors import ParseError

# fmt: off
Kind = Literal[
    "Identifier", "String", "Integer", "Float", "LeftParenthesis", "RightParenthesis", "LeftSquareBracket",
    "RightSquareBracket", "Comma", "Dot", "QuestionDot", "QuestionBracket", "RightCurlyBracket", "EndOfData",
]
# fmt: on


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    value: Any
    position: int
    end: int


_PUNCTUATION: dict[str, Kind] = {
    "?.": "QuestionDot",
    "?[": "QuestionBracket",
    "(": "LeftParenthesis",
    ")": "RightParenthesis",
    "[": "LeftSquareBracket",
    "]": "RightSquareBracket",
    ",": "Comma",
    ".": "Dot",
    "}": "RightCurlyBracket",
}

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^']|'')*')
  | (?P<float>[+-]?(?:\d+\.\d+|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)
  | (?P<integer>[+-]?\d+)
  | (?P<punctuation>\?\.|\?\[|[()\[\],.}])
  | (?P<identifier>[^\W\d][\w$]*|\$[\w$]+)
    """,
    re.VERBOSE,
)
_INT64 = range(-(2**63), 2**63)


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens of ``text`` from ``start`` on; after the last one, ``EndOfData``. Raises :class:`ParseError`."""
    position = start
    after_dot = False  # what follows a dot is a name or nothing: "a.5" is no number
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            if text[position] == "'":
                raise ParseError(text, position, f"the string that begins at position {position} has no end")
            raise ParseError(text, position, f"the character '{text[position]}' at position {position} is not expected")
        kind, word, end = match.lastgroup, match.group(), match.end()
        if kind == "space":
            position = end
            continue
        token: Token
        if kind == "string":
            token = Token("String", word, word[1:-1].replace("''", "'"), position, end)
        elif kind == "identifier":
            token = Token("Identifier", word, word, position, end)
        elif kind == "punctuation":
            token = Token(_PUNCTUATION[word], word, None, position, end)
        elif after_dot:
            raise ParseError(text, position, f"a name is expected at position {position}, and not '{word}'")
        elif kind == "integer" and int(word) in _INT64:
            token = Token("Integer", word, int(word), position, end)
        else:
            token = Token("Float", word, float(word), position, end)
        after_dot = token.kind in ("Dot", "QuestionDot")
        yield token
        position = end
    yield Token("EndOfData", "", None, len(text), len(text))
