"""What a command says to the CI system whose job it runs in."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from tests.unit.test_ci_outputs import TEXTS, read_by_the_agent
from toolkit.ci.outputs import github_command
from toolkit.ci.reporting import AzureDevOps, GitHub, NoReporter, reporter
from toolkit.errors import UsageError

VALUES = {"lease_id": "0123456789abcdef", "addresses": "203.0.113.10,203.0.113.11"}
GITHUB = {"GITHUB_ACTIONS": "true"}


def read_by_the_runner(line: str) -> tuple[str, dict[str, str], str]:
    """As ActionCommand of actions/runner: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs"""

    def plain(text: str, more: tuple[tuple[str, str], ...] = ()) -> str:
        for escaped, character in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
            text = text.replace(escaped, character)
        return text

    match = re.fullmatch(r"::([\w-]+)(?: (.*?))?::(.*)", line)
    assert match, line
    pairs = (pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)
    return match[1], {name: plain(value, (("%3A", ":"), ("%2C", ","))) for name, value in pairs}, plain(match[3])


@pytest.mark.parametrize("text", [*TEXTS, "a,b:c::d", "::error::not mine"])
def test_the_runner_reads_what_was_written(text: str) -> None:
    line = github_command("warning", {"title": text or "-"}, text)
    assert "\n" not in line
    assert "\r" not in line
    assert read_by_the_runner(line) == ("warning", {"title": text or "-"}, text)


def test_github_gets_files_and_commands(tmp_path: Path) -> None:
    environ = {**GITHUB, "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STATE": str(tmp_path / "state")}
    said = io.StringIO()
    to = reporter(None, environ, said)
    to.outputs(VALUES)
    to.warning("one\ntwo")
    to.error("100%")
    for name in ("output", "state"):
        text = (tmp_path / name).read_text()
        assert dict(re.findall(r"(\w+)<<(?:toolkit_\w+)\n(.*)\ntoolkit_\w+\n", text)) == VALUES
    assert [read_by_the_runner(line)[::2] for line in said.getvalue().splitlines()] == [
        ("warning", "one\ntwo"),
        ("error", "100%"),
    ]


def test_azure_devops_gets_commands() -> None:
    said = io.StringIO()
    to = reporter(None, {"TF_BUILD": "True"}, said)
    to.outputs(VALUES)
    to.warning("one\ntwo")
    to.error("a]b")
    lines = [read_by_the_agent(line) for line in said.getvalue().splitlines()]
    assert lines == [
        *(("task.setvariable", {"variable": name, "isOutput": "true"}, value) for name, value in VALUES.items()),
        ("task.logissue", {"type": "warning"}, "one\ntwo"),
        ("task.logissue", {"type": "error"}, "a]b"),
    ]


def test_the_choice_overrides_what_the_variables_say(tmp_path: Path) -> None:
    output = {**GITHUB, "GITHUB_OUTPUT": str(tmp_path / "output")}
    assert isinstance(reporter(None, {}, io.StringIO()), NoReporter)
    assert isinstance(reporter(None, output, io.StringIO()), GitHub)
    assert isinstance(reporter("none", output, io.StringIO()), NoReporter)
    assert isinstance(reporter("azure-devops", output, io.StringIO()), AzureDevOps)
    assert isinstance(reporter(None, GITHUB, io.StringIO()), NoReporter)  # a container without the job's files
    with pytest.raises(UsageError, match="GITHUB_OUTPUT is not set"):
        reporter("github", GITHUB, io.StringIO())
    with pytest.raises(UsageError, match="cannot write"):
        reporter("github", {"GITHUB_OUTPUT": str(tmp_path)}, io.StringIO())


def test_a_sweep_outside_of_a_command_is_told_to_nobody() -> None:
    """Other commands sweep when they take a lease, and threads of theirs have no context of click's."""
    from toolkit.cli.firewall import _reporter

    assert isinstance(_reporter(), NoReporter)
