"""Confirmations, completion and output formats of the commands that drive Terraform."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from toolkit.cli import apply as apply_module
from toolkit.cli import destroy as destroy_module
from toolkit.cli.main import cli
from toolkit.cli.options import complete_environment
from toolkit.cli.terminal import Terminal
from toolkit.environment import Environment, load_environment
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.project import Project
from toolkit.terraform.outputs import FORMATS, as_dotenv

ROOT = Path(__file__).parents[2]
OUTPUTS = {"name": "it's", "list": ["a", "b"], "map": {"k": 'v "w"'}}


def environment(name: str) -> Environment:
    return load_environment(name, Project(ROOT))


@pytest.mark.parametrize(
    ("name", "yes", "confirm", "refused"),
    [
        ("local", False, None, False),
        ("prod@sandbox", False, None, False),
        ("dev", False, None, True),
        ("dev", True, None, False),
        ("prod", True, None, True),  # protected: --yes is not enough
        ("prod", False, "dev", True),
        ("prod", False, "prod", False),
    ],
)
def test_what_destroy_wants_to_hear_where_there_is_no_terminal(
    name: str, yes: bool, confirm: str | None, refused: bool
) -> None:
    def ask() -> None:
        destroy_module._confirm(environment(name), Terminal(), "1 to delete", yes, confirm)

    if refused:
        with pytest.raises(RefusedError, match="nothing was destroyed"):
            ask()
    else:
        ask()


@pytest.mark.parametrize(
    ("name", "yes", "refused"), [("local", False, False), ("dev", False, True), ("dev", True, False)]
)
def test_what_apply_wants_to_hear_where_there_is_no_terminal(name: str, yes: bool, refused: bool) -> None:
    class Held:
        def __init__(self) -> None:
            self.environment = environment(name)

    def ask() -> None:
        apply_module._confirm(Held(), Terminal(), "1 to create", yes)  # type: ignore[arg-type]

    if refused:
        with pytest.raises(RefusedError, match="there is no terminal to ask on") as caught:
            ask()
        assert caught.value.hint == "toolkit apply dev --yes"
    else:
        ask()


@pytest.mark.parametrize(("typed", "found"), [("lo", ["local"]), ("lo@", []), ("local@", ["local@sandbox"]), ("x", [])])
def test_environments_are_completed(monkeypatch: pytest.MonkeyPatch, typed: str, found: list[str]) -> None:
    monkeypatch.chdir(ROOT)
    command = cli.get_command(None, "apply")  # type: ignore[arg-type]
    assert command is not None
    with command.make_context("apply", ["local"], resilient_parsing=True) as context:
        assert [item.value for item in complete_environment(context, command.params[0], typed)] == found


def test_outputs_as_dotenv_survive_a_real_shell(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(FORMATS["dotenv"](OUTPUTS), encoding="utf-8")
    # In a child of the shell that reads the file: they are exported.
    script = f'. {tmp_path}/env; sh -c \'printf "%s\\n" "$PLATFORM_NAME" "$PLATFORM_LIST" "$PLATFORM_MAP"\''
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert shown[0] == "it's"
    assert [json.loads(line) for line in shown[1:]] == [["a", "b"], {"k": 'v "w"'}]


def test_dotenv_without_a_shell_has_plain_names() -> None:
    assert as_dotenv({"name": "a b"}, "", export=False) == "NAME='a b'\n"
    with pytest.raises(UsageError, match="--prefix 1-x"):
        as_dotenv({"name": "a"}, "1-x")


def test_outputs_for_ci_are_one_line_each() -> None:
    assert FORMATS["github"](OUTPUTS) == 'name=it\'s\nlist=["a","b"]\nmap={"k":"v \\"w\\""}\n'
    assert FORMATS["azure-devops"]({"a": "b"}) == "##vso[task.setvariable variable=a;isOutput=true]b\n"
    with pytest.raises(ToolkitError, match="more than one line"):
        FORMATS["github"]({"a": "b\nc=d"})


def test_a_folder_that_is_no_bundle_is_a_usage_error(tmp_path: Path) -> None:
    from toolkit.terraform.bundle import read_metadata

    with pytest.raises(UsageError, match="is not a plan's folder"):
        read_metadata(tmp_path, environment("dev"))


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "outputs", "bootstrap"])
def test_help_names_the_argument_and_json(command: str) -> None:
    result = CliRunner(catch_exceptions=False).invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert "ENV" in result.output
    assert "--json" in result.output
