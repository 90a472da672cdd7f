"""Files, names, references, limits and nesting."""

from __future__ import annotations

from tests.unit.adf.examples.common import (
    DATASET,
    FIRST,
    Example,
    for_each,
    if_,
    trigger,
    tumbling,
    with_expression,
    with_policy,
)
from tests.unit.adf.parts import activity, execute, factory, linked, pipeline, wait, web

EXAMPLES: dict[str, Example] = {
    # -- files, names and references
    "json-invalid": Example(
        factory(wait()), factory(wait()), "$", files={"pipeline/broken.json": '{\n  "name": "broken",\n  oops\n}'}
    ),
    "resource-shape": Example(factory(wait()), factory(wait()), "$", files={"pipeline/bare.json": '{"name": "bare"}'}),
    "json-repeated-key": Example(
        factory(wait()),
        factory(wait()),
        "$.properties.concurrency",
        files={"pipeline/twice.json": '{"name": "twice", "properties": {"concurrency": 1, "concurrency": 2}}'},
    ),
    "name-of-file": Example(
        {},
        {},
        "$.name",
        files={"pipeline/one.json": '{"name": "two", "properties": {"activities": []}}'},
        good_files={"pipeline/two.json": '{"name": "two", "properties": {"activities": []}}'},
    ),
    "name-taken-twice": Example(
        factory(wait()),
        factory(wait()),
        "$.name",
        files={"pipeline/second.json": '{"name": "MAIN", "properties": {"activities": []}}'},
    ),
    "name-shared": Example(
        {**factory(wait()), "dataset": {"main": DATASET}}, {**factory(wait()), "dataset": {"ds": DATASET}}, "$.name"
    ),
    "name-characters": Example(factory(wait(), name="a&b"), factory(wait(), name="a b_1"), "$.name"),
    "name-dash": Example(linked("ls-one"), linked("ls_one"), "$.name"),
    "name-global-parameter-dash": Example(
        {"factory": {"adf": {"globalParameters": {"a-b": {"type": "int", "value": 1}}}}},
        {"factory": {"adf": {"globalParameters": {"a_b": {"type": "int", "value": 1}}}}},
        "$.properties.globalParameters['a-b']",
    ),
    "reference-missing": Example(
        factory(execute("nowhere")),
        {"pipeline": {"main": pipeline(execute("other")), "other": pipeline(wait())}},
        f"{FIRST}.typeProperties.pipeline.referenceName",
    ),
    "deployment-configuration": Example(
        factory(wait(), concurrency=1),
        factory(wait(), concurrency=1),
        "$",
        files={
            "deployment/prod.csv": "type,name,path,value\npipeline,main,concurrency,2\npipeline,main,concurency,2\n"
        },
        good_files={
            "deployment/prod.csv": "type,name,path,value\n# by hand\npipeline,ma*,concurrency,2\npipeline,main,+x,2\n"
            + 'pipeline,main,"activities[""Pause""].typeProperties.\'waitTimeInSeconds\'",2\n',
            "deployment/prod.json": '{"main": [{"name": "$.properties.activities[0].name", "value": "x"}]}',
        },
    ),
    # -- limits
    "limit-activities": Example(
        factory(*[wait(f"W{n}") for n in range(81)]),
        factory(*[wait(f"W{n}") for n in range(80)]),
        "$.properties.activities",
    ),
    "limit-parameters": Example(
        factory(wait(), parameters={f"p{n}": {"type": "String"} for n in range(51)}),
        factory(wait(), parameters={f"p{n}": {"type": "String"} for n in range(50)}),
        "$.properties.parameters",
    ),
    "limit-expression": Example(
        with_expression("@concat('" + "x" * 8192 + "')"),
        with_expression("@concat('" + "x" * 8180 + "')"),
        "$.properties.activities[1].typeProperties.value.value",
    ),
    "limit-batch-count": Example(
        factory(for_each(wait(), batchCount=51)),
        factory(for_each(wait(), batchCount=50)),
        f"{FIRST}.typeProperties.batchCount",
    ),
    "limit-for-each-items": Example(
        factory(for_each(wait(), items=[0] * 100_001)),
        factory(for_each(wait(), items=[0] * 3)),
        f"{FIRST}.typeProperties.items",
    ),
    "limit-timeout": Example(
        with_policy(timeout="8.00:00:00"), with_policy(timeout="7.00:00:00"), f"{FIRST}.policy.timeout"
    ),
    "limit-timeout-short": Example(
        with_policy(timeout="0.00:09:59"), with_policy(timeout="0.00:10:00"), f"{FIRST}.policy.timeout"
    ),
    "timeout-shape": Example(
        with_policy(timeout="1 hour"), with_policy(timeout="@variables('t')"), f"{FIRST}.policy.timeout"
    ),
    "limit-web-timeout": Example(
        factory(web(httpRequestTimeout="00:10:01")),
        factory(web(httpRequestTimeout="00:10:00")),
        f"{FIRST}.typeProperties.httpRequestTimeout",
    ),
    "limit-object-size": Example(
        factory(*[web(f"W{n}", body="x" * 11_000) for n in range(20)]),
        factory(*[web(f"W{n}", body="x" * 9_000) for n in range(20)]),
        "$.properties",
    ),
    "limit-payload": Example(
        factory(web(body="x" * 918_000)), factory(web(body="x" * 917_000)), f"{FIRST}.typeProperties"
    ),
    "limit-retry-interval": Example(
        with_policy(retryIntervalInSeconds=10),
        with_policy(retryIntervalInSeconds=30),
        f"{FIRST}.policy.retryIntervalInSeconds",
    ),
    "limit-concurrency": Example(
        factory(wait(), concurrency=0), factory(wait(), concurrency=1), "$.properties.concurrency"
    ),
    "limit-tumbling-window": Example(
        trigger(tumbling(frequency="Minute", interval=4)),
        trigger(tumbling(frequency="Minute", interval=5)),
        "$.properties.typeProperties.interval",
    ),
    "limit-switch-cases": Example(
        factory(activity("S", "Switch", on="x", cases=[{"value": str(n), "activities": []} for n in range(26)])),
        factory(activity("S", "Switch", on="x", cases=[{"value": str(n), "activities": []} for n in range(25)])),
        f"{FIRST}.typeProperties.cases",
    ),
    "limit-lookup-rows": Example(
        factory(
            activity(
                "L", "Lookup", source={"type": "SqlSource", "sqlReaderQuery": "select top 5001 * from t"}, dataset={}
            )
        ),
        factory(
            activity(
                "L", "Lookup", source={"type": "SqlSource", "sqlReaderQuery": "select top 5000 * from t"}, dataset={}
            )
        ),
        f"{FIRST}.typeProperties.source.sqlReaderQuery",
    ),
    # -- nesting
    "nesting-container": Example(
        factory(if_(if_(wait(), name="Inner"))),
        factory(for_each(if_(wait()))),
        f"{FIRST}.typeProperties.ifTrueActivities[0]",
    ),
    "nesting-validation": Example(
        factory(if_(activity("V", "Validation", dataset={}))),
        factory(activity("V", "Validation", dataset={})),
        f"{FIRST}.typeProperties.ifTrueActivities[0]",
    ),
}
