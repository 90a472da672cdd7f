"""``toolkit evidence``: what runs found, whether that was edited since, and how two runs differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, ToolkitError

if TYPE_CHECKING:
    from toolkit.evidence import Evidence
    from toolkit.evidence.runs import Run
    from toolkit.evidence.signing import SigningKey

F = TypeVar("F", bound=Callable[..., Any])


def _place(function: F) -> F:
    return click.option(
        "--folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="The runs are in this folder, such as a job's artifacts. [default: those that this machine keeps of ENV]",
    )(function)


@click.group()
def evidence() -> None:
    """What runs of apply, smoke and destroy found: list, show, verify, diff.

    \b
    RUN is the name of a run or its beginning, `latest`, `previous`, or the path of a run's folder.
      toolkit evidence show prod
      toolkit evidence verify prod latest --key sign.pub
      toolkit evidence diff prod previous latest
    """


@evidence.command(name="list")
@environment_argument
@_place
@json_option
def list_(env: str, folder: Path | None, as_json: bool) -> None:
    """The runs of ENV, the oldest first."""
    from toolkit.evidence.runs import runs

    terminal, there = Terminal(), runs(_folder(env, folder))
    if as_json:
        terminal.print_json([run.document() for run in there])
        return
    if not there:
        terminal.print(f"There is no evidence of {env}: toolkit apply and toolkit smoke leave it.")
        return
    columns = ["run", "verdict", "passed", "failed", "skipped", "applied", "seal"]
    terminal.print_table(columns, [_row(run) for run in there])


@evidence.command()
@environment_argument
@click.argument("run", default="latest")
@_place
@json_option
def show(env: str, run: str, folder: Path | None, as_json: bool) -> None:
    """What a run of ENV found (the latest by default)."""
    from toolkit.evidence.runs import find

    terminal, found = Terminal(), find(_folder(env, folder), run)
    if as_json:
        terminal.print_json({**found.document(), "report": found.report})
        return
    terminal.print(f"{found.name}: {found.verdict}")
    for name, value in found.report.items():
        if isinstance(value, str):
            terminal.print(f"  {name}: {value}")
    if found.checks:
        terminal.print_table(
            ["check", "outcome", "time", "what was found"],
            [[c["id"], c["outcome"], f"{c['duration_seconds']:.1f} s", c["reason"]] for c in found.checks.values()],
        )
    terminal.print(f"files: {', '.join(sorted(path.name for path in found.folder.iterdir()))}")
    terminal.print(f"folder: {found.folder}")


@evidence.command()
@environment_argument
@click.argument("run", default="latest")
@click.option("--key", metavar="FILE", help="The signer's public key, in PEM (env:NAME: in that variable).")
@_place
@json_option
def verify(env: str, run: str, key: str | None, folder: Path | None, as_json: bool) -> None:
    """See that nobody edited a run's evidence since, and with --key who signed it. Asks nobody: it works offline.

    Exits 0 when the seal holds, 1 when it does not.
    """
    from toolkit.evidence.runs import find
    from toolkit.evidence.seal import verify as verify_seal
    from toolkit.evidence.signing import verifying_key

    terminal = Terminal()
    public = verifying_key(key) if key else None
    found = find(_folder(env, folder), run)
    try:
        verified = verify_seal(found.folder, public)
    except ToolkitError as error:
        if as_json:
            terminal.print_json({**found.document(), "holds": False, "reason": error.message})
        raise
    if as_json:
        document = {**found.document(), "holds": True, "files": verified.files, "attested": verified.attested}
        terminal.print_json({**document, "signed_by": verified.signed_by, "verified_with": verified.verified_with})
    else:
        terminal.print(f"{found.name}: {verified.words}.")


@evidence.command()
@environment_argument
@click.argument("before", default="previous")
@click.argument("after", default="latest")
@_place
@json_option
def diff(env: str, before: str, after: str, folder: Path | None, as_json: bool) -> int:
    """What differs between two runs of ENV: verdict, circumstances, checks that ended otherwise, times.

    Exits 0 when nothing differs, 2 when something does.
    """
    from dataclasses import asdict

    from toolkit.evidence.runs import differences, find

    terminal, place = Terminal(), _folder(env, folder)
    old, new = find(place, before), find(place, after)
    found = differences(old, new)
    if as_json:
        terminal.print_json({"before": old.name, "after": new.name, "differences": [asdict(one) for one in found]})
    elif not found:
        terminal.print(f"Nothing differs between {old.name} and {new.name}.")
    else:
        rows = [[one.what, *("-" if v is None else str(v) for v in (one.before, one.after))] for one in found]
        terminal.print_table(["what", old.name, new.name], rows)
    return ExitCode.CHANGES if found else ExitCode.DONE


def finish(evidence: Evidence, key: SigningKey | None = None) -> None:
    """What every command that leaves evidence ends with: the seal, and the summary on the page of the job's run."""
    from toolkit.ci.summary import show_summary

    evidence.seal(key)
    words = evidence.folder / "smoke.md"
    if words.is_file():
        show_summary(words, os.environ, sys.stderr)


def _folder(env: str, folder: Path | None) -> Path:
    """The environment's data is read where its folder is not named: an auditor's copy needs no checkout."""
    if folder is not None:
        return folder
    from toolkit.environment import load_environment

    return load_environment(env).evidence_dir


def _row(run: Run) -> list[str]:
    document = run.document()
    summary = document["summary"] or {}
    seal = "signed" if document["signed"] else "sealed" if document["sealed"] else "none"
    counts = [str(summary.get(name, "-")) for name in ("passed", "failed", "skipped")]
    return [run.name, run.verdict, *counts, "yes" if document["applied"] else "no", seal]
