"""Outputs of CI systems: what is written is read back as it was."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from toolkit.ci.outputs import (
    append_to_file_of,
    azure_devops_command,
    azure_devops_output,
    azure_devops_summary,
    github_output,
    variable_of,
)
from toolkit.ci.provenance import Provenance, ci_of, provenance
from toolkit.ci.summary import show_summary
from toolkit.errors import UsageError

TEXTS = (
    "",
    "12",
    "two\nlines",
    "carriage\r\nreturn",
    "100%",
    "%0A is no line",
    "%AZP25",
    "%25",
    "a;b]c",
    "]##vso[task.complete result=Succeeded]",
    "ä 'quoted' \"twice\" $(variable) ${{ expression }}",
    "name<<EOF\nEOF",
)


def read_by_the_agent(line: str) -> tuple[str, dict[str, str], str]:
    """As CommandStringConvertor.Unescape of microsoft/azure-pipelines-agent: line ends and ``%AZP25``, and ``]`` and
    ``;`` in properties."""

    def plain(text: str, more: tuple[tuple[str, str], ...] = ()) -> str:
        for escaped, character in (*more, ("%0A", "\n"), ("%0D", "\r"), ("%AZP25", "%")):
            text = text.replace(escaped, character)
        return text

    match = re.fullmatch(r"##vso\[([^ \]]+)(?: ([^\]]*))?\](.*)", line)
    assert match, line
    pairs = (pair.split("=", 1) for pair in (match[2] or "").split(";") if pair)
    return match[1], {name: plain(value, (("%3B", ";"), ("%5D", "]"))) for name, value in pairs}, plain(match[3])


@pytest.mark.parametrize("text", TEXTS)
def test_the_agent_reads_what_was_written(text: str) -> None:
    line = azure_devops_command("task.setvariable", {"variable": text, "isOutput": "true"}, text)
    assert "\n" not in line
    assert "\r" not in line
    assert read_by_the_agent(line) == ("task.setvariable", {"variable": text, "isOutput": "true"}, text)


def test_the_lines_as_documented() -> None:
    assert azure_devops_output("trainingCodeVersion", "12") == (
        "##vso[task.setvariable variable=trainingCodeVersion;isOutput=true]12"
    )
    assert azure_devops_command("task.setvariable", {"variable": "a;b]c%\r\n"}, "x;y]z%\r\n") == (
        "##vso[task.setvariable variable=a%3Bb%5Dc%AZP25%0D%0A]x;y]z%AZP25%0D%0A"
    )
    assert azure_devops_summary(Path("/tmp/a.md")) == "##vso[task.uploadsummary]/tmp/a.md"
    assert unquote("%0D%0A") == "\r\n"


def read_by_github(text: str) -> dict[str, str]:
    """As the runner reads GITHUB_OUTPUT: NAME<<DELIMITER, lines, DELIMITER."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, delimiter = line.partition("<<")
        value = []
        for inner in lines:
            if inner == delimiter:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_github_reads_what_was_written(text: str, tmp_path: Path) -> None:
    file = tmp_path / "output"
    for name in ("first", "second"):
        append_to_file_of("GITHUB_OUTPUT", {"GITHUB_OUTPUT": str(file)}, github_output(name, text))
    assert read_by_github(file.read_bytes().decode()) == {"first": text, "second": text}


@pytest.mark.parametrize("name", ["", "1a", "a b", "a\nb", "a=b", "a<<b"])
def test_a_name_that_is_none(name: str) -> None:
    for function in (azure_devops_output, github_output):
        with pytest.raises(UsageError, match="has no"):
            function(name, "value")


def test_outside_a_job_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="GITHUB_OUTPUT is not set"):
        append_to_file_of("GITHUB_OUTPUT", {}, "x")
    with pytest.raises(UsageError, match="cannot write"):
        append_to_file_of("GITHUB_OUTPUT", {"GITHUB_OUTPUT": str(tmp_path)}, "x")


@pytest.mark.parametrize(
    ("asset", "variable"),
    [
        ("training-code", "trainingCodeVersion"),
        ("Scoring_Code", "scoringCodeVersion"),
        ("a", "aVersion"),
        ("2nd-model", "asset2ndModelVersion"),
        ("x--y__z", "xYZVersion"),
    ],
)
def test_variables_are_named_after_their_asset(asset: str, variable: str) -> None:
    assert variable_of(asset, "Version") == variable
    assert azure_devops_output(variable, "1")
    assert github_output(variable, "1")


def test_provenance_of_jobs_and_of_a_checkout(tmp_path: Path) -> None:
    azure = {
        "TF_BUILD": "True",
        "BUILD_BUILDID": "7",
        "BUILD_SOURCEBRANCH": "refs/heads/main",
        "BUILD_SOURCEVERSION": "ab",
    }
    github = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "9", "GITHUB_REF": "refs/tags/v1", "GITHUB_SHA": "cd"}
    assert (ci_of(azure), ci_of(github), ci_of({})) == ("azure-devops", "github", None)
    assert provenance(azure, tmp_path) == Provenance("7", "refs/heads/main", "ab")
    assert provenance(github, tmp_path) == Provenance("9", "refs/tags/v1", "cd")
    assert provenance({"TF_BUILD": "True"}, tmp_path) == Provenance(None, None, None)
    assert provenance({}, tmp_path) == Provenance(None, None, None)
    here = provenance({}, Path(__file__).parent)
    assert here.build_id is None
    assert re.fullmatch(r"[0-9a-f]{40}", here.source_version or "")


SUMMARY = "## Smoke tests of dev\n"


@pytest.mark.parametrize(
    ("variables", "said", "kept"),
    [
        ({"TF_BUILD": "True"}, "##vso[task.uploadsummary]{path}\n", ""),
        ({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "{file}"}, "", SUMMARY),
        ({"GITHUB_ACTIONS": "true"}, "", ""),  # a container that was given some of the variables only
        ({}, "", ""),
    ],
)
def test_a_summary_is_shown_on_the_page_of_the_run(
    tmp_path: Path, variables: dict[str, str], said: str, kept: str
) -> None:
    path, file, stream = tmp_path / "smoke.md", tmp_path / "step.md", io.StringIO()
    path.write_text(SUMMARY)
    show_summary(path, {name: value.format(file=file) for name, value in variables.items()}, stream)
    assert stream.getvalue() == said.format(path=path)
    assert (file.read_text() if file.exists() else "") == kept
