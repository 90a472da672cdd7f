"""Expressions."""

from __future__ import annotations

from tests.unit.adf.examples.common import FIRST, A, Example, for_each, until, with_expression
from tests.unit.adf.parts import activity, expression, factory, set_variable, wait, web

EXAMPLES: dict[str, Example] = {
    # -- expressions
    "expression-parses": Example(
        with_expression("@concat('a'"),
        with_expression("@@concat('a'"),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-function": Example(
        with_expression("@conkat('a', 'b')"),
        with_expression("@CONCAT('a', 'b')"),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-arguments": Example(
        with_expression("@equals('a')"),
        with_expression("@{equals('a', 'b')}"),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-activity": Example(
        factory(web(), set_variable("Set", "v", "@activity('Call').output.x"), variables={"v": {"type": "String"}}),
        factory(
            web(),
            until(wait(), web("Inner", after=["Pause"]), expression=expression("@activity('Inner').output.x")),
            wait("Then", ["Loop"]),
            set_variable("Set", "v", "@activity('call').output.x", ["Call"]),
            variables={"v": {"type": "String"}},
        ),
        "$.properties.activities[1].typeProperties.value",
    ),
    "expression-held-activity": Example(
        factory(
            until(wait("In")),
            set_variable("S", "v", "@activity('In').status", ["Loop"]),
            variables={"v": {"type": "String"}},
        ),
        factory(
            until(wait("In"), expression=expression("@equals(activity('In').status, 'Succeeded')")),
            set_variable("S", "v", "@activity('Loop').status", ["Loop"]),
            variables={"v": {"type": "String"}},
        ),
        "$.properties.activities[1].typeProperties.value",
    ),
    "expression-parameter": Example(
        with_expression("@pipeline().parameters.b", **A),
        with_expression("@pipeline().parameters.A", **A),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-variable": Example(
        factory(set_variable("Set", "w", "x"), variables={"v": {"type": "String"}}),
        factory(
            set_variable("Set", "v", "x"),
            activity("Return", "SetVariable", variableName="pipelineReturnValue", setSystemVariable=True, value=[]),
            variables={"v": {"type": "String"}},
        ),
        f"{FIRST}.typeProperties.variableName",
    ),
    "expression-global-parameter": Example(
        {
            **with_expression("@pipeline().globalParameters.regio"),
            "factory": {"adf": {"globalParameters": {"region": {"type": "string", "value": "x"}}}},
        },
        {
            **with_expression("@pipeline().globalParameters.region"),
            "factory": {"adf": {"globalParameters": {"region": {"type": "string", "value": "x"}}}},
        },
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-scope": Example(
        with_expression("@item()"),
        factory(
            activity("F", "Filter", items="@createArray(1)", condition="@equals(item(), 1)"),
            for_each(set_variable("S", "v", "@string(item())")),
        ),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-system-variable": Example(
        with_expression("@pipeline().RunIdentifier"),
        with_expression("@pipeline().RunId"),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "expression-lookup": Example(
        factory(
            activity("L", "Lookup", source={}, dataset={}, firstRowOnly=False),
            set_variable("S", "v", "@activity('L').output.firstRow.a", ["L"]),
        ),
        factory(
            activity("L", "Lookup", source={}, dataset={}),
            set_variable("S", "v", "@activity('L').output.firstRow.a", ["L"]),
        ),
        "$.properties.activities[1].typeProperties.value",
    ),
    "parameter-unused": Example(
        factory(wait(), **A), with_expression("@pipeline().parameters.a", **A), "$.properties.parameters.a"
    ),
    "variable-unused": Example(
        factory(wait(), variables={"v": {"type": "String"}, "w": {"type": "String"}}),
        factory(
            activity("Pause", "Wait", waitTimeInSeconds="@int(variables('v'))"), variables={"v": {"type": "String"}}
        ),
        "$.properties.variables.v",
    ),
}
