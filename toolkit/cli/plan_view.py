"""How a plan is shown before it is agreed to: counts by module, then each change with its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.terraform.plan import PlanSummary
    from toolkit.terraform.values import ValueChange

# What takes something away comes first, what only adds comes last: a first apply has two hundred of those.
_ORDER = ("delete", "replace", "forget", "update", "import", "create")
_LISTED = 100
_VALUES = 30


def print_plan(terminal: Terminal, summary: PlanSummary, *, every: bool) -> None:
    """The summary as a table by module and action, then the changes with their values.

    Without ``every``, what is only created is left to the table, and so is a plan that deletes all.
    """
    from toolkit.terraform.plan import details

    rows = [
        [module, *(str(counts[action] or "") for action in summary.actions), str(sum(counts.values()))]
        for module, counts in summary.by_module()
    ]
    if rows:
        terminal.print_table(["module", *summary.actions, "all"], rows)
    changes = sorted(summary.changes, key=lambda change: _ORDER.index(change.action))
    counted = ("delete",) if summary.actions == ("delete",) else ("create",)
    listed = [change for change in changes if every or change.action not in counted]
    for change in listed[:_LISTED]:
        terminal.print(f"  {change.action:<8} {change.address}  {change.resource_type}", change.action)
        _lines(terminal, details(change))
    if len(listed) > _LISTED:
        terminal.print(f"  … and {len(listed) - _LISTED} more (--json and --markdown have all)")
    for output in summary.output_values if every else ():
        terminal.print(f"  output   {output.address}")
        _values(terminal, output.values)
    quiet = {one.address: one.values for one in summary.drifted}
    for address in summary.drift:
        terminal.print(f"  changed outside Terraform: {address}", "yellow")
        _values(terminal, quiet.get(address, ()))
    for step in summary.steps:
        terminal.print(f"  besides: {step}")


def _values(terminal: Terminal, values: Iterable[ValueChange]) -> None:
    _lines(terminal, [str(value) for value in values])


def _lines(terminal: Terminal, lines: list[str]) -> None:
    for line in lines[:_VALUES]:
        terminal.print(f"             {line}")
    if len(lines) > _VALUES:
        terminal.print(f"             … and {len(lines) - _VALUES} more values")
