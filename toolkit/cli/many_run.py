"""A command on many environments at once, as a person sees it; and the report of a command on one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.ci_log import annotate, summarise_job
from toolkit.cli.terminal import Terminal
from toolkit.cli.words import PLACE, each_path_options, typed
from toolkit.errors import ExitCode, RefusedError, ToolkitError, UsageError
from toolkit.fleet import report
from toolkit.fleet.affected import changes_since
from toolkit.fleet.report import Run
from toolkit.fleet.running import Child, Job, as_run, exit_code, new_folder, run_all
from toolkit.fleet.selection import Selection, select
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    from toolkit.environment import Environment

# What is for all together, and what each is asked anyway.
_NOT_PASSED_ON = ("every", "since", "rehearsals", "parallel", "fail_fast", "reports", "as_json")
# Counted in what a command answers, in the order in which they are said.
_COUNTED = ("create", "update", "replace", "delete", "import", "forget")


def run(
    ctx: click.Context,
    names: Sequence[str],
    ours: dict[str, Any],
    reports: Sequence[Path],
    options: dict[str, Any],
    *,
    ordered: bool,
) -> int:
    """Run ``ctx``'s command on the environments that were asked for. The answer is the exit code of all together."""
    command = str(ctx.info_name)
    terminal, project = Terminal(), find_project()
    if ours["every"] and names:
        raise UsageError(f"--all goes with no name: {' '.join(names)}", hint="name environments, or say --all")
    changes = changes_since(project, ours["since"]) if ours["since"] is not None else None
    every = ours["every"] or not names
    chosen = select(project, names, every=every, rehearsals=ours["rehearsals"], changes=changes)
    words = typed(ctx, _NOT_PASSED_ON)
    _check(command, chosen, words, options)
    now = datetime.now(UTC)
    excluded = [
        Run(name, now, now, "excluded", "exclude block", why, _ref(project), command)
        for name, why in chosen.left_out.items()
    ]
    if not chosen.chosen:
        base = f": nothing that differs from {changes.base} affects one" if changes else ""
        _write(terminal, reports, excluded)
        if options.get("as_json"):
            terminal.print_json({"command": command, "environments": [], "report": [r.as_json() for r in excluded]})
        else:
            terminal.print(f"No environment to {command}{base}.")
        return ExitCode.DONE
    _make_ready(terminal, project, chosen)
    folder = new_folder(project, command)
    jobs = [_job(command, environment, words, chosen, ordered) for environment in chosen.chosen]
    watcher = _Watcher(terminal, command)
    with terminal.redrawn(watcher.drawing) if terminal.can_redraw else nullcontext():
        children, interrupted = run_all(
            project, jobs, folder, watcher, parallel=ours["parallel"], fail_fast=ours["fail_fast"]
        )
    shown = [word for pair in words for word in pair]
    ref = _ref(project)
    runs = [as_run(child, command, ref, shown, _why(child)) for child in children]
    everything = sorted([*runs, *excluded], key=lambda one: one.name)
    _write(terminal, [*reports, folder / "report.json"], everything)
    for line in runs:
        if line.result == "failed":
            annotate(ToolkitError(f"{command} {line.name}: {line.cause}"))
    summarise_job(report.as_markdown(everything), folder / "report.md")
    if options.get("as_json"):
        terminal.print_json(
            {
                "command": command,
                "environments": [_facts(child, line) for child, line in zip(children, runs, strict=True)],
                "report": [line.as_json() for line in everything],
            }
        )
    else:
        terminal.print_table(_COLUMNS, [_row(child) for child in children])
        for child, line in zip(children, runs, strict=True):
            if line.result == "failed":
                terminal.print(f"\n{child.job.name}: {line.cause}", "bold red")
                terminal.print(f"  log:  {child.log.relative_to(project.root)}")
        for name, why in chosen.left_out.items():
            terminal.note(f"left out: {name}, {why}")
        terminal.print(f"\n{command} of {report.summary(everything)} ({folder.relative_to(project.root)})")
    return exit_code(children, interrupted)


def reported(function: Callable[..., Any], env: str, reports: Sequence[Path], options: dict[str, Any]) -> int | None:
    """The command on one environment, and its line in a report however it ends."""
    ctx = click.get_current_context()
    command, started, cause, code = str(ctx.info_name), datetime.now(UTC), "", ExitCode.FAILED
    if any(PLACE in str(path) for path in reports):
        raise UsageError(f"{PLACE} stands for each of many environments, but a report is of all of them together")
    terminal = Terminal()
    try:
        answer = function(env=env, **options)
        code = ExitCode(int(answer or 0))
        return int(code)
    except ToolkitError as error:
        code, cause = error.exit_code, error.message + (f"\nhint: {error.hint}" if error.hint else "")
        raise
    except (KeyboardInterrupt, click.Abort):
        code, cause = ExitCode.INTERRUPTED, "interrupted"
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise
    finally:
        good = code in (ExitCode.DONE, ExitCode.CHANGES)
        words = tuple(word for pair in typed(ctx, _NOT_PASSED_ON) for word in pair)
        line = Run(
            env,
            started,
            datetime.now(UTC),
            "succeeded" if good else "failed",
            None if good else "run error",
            "" if good else cause or f"exit code {int(code)}: its own output says why",
            _ref(find_project()),
            command,
            words,
        )
        _write(terminal, reports, [line])


def _check(command: str, selection: Selection, words: list[tuple[str, ...]], options: dict[str, Any]) -> None:
    """What goes wrong for each of many is said before the first begins."""
    if len(selection.chosen) > 1:
        paths = each_path_options(click.get_current_context().command)
        for option, *value in words:
            if option in paths and PLACE not in value[0]:
                raise UsageError(
                    f"{option} {value[0]} would be each environment's",
                    hint=f"put {PLACE} into it, the environment's name: {option} {_with_place(value[0])}",
                )
        if options.get("force_unlock"):
            raise UsageError("--force-unlock is for the state of one environment", hint="name that one alone")
        for name in ("accept", "adopt", "revert"):
            if options.get(name):
                raise UsageError(f"--{name} is about a resource of one environment", hint="name that one alone")
    asking = [environment.name for environment in selection.chosen if environment.needs_confirmation]
    if command == "apply" and asking and not options.get("yes"):
        raise RefusedError(
            f"nothing was applied: many at once ask no questions, and {', '.join(asking)} "
            f"want{'s' if len(asking) == 1 else ''} an answer",
            hint=f"toolkit plan {' '.join(asking)} --out plans/{PLACE}, look at the plans, then "
            f"toolkit apply {' '.join(asking)} --plan plans/{PLACE} --yes",
        )


def _with_place(path: str) -> str:
    one = Path(path)
    return str(one.with_name(f"{PLACE}-{one.name}") if one.suffix else one / PLACE)


def _job(
    command: str, environment: Environment, words: list[tuple[str, ...]], selection: Selection, ordered: bool
) -> Job:
    filled = [word.replace(PLACE, environment.name) for pair in words for word in pair]
    after = selection.before(environment) if ordered else ()
    ours = (sys.executable, "-m", "toolkit")
    return Job(environment.name, (*ours, command, environment.name, *filled, "--json"), after)


def _make_ready(terminal: Terminal, project: Project, selection: Selection) -> None:
    """What all of them need is fetched and started once, before they would all wait for the first."""
    from toolkit.environment import connect
    from toolkit.toolchain.provider import resolve_provider
    from toolkit.toolchain.terraform import ensure_terraform

    terraform = ensure_terraform(progress=terminal.progress)
    local = [environment for environment in selection.chosen if not environment.exists_outside]
    for environment in local[:1]:
        resolve_provider(
            target_is_sandbox=True,
            mirror=environment.provider_mirror,
            terraform=terraform,
            progress=terminal.progress,
        )
        connect(environment, terminal.progress)


def _write(terminal: Terminal, paths: Sequence[Path], runs: Sequence[Run]) -> None:
    failed: ToolkitError | None = None
    for path in paths:
        try:
            report.write(path, runs)
        except ToolkitError as error:  # the others are written all the same
            failed = failed or error
    if failed is not None:
        if sys.exc_info()[0] is None:
            raise failed
        terminal.error(failed)


def _ref(project: Project) -> str:
    import subprocess

    try:
        done = subprocess.run(
            ["git", "-C", str(project.root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


# -- what is shown -----------------------------------------------------------------------------------------------------

_COLUMNS = ("environment", "state", "time", "what")
_STYLES = {"PASS": "green", "FAIL": "bold red", "SKIP": "yellow"}
_HEARTBEAT_SECONDS = 30.0  # where no table is alive


class _Watcher:
    """A line when an environment begins and ends; on a terminal the table between them is alive."""

    def __init__(self, terminal: Terminal, command: str) -> None:
        self._terminal = terminal
        self._command = command
        self._children: Sequence[Child] = ()
        self._heard = time.monotonic()

    def drawing(self, columns: int, lines: int) -> list[tuple[str, str]]:
        """Each environment in a line, what runs first; what does not fit into the terminal is counted."""
        order = {"runs": 0, "FAIL": 1, "waits": 2}
        rows = sorted((_row(child) for child in self._children), key=lambda row: order.get(row[1], 3))
        fit = max(1, lines - 3)
        shown, rest = (rows, 0) if len(rows) <= fit else (rows[: fit - 1], len(rows) - fit + 1)
        widths = [max((len(row[at]) for row in rows), default=0) for at in range(3)]
        drawn = [
            (
                "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]),
                _STYLES.get(row[1], ""),
            )
            for row in shown
        ]
        return [*drawn, (f"… and {rest} more", "")] if rest else drawn

    def looked(self, children: Sequence[Child]) -> None:
        self._children = children
        if time.monotonic() - self._heard > _HEARTBEAT_SECONDS and not self._terminal.can_redraw:
            self._heard = time.monotonic()
            for child in children:
                if child.running:
                    _, _, seconds, what = _row(child)
                    self._terminal.progress(f"{child.job.name}: still, after {seconds}: {what}")

    def started(self, child: Child) -> None:
        self._terminal.progress(f"{child.job.name}: {self._command} begins")

    def ended(self, child: Child) -> None:
        _, state, seconds, what = _row(child)
        self._terminal.progress(
            f"{child.job.name}: {state} after {seconds}: {what}", "green" if child.good else "bold red"
        )

    def note(self, text: str) -> None:
        self._terminal.note(text)


def _row(child: Child) -> list[str]:
    now = datetime.now(UTC)
    seconds = ((child.ended or now) - child.started).total_seconds() if child.started else 0.0
    if child.skipped is not None:
        reason, cause = child.skipped
        return [child.job.name, "SKIP", "", f"{cause} must come first" if reason == "ancestor error" else cause]
    if child.process is None:
        return [child.job.name, "waits", "", f"after {', '.join(child.job.after)}" if child.job.after else ""]
    if not child.done:
        return [child.job.name, "runs", f"{seconds:.0f} s", child.last_words[:100]]
    what = _said(child.document) if child.good else (_why(child) or child.error).splitlines()[0]
    return [child.job.name, "PASS" if child.good else "FAIL", f"{seconds:.0f} s", what]


def _said(document: dict[str, Any]) -> str:
    """What a command's answer comes to, in a few words."""
    words = []
    summary = document.get("summary")
    if isinstance(summary, dict) and _COUNTED[0] in summary:
        words.append(", ".join(f"{summary[one]} to {one}" for one in _COUNTED if summary.get(one)) or "no changes")
        if document.get("applied"):
            words[0] = f"applied: {words[0]}".replace(" to ", " ")
    if isinstance(drifts := document.get("drifts"), list):
        words.append(f"drift: {len(drifts)}" if drifts else "no drift")
    smoke = document.get("smoke") if "smoke" in document else document
    if isinstance(smoke, dict) and isinstance(counts := smoke.get("summary"), dict) and "passed" in counts:
        words.append(f"smoke: {counts['passed']} passed, {counts.get('failed', 0)} failed")
    return "; ".join(words)


def _why(child: Child) -> str:
    """Why a command failed whose answer was complete: the checks that are red."""
    document = child.document
    smoke = document.get("smoke") or document
    checks = smoke.get("checks", []) if isinstance(smoke, dict) else []
    red = [check["id"] for check in checks if isinstance(check, dict) and check.get("red")]
    return f"{len(red)} checks are red: {', '.join(red)}" if red else ""


def _facts(child: Child, line: Run) -> dict[str, Any]:
    return {
        "environment": child.job.name,
        "result": line.result,
        "reason": line.reason,
        "cause": line.cause or None,
        "exit_code": child.exit_code,
        "seconds": round(line.seconds, 3),
        "log": str(child.log),
        "answer": child.document or None,
    }
