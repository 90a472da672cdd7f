"""The reports, whole: what a person, a machine and a CI system read."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import click
import jsonschema
import pytest

from tests.golden import check_golden
from tests.unit.smoke.support import check
from toolkit.checks import report
from toolkit.checks.causes import CAUSES
from toolkit.checks.model import CheckResult, Expectation, Outcome, RunResult, Severity, Verdict
from toolkit.cli.options import verbose_option
from toolkit.cli.smoke_view import show_result
from toolkit.cli.terminal import Terminal


def passes(context: object) -> dict[str, object]:
    return {}


RESULT = RunResult(
    kind="smoke",
    environment="dev",
    run_id="20260101T000000Z-0011",
    started_at="2026-01-01T00:00:00+00:00",
    duration=12.25,
    circumstances={"commit": "abc", "acted as": "application | 1"},
    results=(
        CheckResult(check(passes, id="storage-a"), "PASS", "All is well", 0.5, 1, facts={"bytes": 3}),
        CheckResult(
            check(passes, id="storage-b"),
            "FAIL",
            "a write | from <outside>\x00 was allowed",
            9.0,
            4,
            cause="allowed",
            hint="close the firewall",
        ),
        CheckResult(
            check(passes, id="storage-c", severity="warning"), "FAIL", "one node runs", 0.1, 1, cause="differs"
        ),
        CheckResult(
            check(passes, id="keyvault-a", category="keyvault"),
            "SKIP",
            "cannot act from vnet",
            0,
            1,
            cause="vantage",
            requirement="vantage:vnet",
            skip_allowed=True,
        ),
        CheckResult(
            check(passes, id="keyvault-b", category="keyvault"),
            "SKIP",
            "cannot sign in as reader",
            0,
            1,
            cause="identity",
            requirement="identity:reader",
        ),
    ),
)


def test_junit() -> None:
    root = ET.fromstring(report.as_junit(RESULT).split("\n", 1)[1])  # the control character is gone: it parses
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["smoke.storage", "smoke.keyvault"]
    storage, vault = suites["smoke.storage"], suites["smoke.keyvault"]
    assert (storage.get("tests"), storage.get("failures"), storage.get("skipped")) == ("3", "1", "0")
    assert (vault.get("tests"), vault.get("failures"), vault.get("skipped")) == ("2", "0", "2")
    failure = storage.find("testcase[@name='storage-b']/failure")
    assert failure is not None
    assert failure.text == (
        "a write | from <outside>\ufffd was allowed\nhint: close the firewall\ndocs/checks.md#storage-b"
    )
    assert storage.find("testcase[@name='storage-c']/failure") is None
    assert [s.get("message") for s in vault.iter("skipped")] == [
        "cannot act from vnet",
        "cannot sign in as reader (not allowed by smoke.allowed_skips in env.toml)",
    ]


SCHEMA = json.loads((Path(report.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))


def test_the_document_keeps_to_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for result in (RESULT, dataclasses.replace(RESULT, interrupted=True)):
        jsonschema.validate(json.loads(json.dumps(report.as_document(result))), SCHEMA)
    assert report.as_document(dataclasses.replace(RESULT, interrupted=True))["verdict"] == "interrupted"


def test_the_schema_knows_every_word_and_no_other() -> None:
    check = SCHEMA["$defs"]["check"]["properties"]
    assert check["cause"]["enum"] == [None, *CAUSES]
    for name, words in (("severity", Severity), ("expectation", Expectation), ("outcome", Outcome)):
        assert check[name]["enum"] == list(get_args(words))
    assert SCHEMA["properties"]["verdict"]["enum"] == list(get_args(Verdict))


@pytest.mark.parametrize(
    "change", [{"cause": "bad luck"}, {"cause": None}, {"outcome": "MAYBE"}, {"surprise": 1}, {"controls": []}]
)
def test_the_schema_refuses_what_it_should(change: dict[str, object]) -> None:
    document = report.as_document(RESULT)
    document["checks"][1] |= change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_markdown() -> None:
    assert report.as_markdown(RESULT) == (
        "## ❌ Smoke tests of dev\n"
        "\n"
        "1 passed, 2 failed, 2 skipped (1 of them not allowed by smoke.allowed_skips in env.toml), in 12.2 s.\n"
        "\n"
        "* time: 2026-01-01T00:00:00+00:00\n"
        "* commit: abc\n"
        "* acted as: application \\| 1\n"
        "\n"
        "* **storage-b** FAIL: a write \\| from &lt;outside>\x00 was allowed\n"
        "  * close the firewall\n"
        "  * docs/checks.md#storage-b\n"
        "\n"
        "* **storage-c** FAIL: one node runs\n"
        "  * docs/checks.md#storage-c\n"
        "\n"
        "* **keyvault-b** SKIP: cannot sign in as reader\n"
        "  * docs/checks.md#keyvault-b\n"
        "\n"
        "| category | passed | failed | skipped |\n"
        "|---|---|---|---|\n"
        "| storage | 1 | 2 | 0 |\n"
        "| keyvault | 0 | 0 | 2 |\n"
        "\n"
        "| check | outcome | time | reason |\n"
        "|---|---|---|---|\n"
        "| storage-a | PASS | 0.5 s | All is well |\n"
        "| storage-b | FAIL | 9.0 s | a write \\| from &lt;outside>\x00 was allowed |\n"
        "| storage-c | FAIL (warning) | 0.1 s | one node runs |\n"
        "| keyvault-a | SKIP | 0.0 s | cannot act from vnet |\n"
        "| keyvault-b | SKIP (not allowed) | 0.0 s | cannot sign in as reader |\n"
    )


def test_all_four_are_written(tmp_path: Path) -> None:
    report.write(RESULT, tmp_path / "new" / "folder")
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["smoke.html", "smoke.json", "smoke.junit.xml", "smoke.md"]
    document = json.loads((tmp_path / "new" / "folder" / "smoke.json").read_text())
    assert document["green"] is False
    assert (document["ran"], document["commit"], document["started_at"]) == (True, "abc", "2026-01-01T00:00:00+00:00")
    assert document["summary"] == {"passed": 1, "failed": 2, "skipped": 2, "red": 2}
    assert [one["id"] for one in document["checks"]] == [one.check.id for one in RESULT.results]
    assert document["checks"][0]["evidence"] == {"bytes": 3}
    assert document["versions"]["azure-storage-blob"][0].isdigit()


def test_the_terminal_shows_a_line_per_category_which_opens_on_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    show_result(Terminal(), RESULT)
    check_golden(Path(__file__).parent, "result.txt", capsys.readouterr().out)


def test_each_check_has_its_line_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    @verbose_option
    def command() -> None:
        show_result(Terminal(), RESULT)

    command.main(["-v"], standalone_mode=False)
    out = capsys.readouterr().out
    assert [line.split()[:2] for line in out.splitlines()[:2]] == [["CHECK", "OUTCOME"], ["storage-a", "PASS"]]
    check_golden(Path(__file__).parent, "result-verbose.txt", out)
