"""The report of a run over many environments: Terragrunt's schema, four forms, and merging."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.fleet import report
from toolkit.fleet.report import COLUMNS, SCHEMA, Run

BEGAN = datetime(2026, 11, 27, 14, 0, 0, 250000, UTC)
ENDED = BEGAN + timedelta(seconds=12.5)
COMMIT = "1c876881ab124b85fc00b33ad43280c3f9e97806"
RUNS = (
    Run("dev", BEGAN, ENDED, "succeeded", None, "", COMMIT, "plan", ("--out", "plans/{env}")),
    Run("hub", BEGAN, ENDED, "failed", "run error", 'the lock "x" is held,\nby somebody|else', COMMIT, "plan"),
    Run("prod", BEGAN, BEGAN, "early exit", "ancestor error", "hub", "", "plan"),
    Run("test", BEGAN, BEGAN, "excluded", "exclude block", "not affected since main"),
)


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.FormatChecker(())

    @checker.checks("date-time", ValueError)  # RFC 3339; jsonschema itself checks it with a further package only
    def date_time(text: object) -> bool:
        return datetime.fromisoformat(str(text)).tzinfo is not None

    return jsonschema.Draft202012Validator(schema, format_checker=checker)


def test_the_schema_is_version_4_of_terragrunts() -> None:
    """As https://docs.terragrunt.com/schemas/run/report/v4/schema.json says it, without its words."""
    item = json.loads(SCHEMA.read_text(encoding="utf-8"))["items"]
    assert item["required"] == ["Name", "Started", "Ended", "Result"]
    assert item["additionalProperties"] is False
    assert tuple(item["properties"]) == COLUMNS
    assert item["properties"]["Result"]["enum"] == ["succeeded", "failed", "early exit", "excluded"]
    assert item["properties"]["Reason"]["enum"] == [
        "retry succeeded",
        "error ignored",
        "run error",
        "exclude block",
        "ancestor error",
    ]
    assert item["properties"]["Args"]["items"]["type"] == "string"
    assert {item["properties"][key]["format"] for key in ("Started", "Ended")} == {"date-time"}


def test_json_is_what_the_schema_says_and_leaves_out_what_is_empty() -> None:
    document = json.loads(report.as_json(RUNS))
    validator().validate(document)
    assert document[0] == {
        "Name": "dev",
        "Started": "2026-11-27T14:00:00.250Z",
        "Ended": "2026-11-27T14:00:12.750Z",
        "Result": "succeeded",
        "Ref": COMMIT,
        "Cmd": "plan",
        "Args": ["--out", "plans/{env}"],
    }
    assert "Args" not in document[1]


def test_csv_has_every_column_in_each_row_and_arguments_between_bars() -> None:
    rows = list(csv.reader(io.StringIO(report.as_csv(RUNS))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1] == ["dev", "2026-11-27T14:00:00Z", "2026-11-27T14:00:12Z", "succeeded", "", "", COMMIT, "plan",
                       "--out|plans/{env}"]  # fmt: skip
    assert {len(row) for row in rows} == {9}


def test_junit_and_markdown_count_what_was_lost() -> None:
    suite = ElementTree.fromstring(report.as_junit(RUNS[:3])).find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "skipped")} == {
        "name": "toolkit plan", "tests": "3", "failures": "1", "skipped": "1",
    }  # fmt: skip
    failure = suite.find("testcase[@name='hub']/failure")
    assert failure is not None
    assert failure.text == 'run error: the lock "x" is held,\nby somebody|else'
    text = report.as_markdown(RUNS)
    assert text.startswith("### 4 environments: 1 succeeded, 1 failed, 1 early exit, 1 excluded\n")
    assert '| hub | plan | failed | 12.5 | run error: the lock "x" is held, by somebody\\|else |' in text


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="|\r\n"), min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@settings(max_examples=40, deadline=None)
@given(st.builds(Run, TEXT, MOMENTS, MOMENTS, st.sampled_from(["succeeded", "failed"]), st.none(), TEXT, TEXT, TEXT,
                 st.lists(TEXT, max_size=3).map(tuple)))  # fmt: skip
def test_what_is_written_is_read_again_and_is_as_the_schema_says(run: Run) -> None:
    import tempfile

    validator().validate(json.loads(report.as_json([run])))
    ElementTree.fromstring(report.as_junit([run]))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.json", "a.csv"):
            path = Path(folder) / name
            path.write_text(report.FORMATS[path.suffix]([run]), encoding="utf-8")
            assert report.read(path) == [run]


GOOD = RUNS[0].as_json()
WRONG = [
    ({"name": "dev"}, "a list of runs is expected"),
    (["dev"], "entry 1 is no object"),
    ([{**GOOD, "Results": 1}], "entry 1: Results is not a known key"),
    ([GOOD, {key: value for key, value in GOOD.items() if key != "Result"}], "entry 2: Result is missing"),
    ([{**GOOD, "Result": "ok"}], "entry 1: Result 'ok' is not one of succeeded, failed, early exit, excluded"),
    ([{**GOOD, "Reason": "--queue-exclude-dir"}], "entry 1: Reason '--queue-exclude-dir' is not one of"),
    ([{**GOOD, "Ended": "yesterday"}], "entry 1: Ended 'yesterday' is no time with an offset"),
    ([{**GOOD, "Ended": "2026-11-27T14:00:00"}], "entry 1: Ended '2026-11-27T14:00:00' is no time with an offset"),
    ([{**GOOD, "Cause": None}], "entry 1: Cause is no text"),
    ([{**GOOD, "Args": "--out x"}], "entry 1: Args is no list of texts"),
]


@pytest.mark.parametrize(("document", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_the_schema_does_not_allow_is_no_report(tmp_path: Path, document: object, said: str) -> None:
    """Reading and the schema agree on each."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        report.read(path)
    assert f"{path} is no run report: {said}" in error.value.message
    assert not validator().is_valid(document)


def test_half_a_file_and_a_strange_one_are_named(tmp_path: Path) -> None:
    half = tmp_path / "half.json"
    half.write_text(report.as_json(RUNS)[:100], encoding="utf-8")
    with pytest.raises(UsageError, match=r"half\.json: not valid JSON"):
        report.read(half)
    rows = tmp_path / "rows.csv"
    rows.write_text("Name,Result\ndev,succeeded\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the first line is not Name,Started"):
        report.read(rows)
    with pytest.raises(UsageError, match=r"no form of the report ends in '\.txt'"):
        report.check_format(Path("a.txt"))


def test_merging_keeps_the_last_of_an_environment_and_says_what_it_left_out() -> None:
    again = Run("hub", ENDED, ENDED + timedelta(seconds=5), "succeeded", cmd="plan")
    runs, left_out = report.merge([RUNS[:2], [again], RUNS[2:]])
    assert [(run.name, run.result) for run in runs] == [
        ("dev", "succeeded"), ("hub", "succeeded"), ("prod", "early exit"), ("test", "excluded"),
    ]  # fmt: skip
    assert left_out == ["plan hub of 2026-11-27T14:00:12.750Z (failed): it ran again"]
    assert report.merge([[again], RUNS[:2]])[0][1] == again, "in whatever order they come"


def test_who_should_have_reported_and_did_not_has_failed() -> None:
    lost = report.missing(RUNS[:1], ["dev", "prod", "prod"])
    assert [(run.name, run.result, run.reason, run.cmd) for run in lost] == [("prod", "failed", "run error", "plan")]
    assert all(run.lost for run in lost)
