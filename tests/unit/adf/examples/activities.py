"""Activities and their order."""

from __future__ import annotations

from tests.unit.adf.examples.common import FIRST, A, Example, for_each, if_, until, with_policy
from tests.unit.adf.parts import activity, execute, factory, pipeline, reference, set_variable, wait, web

EXAMPLES: dict[str, Example] = {
    # -- activities
    "activity-name": Example(
        factory(wait("Same"), if_(wait("same"))),
        factory(wait("Same"), if_(wait("Other"))),
        "$.properties.activities[1].typeProperties.ifTrueActivities[0].name",
    ),
    "activity-type": Example(
        factory(activity("W", "wait", waitTimeInSeconds=1)),
        factory(wait()),
        f"{FIRST}.type",
    ),
    "activity-properties": Example(factory(activity("Pause", "Wait")), factory(wait()), f"{FIRST}.typeProperties"),
    "dependency-missing": Example(
        factory(if_(wait("In")), wait("Out", ["In"])),
        factory(if_(wait("In")), wait("Out", ["Choose"])),
        "$.properties.activities[1].dependsOn[0].activity",
    ),
    "dependency-condition": Example(
        factory(
            wait("A"),
            activity(
                "B", "Wait", beside={"dependsOn": [{"activity": "A", "dependencyConditions": []}]}, waitTimeInSeconds=1
            ),
        ),
        factory(wait("A"), wait("B", [("A", "Completed")])),
        "$.properties.activities[1].dependsOn[0].dependencyConditions",
    ),
    "dependency-cycle": Example(
        factory(wait("A", ["B"]), wait("B", ["A"])), factory(wait("A"), wait("B", ["A"])), f"{FIRST}.dependsOn"
    ),
    "dependency-impossible": Example(
        factory(wait("A"), wait("B", ["A"]), wait("OnError", [("A", "Failed"), ("B", "Failed")])),
        factory(wait("A"), wait("B", ["A"]), wait("OnError", [("A", "Failed"), ("B", "Skipped")])),
        "$.properties.activities[2].dependsOn",
    ),
    "timeout-default": Example(
        with_policy(timeout="7.00:00:00"), with_policy(timeout="0.12:00:00"), f"{FIRST}.policy.timeout"
    ),
    "until-timeout": Example(factory(until(wait(), timeout=None)), factory(until(wait())), f"{FIRST}.typeProperties"),
    "until-wait": Example(
        factory(until(web())), factory(until(web(), wait("P", ["Call"]))), f"{FIRST}.typeProperties.activities"
    ),
    "variable-in-parallel": Example(
        factory(for_each(if_(set_variable("S", "v", "x"))), variables={"v": {"type": "String"}}),
        factory(for_each(if_(set_variable("S", "v", "x")), isSequential=True), variables={"v": {"type": "String"}}),
        f"{FIRST}.typeProperties.activities[0].typeProperties.ifTrueActivities[0]",
    ),
    "variable-from-itself": Example(
        factory(set_variable("S", "v", "@concat(variables('V'), 'x')"), variables={"v": {"type": "String"}}),
        factory(
            set_variable("S", "v", "@concat(variables('w'), 'x')"),
            variables={"v": {"type": "String"}, "w": {"type": "String"}},
        ),
        f"{FIRST}.typeProperties.value",
    ),
    "for-each-batch-count": Example(
        factory(for_each(wait(), batchCount=None)),
        factory(for_each(wait(), batchCount=None, isSequential=True)),
        f"{FIRST}.typeProperties",
    ),
    "for-each-batch-count-low": Example(
        factory(for_each(wait(), batchCount=5)), factory(for_each(wait())), f"{FIRST}.typeProperties.batchCount"
    ),
    "for-each-batch-count-idle": Example(
        factory(for_each(wait(), isSequential=True)),
        factory(for_each(wait(), isSequential=True, batchCount=None)),
        f"{FIRST}.typeProperties.batchCount",
    ),
    "activity-inactive": Example(
        factory(
            activity(
                "Pause", "Wait", waitTimeInSeconds=1, beside={"state": "Inactive", "onInactiveMarkAs": "Succeeded"}
            )
        ),
        factory(activity("Pause", "Wait", waitTimeInSeconds=1, beside={"state": "Active"})),
        f"{FIRST}.state",
    ),
    "pipeline-empty": Example(factory(), factory(wait()), "$.properties.activities"),
    "call-parameter-missing": Example(
        {"pipeline": {"main": pipeline(execute("other")), "other": pipeline(wait(), **A)}},
        {"pipeline": {"main": pipeline(execute("other", parameters={"A": "x"})), "other": pipeline(wait(), **A)}},
        f"{FIRST}.typeProperties",
    ),
    "call-parameter-unknown": Example(
        {
            "pipeline": {
                "main": pipeline(execute("other", parameters={"a": "x", "b": 1})),
                "other": pipeline(wait(), **A),
            }
        },
        {"pipeline": {"main": pipeline(execute("other", parameters={"a": "x"})), "other": pipeline(wait(), **A)}},
        f"{FIRST}.typeProperties.parameters.b",
    ),
    "call-waits": Example(
        {
            "pipeline": {
                "main": pipeline(activity("Run", "ExecutePipeline", pipeline=reference("Pipeline", "other"))),
                "other": pipeline(wait()),
            }
        },
        {"pipeline": {"main": pipeline(execute("other")), "other": pipeline(wait())}},
        f"{FIRST}.typeProperties",
    ),
    "call-recursion": Example(
        {"pipeline": {"main": pipeline(execute("other")), "other": pipeline(execute("main"))}},
        {"pipeline": {"main": pipeline(execute("other")), "other": pipeline(wait())}},
        f"{FIRST}.typeProperties.pipeline",
    ),
}
