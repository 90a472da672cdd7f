"""What Data Factory says when an expression is wrong: error code ``InvalidTemplate`` and one sentence.

The sentences are those that people report from real factories (https://github.com/MicrosoftDocs/azure-docs/issues/25107,
https://github.com/MicrosoftDocs/azure-docs/issues/112476, https://github.com/kromerm/adfdataflowdocs/issues/11), and
otherwise the ones of the Workflow Definition Language with "template language function" shortened to "function", as
Data Factory does.
"""

from __future__ import annotations

INVALID_TEMPLATE = "InvalidTemplate"


class ExpressionError(Exception):
    """An expression cannot be parsed or evaluated; ``str()`` is Data Factory's sentence."""

    code = INVALID_TEMPLATE


class ParseError(ExpressionError):
    """Not an expression. ``position`` counts characters of the definition's string from 0."""

    def __init__(self, expression: str, position: int, reason: str) -> None:
        super().__init__(f"Unable to parse expression '{expression}': {reason}.")
        self.expression = expression
        self.position = position
        self.reason = reason


class EvaluationError(ExpressionError):
    """An expression has no value here."""
