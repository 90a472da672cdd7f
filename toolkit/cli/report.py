"""``toolkit report``: the reports of several jobs as one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from toolkit.cli.options import json_option
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, UsageError


@click.group()
def report() -> None:
    """The reports that `plan`, `apply`, `smoke` and `drift` write with --report."""


@report.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the merged report: .json, .csv, .xml (JUnit) or .md. May be given more than once.",
)
@click.option(
    "--expected",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What `toolkit env list --json` printed for the matrix: an environment of it without a report has failed.",
)
@json_option
def merge(files: tuple[Path, ...], reports: tuple[Path, ...], expected: Path | None, as_json: bool) -> int:
    """Join the reports of a CI matrix, FILE... (.json or .csv), one of each job.

    \b
    Exits 0 when every environment succeeded or was left out, 1 when one did not, 3 for a file that is no report.
      toolkit report merge reports/*.json --expected environments.json --report all.md --report all.xml
    """
    from toolkit.fleet.report import check_format, missing, read, summary, write
    from toolkit.fleet.report import merge as merged

    for path in reports:
        check_format(path)
    terminal = Terminal()
    names = _names(expected) if expected else []
    runs, left_out = merged(read(path) for path in files)
    runs = sorted([*runs, *missing(runs, names)], key=lambda one: (one.name, one.cmd))
    for path in reports:
        write(path, runs)
    for line in left_out:
        terminal.note(f"not counted: {line}")
    if as_json:
        terminal.print_json([run.as_json() for run in runs])
    else:
        terminal.print_table(
            ["environment", "command", "result", "time", "why"],
            [[one.name, one.cmd, one.result, f"{one.seconds:.0f} s", _first(one.cause)] for one in runs],
        )
        terminal.print(summary(runs))
    return ExitCode.FAILED if any(run.lost for run in runs) else ExitCode.DONE


def _first(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _names(path: Path) -> list[str]:
    hint = "toolkit env list --json prints what is expected here"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--expected {path}: {error}", hint=hint) from None
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries] if entries else []
    if not isinstance(entries, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"--expected {path}: a list of environments is expected", hint=hint)
    return [str(name) for name in names]
