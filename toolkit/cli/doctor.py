"""``toolkit doctor``: what stands on this machine, before anything is touched."""

from __future__ import annotations

import dataclasses

import click

from toolkit.cli.options import json_option
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, UsageError


@click.command()
@click.option("--toolchain", is_flag=True, help="Check terraform, azapi, node, Azurite and go on this machine.")
@click.option("--imports", is_flag=True, help="Import what the commands import, and explain what does not go together.")
@click.option("--install", is_flag=True, help="Install what is missing, as `apply` would.")
@json_option
def doctor(toolchain: bool, imports: bool, install: bool, as_json: bool) -> int:
    """Check this machine's tools: what was found, where, which version, and why that one.

    Changes nothing without --install. Exits 1 when a tool that you named does not do, or packages do not go together.
    """
    if toolchain == imports:
        raise UsageError("say what to check", hint="toolkit doctor --toolchain, or toolkit doctor --imports")
    terminal = Terminal()
    return _imports(terminal, as_json) if imports else _toolchain(terminal, install, as_json)


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
