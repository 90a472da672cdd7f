"""``toolkit adf``: the factory's definitions, what runs of them do, and what is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.adf_runs import cancel, run, runs, show
from toolkit.cli.adf_status import status
from toolkit.cli.options import complete_environment
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from toolkit.adf.lint.model import Finding, Rule
    from toolkit.pipelines.model import Factory

# The keys of toolkit.adf.lint.reports.FORMATS and of .model.SEVERITIES, without their imports.
_FORMATS = ("text", "json", "sarif", "junit")
_LEVELS = ("error", "warning", "note")


@click.group()
def adf() -> None:
    """A factory's definitions and runs.

    PATH is a folder as Git mode keeps it, an adf_publish folder or template, what `terraform show -json` prints, or one
    resource's file. docs/adf-lint.md lists the rules.
    """


@adf.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--live", metavar="ENV", shell_complete=complete_environment, help="The environment's factory instead.")
@click.option("--published", type=click.Path(path_type=Path), help="Compare with this published template or folder.")
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True, help="How to print."
)
@click.option(
    "--level", type=click.Choice(_LEVELS), default="warning", show_default=True, help="The least to look for."
)
@click.option(
    "--fail-on", type=click.Choice(_LEVELS), default="error", show_default=True, help="The least to exit 1 for."
)
@click.option("--rule", "only", multiple=True, metavar="ID", help="Only this rule (again for more).")
@click.option("--ignore", "ignored", multiple=True, metavar="ID", help="Without this rule (again for more).")
@click.option("--fix", is_flag=True, help="Write back what can be mended without judgement; the rest is shown.")
@click.option("--list", "only_list", is_flag=True, help="Show the rules, and read nothing.")
def lint(
    path: Path | None,
    live: str | None,
    published: Path | None,
    format_: str,
    level: str,
    fail_on: str,
    only: tuple[str, ...],
    ignored: tuple[str, ...],
    fix: bool,
    only_list: bool,
) -> int:
    """Find what is wrong with a factory's definitions: PATH, or the live factory of an environment.

    Each finding has its file, line and JSON path, what happens otherwise, and what to do. Exits 0 when nothing of
    --fail-on's severity is found, 1 when something is, 3 when there is no factory to look at.
    """
    from toolkit.adf.lint.registry import select
    from toolkit.adf.lint.reports import rules_table
    from toolkit.pipelines.reading import read_factory

    terminal = Terminal()
    if only_list:
        terminal.print_table(["rule", "severity", "--fix", "what holds"], rules_table(select(only, ignored)))
        return ExitCode.DONE
    rules = select(only, ignored, level=max(level, fail_on, key=_LEVELS.index))  # type: ignore[arg-type]
    factory = _factory(terminal, path, live)
    against = read_factory(published) if published else None
    if fix:
        factory = _mend(terminal, factory, rules, path)
    return _report(terminal, factory, rules, format_, fail_on, against)


@adf.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True, help="How to print."
)
def validate(path: Path, format_: str) -> int:
    """Check PATH for what Data Factory itself would refuse: the studio's "Validate all", offline.

    Exits 0 when it would be taken, 1 when not, 3 when there is no factory.
    """
    from toolkit.adf.lint.registry import select
    from toolkit.pipelines.reading import read_factory

    return _report(Terminal(), read_factory(path), select(refused=True), format_, "error", None)


@adf.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default="ArmTemplate", show_default=True)
@click.option("--factory-name", metavar="NAME", help="Of the factory that it is for, by default the one in PATH.")
def export(path: Path, output: Path, factory_name: str | None) -> int:
    """Write the ARM template that publishing PATH would make, and its parameters; offline.

    PATH/arm-template-parameters-definition.json says what becomes a parameter, as in the studio. Secrets become
    parameters without a value. Linked templates are written along, for a factory that is more than Resource Manager
    takes at once. What Data Factory would refuse is not written: it is shown, and the exit code is 1.
    """
    from toolkit.adf.export import definition_of
    from toolkit.adf.export import export as made
    from toolkit.adf.lint.engine import lint as find
    from toolkit.adf.lint.registry import select
    from toolkit.adf.lint.reports import Report, as_text
    from toolkit.files import disk_errors, write_atomically
    from toolkit.pipelines.reading import read_factory
    from toolkit.pipelines.templates import LINKED_FOLDER, LINKED_MASTER

    terminal = Terminal()
    factory = read_factory(path)
    rules = select(refused=True)
    if findings := [one for one in find(factory, rules) if one.rule.severity == "error"]:
        terminal.note(as_text(Report(factory, rules, findings)))
        return ExitCode.FAILED
    template = made(factory, definition_of(path if path.is_dir() else path.parent), factory_name)
    with disk_errors(f"cannot write to {output}"):
        files = template.files()
        for name, text in files.items():
            write_atomically(output / name, text, 0o644)
            terminal.print(str(output / name))
        for stale in set((output / LINKED_FOLDER).glob("ArmTemplate_*.json")) - {output / name for name in files}:
            stale.unlink()  # a part of an export that had more of them
    if why := template.needs_parts():
        terminal.note(f"{why}: deploy {output / LINKED_FOLDER / LINKED_MASTER}, from a container that has its folder")
    return ExitCode.DONE


def _factory(terminal: Terminal, path: Path | None, live: str | None) -> Factory:
    from toolkit.pipelines.reading import EXPECTED, read_factory

    if (path is None) == (live is None):
        raise UsageError("name either PATH or --live ENV", hint=EXPECTED)
    if path is not None:
        return read_factory(path)
    from toolkit.cli.adf_connection import connected_factory

    assert live is not None
    return connected_factory(live, terminal).definitions()


def _mend(terminal: Terminal, factory: Factory, rules: list[Rule], path: Path | None) -> Factory:
    from toolkit.adf.lint.engine import lint as find
    from toolkit.adf.lint.engine import mend
    from toolkit.pipelines.reading import read_factory

    if path is None or factory.origin == "terraform":
        raise UsageError("--fix writes files of a repository", hint="what Terraform deploys is mended in its modules")
    mended: list[Finding] = mend(find(factory, rules))
    for one in mended:
        terminal.note(f"mended {one.file}:{one.line} [{one.rule.id}] {one.what}")
    return read_factory(path) if mended else factory


def _report(
    terminal: Terminal,
    factory: Factory,
    rules: list[Rule],
    format_: str,
    fail_on: str,
    published: Factory | None,
) -> int:
    from toolkit.adf.lint.engine import at_least
    from toolkit.adf.lint.engine import lint as find
    from toolkit.adf.lint.reports import FORMATS, Report

    findings = find(factory, rules, published)
    terminal.print(FORMATS[format_](Report(factory, rules, findings)))
    failed = at_least(findings, fail_on)  # type: ignore[arg-type]  # click has checked it
    return ExitCode.FAILED if failed else ExitCode.DONE


for _command in (run, runs, show, cancel, status):
    adf.add_command(_command)
