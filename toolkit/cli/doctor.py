"""``toolkit doctor``: whether an environment can work, or what stands on this machine, before anything is touched."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from toolkit.cli.options import complete_environment, json_option
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, UsageError
from toolkit.processes import terminating_like_an_interrupt

if TYPE_CHECKING:
    from toolkit.checks.model import Check, RunResult
    from toolkit.doctor.context import Context
    from toolkit.environment import Connection


@click.command()
@click.argument("env", metavar="[ENV]", required=False, shell_complete=complete_environment)
@click.option(
    "--only",
    multiple=True,
    metavar="WHAT",
    help="Only what this is about: an id, a pattern of ids (quota-*), a category, fatal or warning (again for more). "
    "What a check depends on runs before it.",
)
@click.option("--skip", multiple=True, metavar="WHAT", help="Leave out what this is about, as --only (again for more).")
@click.option("--list", "only_list", is_flag=True, help="Show the checks, and run nothing.")
@click.option("--explain", "explained", metavar="ID", help="Say what this check proves, how it fails and the way out.")
@click.option("--fix", "fixing", is_flag=True, help="Mend what is safe to mend: register resource providers.")
@click.option(
    "--purge",
    "purged",
    multiple=True,
    metavar="NAME",
    help="Purge this deleted key vault, for good, so that its name is free (again for more).",
)
@click.option("--strict", is_flag=True, help="Exit 1 for a failed warning, too.")
@click.option("--toolchain", is_flag=True, help="Without ENV: terraform, azapi, node, Azurite and go on this machine.")
@click.option("--imports", is_flag=True, help="Without ENV: import what the commands import, and explain what fails.")
@click.option("--install", is_flag=True, help="With --toolchain: install what is missing, as `apply` would.")
@json_option
def doctor(
    env: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    only_list: bool,
    explained: str | None,
    fixing: bool,
    purged: tuple[str, ...],
    strict: bool,
    toolchain: bool,
    imports: bool,
    install: bool,
    as_json: bool,
) -> int:
    """Say whether ENV can be applied, before anything is touched, and what to do where it cannot.

    Tools and packages, the credential that acts and its token, subscription, resource providers, permissions for every
    action of the plan, quotas, names, regions, addresses, policies and more, in parallel. It works for an environment
    that was never applied, and writes nothing without --fix or --purge. A check that this identity may not make, or
    that the data leaves out, is a SKIP with its reason.

    Exits 0 when nothing fatal failed, 1 otherwise. docs/doctor.md explains every check.
    """
    terminal = Terminal()
    if env is None:
        if only or skip or fixing or purged or strict or only_list or explained:
            raise UsageError("say which environment", hint="toolkit doctor ENV; toolkit env list shows them")
        if toolchain == imports:
            raise UsageError(
                "say what to check",
                hint="toolkit doctor ENV for an environment; of this machine alone toolkit doctor --toolchain, or "
                "toolkit doctor --imports",
            )
        if install and imports:
            raise UsageError("--install goes with --toolchain only", hint="toolkit doctor --toolchain --install")
        return _imports(terminal, as_json) if imports else _toolchain(terminal, install, as_json)
    if toolchain or imports or install:
        raise UsageError(
            "--toolchain, --imports and --install are about this machine, and take no ENV",
            hint=f"toolkit doctor {env} --only tools; or the same without {env}",
        )
    return _environment(terminal, env, only, skip, only_list, explained, fixing, purged, strict, as_json)


def _environment(
    terminal: Terminal,
    env: str,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    only_list: bool,
    explained: str | None,
    fixing: bool,
    purged: tuple[str, ...],
    strict: bool,
    as_json: bool,
) -> int:
    from toolkit.checks.report import as_document
    from toolkit.cli.checks import explain_check, list_checks, show_results
    from toolkit.doctor.fixes import FIXES, fixable, purge_vault
    from toolkit.doctor.registry import REGISTRY
    from toolkit.environment import connect, load_environment

    environment = load_environment(env)
    if explained is not None:
        explain_check(terminal, REGISTRY.check_of(explained), environment.project.root / "docs" / "doctor.md", as_json)
        return ExitCode.DONE
    checks = REGISTRY.select(only=only, skip=skip)
    if only_list:
        list_checks(terminal, checks, as_json)
        return ExitCode.DONE
    connection = connect(environment, terminal.progress, refuse_conflicts=False)
    for name in purged:
        purge_vault(connection, name, terminal.progress)
    result = _examine(connection, checks, terminal)
    if fixing and (broken := fixable(result.results)):
        for one in broken:
            FIXES[one.check.id](connection, one, terminal.progress)
        result = _examine(connection, checks, terminal)
    if as_json:
        terminal.print_json(as_document(result))
    else:
        show_results(terminal, result)
    if acts := result.circumstances.get("acts as"):
        terminal.progress(f"doctor: acted as {acts}, whose token ends at {result.circumstances['token until']}")
    terminal.progress(f"doctor: {result.summary}, in {result.duration:.1f} s", "green" if result.green else "bold red")
    failed = any(one.outcome == "FAIL" for one in result.results)
    return ExitCode.DONE if result.green and not (strict and failed) else ExitCode.FAILED


def _examine(connection: Connection, checks: Sequence[Check[Context]], terminal: Terminal) -> RunResult:
    from toolkit.cli.checks import CheckProgress, show_results
    from toolkit.doctor.run import DoctorInterrupted, examine

    terminal.progress(f"doctor: {len(checks)} checks on {connection.environment.name}")
    try:
        with terminating_like_an_interrupt():
            return examine(connection, checks, observer=CheckProgress(terminal))
    except DoctorInterrupted as ended:
        show_results(terminal, ended.result)
        raise


def _imports(terminal: Terminal, as_json: bool) -> int:
    from toolkit.azure.imports import import_report

    found = import_report()
    if as_json:
        terminal.print_json([dataclasses.asdict(one) for one in found])
    else:
        rows = [[one.module, one.state, one.version or "-", one.why] for one in found]
        terminal.print_table(["module", "state", "version", "why"], rows)
    return ExitCode.FAILED if any(one.state == "wrong" for one in found) else ExitCode.DONE


def _toolchain(terminal: Terminal, install: bool, as_json: bool) -> int:
    from toolkit.toolchain.report import toolchain_report

    findings = toolchain_report(install=install, progress=terminal.progress)
    if as_json:
        terminal.print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        terminal.print_table(
            ["tool", "state", "version", "where", "why"],
            [[f.tool, f.state, f.version or "-", f.where or "-", f.why] for f in findings],
        )
        for finding in findings:
            for sentence in finding.refused:
                terminal.print(f"refused: {sentence}")
    return ExitCode.FAILED if any(finding.state == "wrong" for finding in findings) else ExitCode.DONE
