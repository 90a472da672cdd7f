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
@firewall_lease_options
@click.option("--refresh", is_flag=True, help="Read the state, even when the last apply here left its outputs.")
def outputs(env: str, format_: str, as_json: bool, refresh: bool) -> None:
    """Print the outputs of ENV: names, ids and endpoints of what apply made. Nothing in them is secret.

    \b
      eval "$(toolkit outputs local --format dotenv)"
      toolkit outputs prod --format github >> "$GITHUB_OUTPUT"
      toolkit outputs prod --format tfvars > platform.auto.tfvars.json
    """
    from toolkit.environment import load_environment
    from toolkit.terraform.outputs import FORMATS, Outputs, read_outputs

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
        rows = [
            [name, value if isinstance(value, str) else FORMATS["json"]({name: value})]
            for name, value in values.items()
        ]
        terminal.print_table(["output", "value"], rows)
        return
    terminal.print(FORMATS[format_](values).rstrip("\n"))
