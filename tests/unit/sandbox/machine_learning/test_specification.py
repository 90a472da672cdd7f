"""What a command job says, without running it."""

from __future__ import annotations

import pytest

from toolkit.sandbox.machine_learning.specification import (
    BadJob,
    Place,
    blob_place,
    command_line,
    datastore_path,
    literal,
    seconds_of,
)

INPUTS = {"data": "/in/data", "rate": "0.5"}
OUTPUTS = {"model": "/out/model"}


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("python t.py ${{inputs.data}} ${{ inputs.rate }}", "python t.py /in/data 0.5"),
        ("echo ${{outputs.model}}", "echo /out/model"),
        ("a $[[--rate ${{inputs.rate}}]] b", "a --rate 0.5 b"),
        ("a $[[--x ${{inputs.absent}}]] b", "a  b"),
        ("echo $HOME ${X} $(pwd)", "echo $HOME ${X} $(pwd)"),
        ("two\nlines ${{inputs.rate}}", "two\nlines 0.5"),
    ],
)
def test_placeholders(command: str, line: str) -> None:
    assert command_line(command, INPUTS, OUTPUTS) == line


@pytest.mark.parametrize("command", ["${{inputs.absent}}", "${{outputs.data}}"])
def test_a_placeholder_that_nothing_stands_for(command: str) -> None:
    with pytest.raises(BadJob, match="the job has no such"):
        command_line(command, INPUTS, OUTPUTS)


LONG = "subscriptions/s/resourcegroups/g/workspaces/w/datastores/store/paths/a/b.csv"
PROVIDER = "providers/Microsoft.MachineLearningServices"
FULL = f"subscriptions/s/resourceGroups/g/{PROVIDER}/workspaces/w/datastores/store/paths/a/"


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("azureml://datastores/store/paths/a/b.csv", ("store", "a/b.csv")),
        (f"azureml://{LONG}", ("store", "a/b.csv")),
        (f"azureml://{FULL}", ("store", "a/")),
        (
            "azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.x",
            ("workspaceartifactstore", "ExperimentRun/dcid.x"),
        ),
        ("azureml:iris:1", None),
        ("https://a.blob.core.windows.net/c/x", None),
    ],
)
def test_datastores(uri: str, found: tuple[str, str] | None) -> None:
    assert datastore_path(uri) == found


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("https://acct.blob.core.windows.net:443/c/src", Place("acct", "c", "src")),
        ("https://acct.blob.core.windows.net/c/a/b.csv", Place("acct", "c", "a/b.csv")),
        ("https://acct.blob.core.windows.net/c", Place("acct", "c", "")),
        ("https://elsewhere.example/c/x", None),
    ],
)
def test_blobs(uri: str, found: Place | None) -> None:
    assert blob_place(uri) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT30S", 30), ("PT1H2M3S", 3723), ("P1DT0S", 86400), ("PT1.5S", 1.5), (None, None), ("", None), ("30", None)],
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_literals_in_both_spellings() -> None:
    assert literal({"jobInputType": "literal", "value": 5}) == "5"
    assert literal({"job_input_type": "literal", "value": "x"}) == "x"
    assert literal({"jobInputType": "uri_file", "uri": "u"}) is None
