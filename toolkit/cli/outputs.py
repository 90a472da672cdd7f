"""``toolkit outputs``: what later pipelines need to know about the platform."""

from __future__ import annotations

import click

from toolkit.cli.leased import STATE, firewall_lease_options, own_lease, platform_outputs
from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal

# The keys of toolkit.terraform.outputs.FORMATS, which costs an import that --help should not pay for.
_FORMATS = ("table", "json", "dotenv", "github", "azure-devops", "tfvars")


@click.command()
@environment_argument
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), default="table", show_default=True, help="How to print."
)
@json_option
@click.option(
    "--all", "everything", is_flag=True, help="Also what is no single value: maps and lists, a line for each of theirs."
)
@click.option("--prefix", default="PLATFORM_", show_default=True, help="dotenv: what each name begins with.")
@click.option(
    "--export/--no-export", default=True, show_default=True, help="dotenv: for a shell, or for a plain .env file."
)
@firewall_lease_options
@click.option("--refresh", is_flag=True, help="Read the state, even when the last apply here left its outputs.")
def outputs(env: str, format_: str, as_json: bool, everything: bool, prefix: str, export: bool, refresh: bool) -> None:
    """Print the outputs of ENV: names, ids and endpoints of what apply made. Nothing in them is secret.

    The table has the single values, each on one line however long; --all and the other formats have everything.

    \b
      eval "$(toolkit outputs local --format dotenv)"
      toolkit outputs prod --format github >> "$GITHUB_OUTPUT"
      toolkit outputs prod --format tfvars > platform.auto.tfvars.json
    """
    from toolkit.environment import load_environment
    from toolkit.terraform.outputs import FORMATS, Outputs, as_dotenv, read_outputs, single_values

    terminal = Terminal()
    environment = load_environment(env)
    lease = own_lease(terminal, environment, *([STATE] if refresh else []))
    if refresh:
        values: Outputs = read_outputs(environment, TerminalObserver(terminal))
    else:
        values = platform_outputs(terminal, environment, lease)
    if as_json:
        format_ = "json"
    if format_ == "table":
        shown = single_values(values, everything=everything)
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            terminal.print(f"{name:<{width}}  {value}")
        left = len(values) - sum(name in shown for name in values)
        if left and not everything:
            terminal.note(f"and {left} maps: --all, or --json")
    elif format_ == "dotenv":
        terminal.print(as_dotenv(values, prefix, export=export).rstrip("\n"))
    else:
        terminal.print(FORMATS[format_](values).rstrip("\n"))
