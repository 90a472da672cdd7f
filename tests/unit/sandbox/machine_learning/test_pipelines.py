"""A pipeline job as command jobs, without running them."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.records import Json
from toolkit.sandbox.machine_learning.pipelines import child_id, child_of, needs, require_order
from toolkit.sandbox.machine_learning.specification import BadJob
from toolkit.sandbox.store import Resource

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/jobs/pipe"
SPEC: Json = {
    "type": "command",
    "command": "python t.py ${{inputs.data}} ${{inputs.rate}} ${{outputs.model}}",
    "code": "azureml:/subscriptions/s/codes/c/versions/1",
    "environment": "azureml:/subscriptions/s/environments/e/versions/1",
    "inputs": {
        "data": {"type": "uri_folder"},
        "rate": {"type": "number", "default": "0.1"},
        "extra": {"type": "string", "optional": "True"},
    },
    "outputs": {"model": {"type": "uri_folder"}},
}


def given(value: str) -> Json:
    return {"job_input_type": "literal", "value": value}


def pipeline(**nodes: Any) -> Resource:
    properties = {
        "jobType": "Pipeline",
        "experimentName": "x",
        "computeId": "/compute",
        "inputs": {
            "raw": {"jobInputType": "uri_folder", "uri": "azureml://datastores/d/paths/raw/"},
            "r": given("0.7"),
        },
        "outputs": {"best": {"uri": "azureml://datastores/d/paths/best/"}},
        "jobs": nodes,
    }
    return Resource(ID, "Microsoft.MachineLearningServices/workspaces/jobs", {"id": ID, "properties": properties})


def node(**more: Any) -> Json:
    return {"type": "command", "componentId": "/component", "inputs": {"data": given("${{parent.inputs.raw}}")}, **more}


AFTER = {"data": given("${{parent.jobs.first.outputs.model}}"), "rate": given("${{parent.inputs.r}}")}


def child(job: Resource, name: str) -> Json:
    first = child_of(job, "first", lambda _: SPEC, lambda _: {})
    made = first if name == "first" else child_of(job, name, lambda _: SPEC, lambda _: first.properties["outputs"])
    assert (made.id, made.internal) == (child_id(job, name), {"parent": "pipe"})
    return made.properties


def test_nodes_are_command_jobs_of_their_components() -> None:
    job = pipeline(
        first=node(), second=node(inputs=AFTER, computeId="/other", outputs={"model": "${{parent.outputs.best}}"})
    )
    first, second = child(job, "first"), child(job, "second")
    assert (first["codeId"], first["environmentId"]) == (
        "/subscriptions/s/codes/c/versions/1",
        "/subscriptions/s/environments/e/versions/1",
    )
    assert (first["computeId"], second["computeId"]) == ("/compute", "/other")
    assert first["inputs"] == {
        "data": {"jobInputType": "uri_folder", "uri": "azureml://datastores/d/paths/raw/"},
        "rate": {"jobInputType": "literal", "value": "0.1"},
    }
    assert second["inputs"]["data"] == {"jobInputType": "uri_folder", "uri": first["outputs"]["model"]["uri"]}
    assert second["inputs"]["rate"] == given("0.7")
    assert second["outputs"]["model"]["uri"] == "azureml://datastores/d/paths/best/"


def test_the_order_is_that_of_what_is_read() -> None:
    nodes = {"first": node(), "second": node(inputs=AFTER)}
    assert (needs(nodes["first"]), needs(nodes["second"])) == (set(), {"first"})
    require_order(nodes)
    with pytest.raises(BadJob, match="reads an output of 'first', which"):
        require_order({"second": nodes["second"]})
    circle = {"data": given("${{parent.jobs.second.outputs.model}}")}
    with pytest.raises(BadJob, match="first, second wait for each other"):
        require_order({**nodes, "first": node(inputs=circle)})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": {}}, "needs the input 'data'"),
        ({"inputs": {"data": given("${{parent.jobs.first.outputs.none}}")}}, "has no output 'none'"),
    ],
)
def test_what_a_node_lacks(changes: Json, words: str) -> None:
    with pytest.raises(BadJob, match=words):
        child(pipeline(first=node(), second=node(**changes)), "second")


def test_no_compute() -> None:
    job = pipeline(first=node())
    job.properties["computeId"] = None
    with pytest.raises(BadJob, match="no compute"):
        child(job, "first")
