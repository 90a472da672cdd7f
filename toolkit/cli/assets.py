"""``toolkit assets``: code in Azure ML, and the pointer that says which version of it runs."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.leased import firewall_lease_options, own_lease, platform_outputs
from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.terminal import Terminal
from toolkit.environment import connect, load_environment
from toolkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from toolkit.assets.publishing import Pointers, Published
    from toolkit.assets.registration import Registration
    from toolkit.assets.workspace import Access, Who

F = TypeVar("F", bound=Callable[..., Any])


def acting_options(function: F) -> F:
    """Who acts, from where, and by which way in: the same for every command that reaches closed accounts."""
    function = click.option(
        "--as",
        "who",
        type=click.Choice(["runner", "ci"]),
        default="runner",
        show_default=True,
        help="Act with the credential of env.toml, or as CI's identity (in the sandbox, and in a GitHub job of ENV).",
    )(function)
    function = click.option(
        "--vantage",
        metavar="NAME",
        help="Act from this place of env.toml's vantages [default: vnet where there is one, else the runner's].",
    )(function)
    return firewall_lease_options(function)


def name_argument(function: F) -> F:
    return click.argument("name", metavar="NAME")(function)


@click.group()
def assets() -> None:
    """Register code in Azure ML, and point runtimes at the version that it returned.

    \b
      toolkit assets register dev training-code --path src --ci azure-devops
      toolkit assets publish dev training-code --version 12
    """


@assets.command()
@environment_argument
@name_argument
@click.option("--path", "path", required=True, type=click.Path(path_type=Path), help="The folder with the code.")
@click.option("--version", metavar="V", help="Ask for this version [default: the next number].")
@click.option("--unique", is_flag=True, help="Register a new version even when Azure ML has the same content already.")
@click.option(
    "--ci", type=click.Choice(["azure-devops", "github"]), help="Set the outputs of this job, and its summary."
)
@acting_options
@json_option
def register(
    env: str, name: str, path: Path, version: str | None, unique: bool, ci: str | None, who: Who, vantage: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Register the folder as code NAME in the workspace of ENV. What Azure ML returns is the result.

    The same content gives the version that has it already, and says so. .amlignore, or else .gitignore, leaves files
    out. --unique puts a marker file into a copy; the folder itself is never changed.
    """
    from toolkit.assets.registration import register as register_code

    terminal = Terminal()
    found = register_code(
        platform_access(terminal, env, who, vantage),
        name,
        path,
        version=version,
        unique=unique,
        progress=terminal.progress,
        warn=lambda text: terminal.note(f"warning: {text}"),
    )
    if ci:
        _tell_ci(ci, found, sys.stderr if as_json else sys.stdout)
    if as_json:
        terminal.print_json(dataclasses.asdict(found))
    else:
        terminal.print(found.sentence)


@assets.command()
@environment_argument
@name_argument
@click.option("--version", required=True, metavar="V", help="The version that `register` printed.")
@acting_options
@json_option
def publish(env: str, name: str, version: str, who: Who, vantage: str | None, as_json: bool) -> None:
    """Point at version V of NAME: pipelines that start from now on use it.

    Refused when the workspace has no such version. Of two publishers at once one wins, and the other is told.
    """
    from toolkit.ci.provenance import provenance

    terminal = Terminal()
    with _pointers(terminal, env, name, who, vantage) as pointers:
        published = pointers.publish(version, provenance(os.environ, Path.cwd()))
        _print(terminal, pointers, published, as_json, "published")


@assets.command()
@environment_argument
@name_argument
@acting_options
@json_option
def show(env: str, name: str, who: Who, vantage: str | None, as_json: bool) -> None:
    """Show which version of NAME runs, and where it comes from."""
    terminal = Terminal()
    with _pointers(terminal, env, name, who, vantage) as pointers:
        published = pointers.show()
        if as_json:
            terminal.print_json(_facts(published))
        else:
            terminal.print_table(
                ["field", "value"], [[key, "-" if v is None else str(v)] for key, v in _facts(published).items()]
            )


@assets.command()
@environment_argument
@name_argument
@acting_options
@json_option
def history(env: str, name: str, who: Who, vantage: str | None, as_json: bool) -> None:
    """List every version that the pointer of NAME ever named, the newest first."""
    terminal = Terminal()
    with _pointers(terminal, env, name, who, vantage) as pointers:
        past = [_facts(one) for one in pointers.history()]
    if as_json:
        terminal.print_json(past)
        return
    columns = ("publishedAtUtc", "version", "buildId", "sourceBranch", "sourceVersion")
    terminal.print_table(columns, [[str(one[column] or "-") for column in columns] for one in past])


@assets.command()
@environment_argument
@name_argument
@click.option("--to", metavar="V", help="Go back to this version [default: the one before the current].")
@acting_options
@json_option
def rollback(env: str, name: str, to: str | None, who: Who, vantage: str | None, as_json: bool) -> None:
    """Point at an earlier version of NAME again. Refused when the workspace has it no more."""
    terminal = Terminal()
    with _pointers(terminal, env, name, who, vantage) as pointers:
        _print(terminal, pointers, pointers.rollback(to), as_json, "rolled back to")


@assets.command()
@environment_argument
@name_argument
@acting_options
@json_option
def verify(env: str, name: str, who: Who, vantage: str | None, as_json: bool) -> int:
    """Check the pointer of NAME: its form, its workspace, and that the workspace has the version.

    Exits 1 when something is wrong.
    """
    terminal = Terminal()
    with _pointers(terminal, env, name, who, vantage) as pointers:
        problems = pointers.problems()
        where = pointers.where
    if as_json:
        terminal.print_json({"pointer": where, "valid": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            terminal.print(f"{where}: {problem}", "bold red")
    else:
        terminal.print(f"{where} is valid", "green")
    return ExitCode.FAILED if problems else ExitCode.DONE


def platform_access(terminal: Terminal, env: str, who: Who, vantage: str | None, target: str = "storage") -> Access:
    """The platform of ENV as its last apply here, or else its state, has it.

    With --firewall-lease, the runner's own place is let in to the account where code and logs are, or to ``target``.
    """
    from toolkit.assets.workspace import access

    environment = load_environment(env)
    connection = connect(environment, terminal.progress)
    lease = own_lease(terminal, environment)
    if lease.wanted and vantage not in (None, connection.runner.name):
        raise UsageError(
            f"--firewall-lease lets {connection.runner.name} in, where this runner stands, and not {vantage}",
            hint="leave --vantage out",
        )
    outputs = platform_outputs(terminal, environment, lease)
    lease.let_in(target)
    return access(connection, outputs, who, connection.runner.name if lease.wanted else vantage)


def _pointers(terminal: Terminal, env: str, name: str, who: Who, vantage: str | None) -> Pointers:
    from toolkit.assets.publishing import Pointers

    return Pointers(platform_access(terminal, env, who, vantage, "pointers"), name)


def _facts(published: Published) -> Mapping[str, Any]:
    from toolkit.assets.pointer import as_facts

    return as_facts(published.pointer, published.etag, published.at)


def _print(terminal: Terminal, pointers: Pointers, published: Published, as_json: bool, done: str) -> None:
    if as_json:
        terminal.print_json(_facts(published))
    else:
        terminal.print(f"{done} {published.pointer.label} in {pointers.where}")


def _tell_ci(ci: str, found: Registration, stream: Any) -> None:
    """``trainingCodeVersion`` and its like for later jobs, and a paragraph on the run's page."""
    from toolkit.ci import outputs

    values = {
        outputs.variable_of(found.name, "Version"): found.version,
        outputs.variable_of(found.name, "Id"): found.id,
        outputs.variable_of(found.name, "Deduplicated"): str(found.deduplicated).lower(),
    }
    summary = f"### Code asset {found.name}:{found.version}\n\n{found.sentence[0].upper()}{found.sentence[1:]}.\n"
    if ci == "github":
        outputs.append_to_file_of(
            "GITHUB_OUTPUT", os.environ, "".join(outputs.github_output(*item) for item in values.items())
        )
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            outputs.append_to_file_of("GITHUB_STEP_SUMMARY", os.environ, summary)
        return
    # The agent uploads the file when the step has ended, so it stays.
    with tempfile.NamedTemporaryFile(
        "w", suffix=".md", prefix="toolkit-summary-", delete=False, encoding="utf-8"
    ) as file:
        file.write(summary)
    lines = [outputs.azure_devops_output(name, value) for name, value in values.items()]
    stream.write("\n".join([*lines, outputs.azure_devops_summary(Path(file.name))]) + "\n")
    stream.flush()
