"""The scope of the cases in ``syntax_cases.py`` and, as far as they look at it, of all others."""

from __future__ import annotations

from datetime import UTC, datetime

from toolkit.pipelines.expressions import Scope, unset_variable

SCOPE = Scope(
    pipeline={
        "DataFactory": "factory",
        "Pipeline": "training",
        "RunId": "run-1",
        "TriggerType": "Manual",
        "TriggerId": "t-1",
        "TriggerName": "daily",
        "TriggerTime": "2018-04-15T13:00:00.0000000Z",
        "GroupId": "run-1",
        "parameters": {
            "myNumber": 42,
            "myString": "foo",
            "firstName": "Ada",
            "lastName": "L",
            "object": {"a": 1, "odd-name": "x", "null": None},
            "key": "a",
            "list": [{"field1": {"field2": "value1"}}],
        },
        "globalParameters": {"id": "g"},
    },
    variables={
        "set": "value",
        "unset": unset_variable("String"),
        "unsetArray": unset_variable("Array"),
        "unsetBoolean": unset_variable("Boolean"),
        "unsetInteger": unset_variable("Integer"),
    },
    activities={
        "Lookup": {"output": {"firstRow": {"version": 3}, "effectiveIntegrationRuntime": "x"}, "status": "Succeeded"},
        "Failed": {
            "error": {"message": "Oh no, something went wrong", "errorCode": "2100"},
            "status": "Failed",
        },
    },
    item={"name": "a", "list": [1]},
    trigger={
        "scheduledTime": "2018-04-15T13:00:00Z",
        "startTime": "2018-04-15T13:00:00.4061448Z",
        "outputs": {
            "windowStartTime": "2018-04-15T12:00:00Z",
            "body": {"fileName": "in.csv", "folderPath": "raw/data"},
        },
    },
    dataset={"path": "p"},
    linked_service={"host": "h"},
    now=lambda: datetime(2018, 4, 15, 13, tzinfo=UTC),
)
