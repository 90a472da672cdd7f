"""Whether a run of the smoke tests lets its command exit 0, and the option that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from toolkit.checks.model import RunResult
    from toolkit.cli.terminal import Terminal

F = TypeVar("F", bound=Callable[..., Any])


def strict_option(function: F) -> F:
    return click.option(
        "--strict/--allow-warnings",
        default=None,
        help="Exit 1 for a failed warning, too, or only for what is fatal. [default: strict, unless "
        "smoke.allow_warnings in env.toml says otherwise]",
    )(function)


def proven(terminal: Terminal, result: RunResult, allowed: bool) -> bool:
    """Whether a run lets its command exit 0; where only a failed warning stands against it, a line says so."""
    if result.green and not result.holds(allow_warnings=allowed):
        names = ", ".join(one.check.id for one in result.failed_warnings)
        terminal.note(f"failed with {names}: mend it, or say --allow-warnings (smoke.allow_warnings in env.toml)")
    return result.holds(allow_warnings=allowed)
