"""What stands in a definition, parsed: a literal, an expression, or text with expressions in it.

The rules of ``@``, ``@@`` and ``@{…}`` are the two tables of
https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions, "Expressions".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from toolkit.pipelines.expressions.errors import ParseError
from toolkit.pipelines.expressions.lexer import Kind, Token, tokens
from toolkit.pipelines.expressions.syntax import (
    Call,
    Constant,
    Expression,
    Index,
    Interpolation,
    Literal,
    Node,
    Parsed,
    Property,
)

_MAX_DEPTH = 200  # deeper than people write, and far above what Python's own stack needs
_WORDS = {"true": True, "false": False, "null": None}


@lru_cache(maxsize=8192)
def parse(text: str) -> Parsed:
    """What a string of a definition is. Raises :class:`ParseError`."""
    if text.startswith("@") and not text.startswith(("@@", "@{")):
        reader = _Reader(text, 1)
        node = reader.expression()
        reader.expect("EndOfData")
        return Expression(node, text[1:])
    return _with_interpolations(text)


def parse_expression(text: str) -> Node:
    """An expression without its ``@``. Raises :class:`ParseError`."""
    parsed = parse("@" + text)
    if not isinstance(parsed, Expression):
        raise ParseError(text, 0, "an expression is expected")
    return parsed.node


def _with_interpolations(text: str) -> Parsed:
    parts: list[str | Expression] = []
    written: list[str] = []
    position = 0
    if text.startswith("@@") and not text.startswith("@@{"):
        written.append("@")
        position = 2
    while (at := text.find("@{", position)) >= 0:
        if at > position and text[at - 1] == "@":  # "@@{" is the text "@{"
            written += [text[position : at - 1], "@{"]
            position = at + 2
            continue
        written.append(text[position:at])
        reader = _Reader(text, at + 2)
        node = reader.expression()
        position = reader.expect("RightCurlyBracket").end
        parts += ["".join(written), Expression(node, text[at + 2 : position - 1].strip())]
        written = []
    written.append(text[position:])
    if not parts:
        return Literal("".join(written))
    return Interpolation(tuple(part for part in (*parts, "".join(written)) if part != ""))


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._tokens: Iterator[Token] = tokens(text, start)
        self._token = next(self._tokens)
        self._depth = 0

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ParseError(self._text, self._token.position, f"it is nested more than {_MAX_DEPTH} deep")
        node = self._selected(self._primary())
        self._depth -= 1
        return node

    def expect(self, kind: Kind) -> Token:
        token = self._token
        if token.kind != kind:
            raise ParseError(
                self._text, token.position, f"expected token '{kind}' and actual '{token.kind}' at {_place(token)}"
            )
        if kind not in ("EndOfData", "RightCurlyBracket"):  # what follows these is not ours to read
            self._token = next(self._tokens)
        return token

    def _at(self, kind: Kind) -> bool:
        return self._token.kind == kind

    def _primary(self) -> Node:
        token = self._token
        if token.kind in ("String", "Integer", "Float"):
            self.expect(token.kind)
            return Constant(token.value, token.position)
        if token.kind != "Identifier":
            raise ParseError(
                self._text, token.position, f"a value or function is expected at {_place(token)}, not '{token.kind}'"
            )
        self.expect("Identifier")
        if self._token.kind == "LeftParenthesis":
            return Call(token.text, self._arguments(), token.position)
        if token.text.lower() in _WORDS:
            return Constant(_WORDS[token.text.lower()], token.position)
        raise ParseError(
            self._text,
            token.position,
            f"'{token.text}' at {_place(token)} is neither a function call, which needs parentheses, nor a text, which "
            "needs single quotes",
        )

    def _arguments(self) -> tuple[Node, ...]:
        self.expect("LeftParenthesis")
        arguments: list[Node] = []
        while self._token.kind != "RightParenthesis":
            arguments.append(self.expression())
            if self._token.kind != "Comma":
                break
            self.expect("Comma")
            if self._at("RightParenthesis"):
                raise ParseError(
                    self._text,
                    self._token.position,
                    f"an argument is expected after the comma at {_place(self._token)}",
                )
        self.expect("RightParenthesis")
        return tuple(arguments)

    def _selected(self, node: Node) -> Node:
        while True:
            token = self._token
            if token.kind in ("Dot", "QuestionDot"):
                self.expect(token.kind)
                name = self.expect("Identifier")
                node = Property(node, name.text, token.kind == "QuestionDot", name.position)
            elif token.kind in ("LeftSquareBracket", "QuestionBracket"):
                self.expect(token.kind)
                index = self.expression()
                self.expect("RightSquareBracket")
                node = Index(node, index, token.kind == "QuestionBracket", token.position)
            else:
                return node


def _place(token: Token) -> str:
    return f"position {token.position}"
