"""The expression language of Data Factory's definitions: parsed, checked and evaluated.

* :func:`parse` reads what stands in a definition (a literal, ``@expression``, or text with ``@{…}`` in it);
  :func:`evaluate` and :func:`resolve` give its value in a :class:`Scope`.
* :func:`analyse` finds faults and references without a run (``analysis.py``).
* ``functions/registry.py`` lists the 84 functions.

Sources: https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions and
https://learn.microsoft.com/azure/data-factory/control-flow-system-variables. Where that page says nothing, the Workflow
Definition Language, from which Data Factory took its evaluator, decides:
https://learn.microsoft.com/azure/logic-apps/workflow-definition-language-functions-reference. What neither settles is
marked (inferred).
"""

from __future__ import annotations

from toolkit.pipelines.expressions.analysis import Analysis, Problem, Reference, analyse
from toolkit.pipelines.expressions.errors import EvaluationError, ExpressionError, ParseError
from toolkit.pipelines.expressions.evaluator import evaluate, evaluate_expression, resolve
from toolkit.pipelines.expressions.parser import parse
from toolkit.pipelines.expressions.scope import Scope, unset_variable

__all__ = [
    "Analysis",
    "EvaluationError",
    "ExpressionError",
    "ParseError",
    "Problem",
    "Reference",
    "Scope",
    "analyse",
    "evaluate",
    "evaluate_expression",
    "parse",
    "resolve",
    "unset_variable",
]
