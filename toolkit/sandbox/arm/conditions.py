"""Conditions of role assignments: the subset that delegates role assignment management, and two attributes of blobs.

https://learn.microsoft.com/azure/role-based-access-control/conditions-format and
…/conditions-authorization-actions-attributes list the language and the attributes,
https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-attributes those of storage, of which the names of
account and container are known here. What is not in that list (other attributes of storage, principals or the
environment, ``SubOperationMatches``, functions) is refused by name when the assignment is made, so that nothing is ever
granted on a condition that was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from toolkit.sandbox.arm.errors import not_modelled

# "@Request[Microsoft.Authorization/roleAssignments:PrincipalId]" in lower case -> value
Facts = Mapping[str, str]
Condition = Callable[[str, Facts], bool]

# attribute -> the sources that have it; all in lower case
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **{
        f"microsoft.authorization/roleassignments:{name}": ("request", "resource")
        for name in ("roledefinitionid", "principalid", "principaltype")
    },
    "microsoft.storage/storageaccounts:name": ("resource",),
    "microsoft.storage/storageaccounts/blobservices/containers:name": ("resource",),
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>\(|\)|\{|\}|,|&&|\|\||!)
      | @(?P<source>\w+)\[(?P<attribute>[^\]]*)\]
      | '(?P<text>[^']*)'
      | (?P<guid>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})
      | (?P<word>[A-Za-z][A-Za-z:]*)
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def facts_of_storage(scope: str) -> Facts:
    """What conditions may ask about the account and the container that a request for data is about."""
    parts = scope.lower().strip("/").split("/")
    attributes = {
        "storageaccounts": "microsoft.storage/storageaccounts:name",
        "containers": "microsoft.storage/storageaccounts/blobservices/containers:name",
    }
    return {
        f"@resource[{attribute}]": parts[parts.index(type_) + 1]
        for type_, attribute in attributes.items()
        if type_ in parts[:-1]
    }


def _equal(left: str, right: str) -> bool:
    return left == right


def _equal_ignoring_case(left: str, right: str) -> bool:
    return left.lower() == right.lower()


# operator -> how two values are compared, and whether that is negated. A list on the right stands for any of its
# values (ForAnyOfAnyValues) or, negated, for all of them (ForAnyOfAllValues); these attributes have one value each.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "GuidEquals": (_equal_ignoring_case, False),
    "GuidNotEquals": (_equal_ignoring_case, True),
    "ForAnyOfAnyValues:GuidEquals": (_equal_ignoring_case, False),
    "ForAnyOfAllValues:GuidNotEquals": (_equal_ignoring_case, True),
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equal_ignoring_case, True),
    "ForAnyOfAnyValues:StringEqualsIgnoreCase": (_equal_ignoring_case, False),
    "ForAnyOfAllValues:StringNotEqualsIgnoreCase": (_equal_ignoring_case, True),
}
_BY_LOWER = {name.lower(): row for name, row in _OPERATORS.items()}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # sign, attribute, text, guid, word
    value: str


@lru_cache(maxsize=256)
def parse_condition(text: str) -> Condition:
    """The condition as a function of the action and what is known of the request; raises ArmError (501) by name."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._lex())
        self._at = 0

    def parse(self) -> Condition:
        condition = self._expression()
        if self._at < len(self._tokens):
            raise self._unknown(self._tokens[self._at].value)
        return condition

    def _lex(self) -> list[_Token]:
        tokens, at = [], 0
        text = self._text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._unknown(text[at : at + 40])
            at = match.end()
            if match["source"] is not None:
                tokens.append(_Token("attribute", self._attribute(match["source"], match["attribute"])))
            else:
                kind = match.lastgroup or ""
                tokens.append(_Token(kind, match[kind]))
        return tokens

    def _attribute(self, source: str, attribute: str) -> str:
        name = attribute.lower().strip()
        if source.lower() not in _ATTRIBUTES.get(name, ()):
            raise self._unknown(f"@{source}[{attribute}]")
        return f"@{source.lower()}[{name}]"

    def _expression(self) -> Condition:
        """Terms between one kind of connective: Azure's documentation gives AND and OR no order of precedence."""
        terms = [self._term()]
        connective = ""
        while (word := self._peek_connective()) is not None:
            if connective and word != connective:
                raise self._unknown("AND beside OR without parentheses")
            connective = word
            self._at += 1
            terms.append(self._term())
        if connective == "and":
            return lambda action, facts: all(term(action, facts) for term in terms)
        return lambda action, facts: any(term(action, facts) for term in terms)

    def _peek_connective(self) -> str | None:
        token = self._peek()
        return {"and": "and", "&&": "and", "or": "or", "||": "or"}.get(token.value.lower()) if token else None

    def _term(self) -> Condition:
        token = self._next()
        if token.value == "!" or (token.kind == "word" and token.value.lower() == "not"):
            inner = self._term()
            return lambda action, facts: not inner(action, facts)
        if token.value == "(":
            inner = self._expression()
            self._expect(")")
            return inner
        if token.kind == "word" and token.value.lower() == "actionmatches":
            return self._action_matches()
        if token.kind == "attribute":
            return self._comparison(token.value)
        raise self._unknown(token.value)

    def _action_matches(self) -> Condition:
        patterns = [re.compile(re.escape(value.lower()).replace(r"\*", ".*")) for value in self._set()]
        return lambda action, facts: any(pattern.fullmatch(action.lower()) for pattern in patterns)

    def _comparison(self, attribute: str) -> Condition:
        operator = self._next().value
        if operator.lower() not in _BY_LOWER:
            raise self._unknown(operator)
        compare, negated = _BY_LOWER[operator.lower()]
        values = self._set() if ":" in operator else [self._value()]

        def holds(action: str, facts: Facts) -> bool:
            actual = facts.get(attribute)
            # An attribute that the request or resource does not have satisfies no comparison (inferred).
            return actual is not None and any(compare(actual, value) for value in values) is not negated

        return holds

    def _set(self) -> list[str]:
        self._expect("{")
        values = [self._value()]
        while (token := self._peek()) is not None and token.value == ",":
            self._at += 1
            values.append(self._value())
        self._expect("}")
        return values

    def _value(self) -> str:
        token = self._next()
        if token.kind not in ("text", "guid"):
            raise self._unknown(token.value)
        return token.value

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise self._unknown("an end in the middle")
        self._at += 1
        return token

    def _expect(self, sign: str) -> None:
        token = self._next()
        if token.kind != "sign" or token.value != sign:
            raise self._unknown(f"{token.value} where {sign} should stand")

    def _unknown(self, what: str) -> Exception:
        return not_modelled(f"{what!r} in the condition of a role assignment: {self._text.strip()}", "conditions.py")
