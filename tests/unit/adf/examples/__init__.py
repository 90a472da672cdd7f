"""For each rule an example that it finds, and one beside it that it does not: a table that the tests walk through."""

from __future__ import annotations

from tests.unit.adf.examples import activities, definitions, expressions, factory, surroundings
from tests.unit.adf.examples.common import Example

EXAMPLES: dict[str, Example] = {
    **definitions.EXAMPLES,
    **activities.EXAMPLES,
    **expressions.EXAMPLES,
    **surroundings.EXAMPLES,
    **factory.EXAMPLES,
}
# Found only in a template: tests/unit/adf/test_shapes.py.
ELSEWHERE = ("secret-template-default",)
