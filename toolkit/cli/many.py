"""What ``plan``, ``apply``, ``smoke`` and ``drift`` share: one environment as ever, or many at once (toolkit/fleet)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from toolkit.cli.options import complete_environment

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULT_PARALLEL = 4
_OURS = ("every", "since", "rehearsals", "parallel", "fail_fast")


def environments(*, ordered: bool) -> Callable[[F], F]:
    """The environments of a command whose function takes one, as ``env``; use it with ``cls=ManyCommand`` (words.py).

    ``ordered``: what comes first in ``depends_on`` is done first. A command that changes nothing need not wait.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def command(*args: Any, envs: tuple[str, ...], reports: tuple[Path, ...], **options: Any) -> int | None:
            from toolkit.fleet.report import check_format

            for path in reports:
                check_format(path)
            ours = {name: options.pop(name) for name in _OURS}
            many = len(set(envs)) > 1 or ours["every"] or ours["since"] is not None
            if not many:
                _refuse_without(envs)
                name = _rehearsed(envs[0]) if ours["rehearsals"] else envs[0]
                return _one(function, name, reports, options)
            from toolkit.cli.many_run import run

            return run(click.get_current_context(), envs, ours, reports, options, ordered=ordered)

        return _with_options(command)  # type: ignore[return-value]

    return decorate


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for decorator in (
        click.option(
            "--report",
            "reports",
            multiple=True,
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write how each environment ended: .json and .csv as Terragrunt's run report, .xml as JUnit, .md as "
            "Markdown. May be given more than once; `toolkit report merge` joins those of several jobs.",
        ),
        click.option(
            "--fail-fast",
            is_flag=True,
            help="Of many: begin nothing more after a failure. Without it only what depends on the failed one is left.",
        ),
        click.option(
            "--parallel",
            type=click.IntRange(1, 64),
            default=_DEFAULT_PARALLEL,
            show_default=True,
            metavar="N",
            help="Of many: how many at a time.",
        ),
        click.option(
            "--sandbox",
            "rehearsals",
            is_flag=True,
            help="Each as its rehearsal, NAME@sandbox: nothing of Azure is met.",
        ),
        click.option(
            "--affected",
            "since",
            is_flag=False,
            flag_value="",
            metavar="[BASE]",
            help="Only those that the files affect which differ, by git, from where this branch left BASE (the pull "
            "request's target, or the main branch).",
        ),
        click.option("--all", "every", is_flag=True, help="Every environment of envs/."),
        click.argument("envs", nargs=-1, metavar="ENV...", shell_complete=complete_environment),
    ):
        command = decorator(command)
    return command


def _refuse_without(envs: Sequence[str]) -> None:
    if not envs:
        raise click.UsageError("Missing argument 'ENV'. Name an environment, or --all.")


def _rehearsed(name: str) -> str:
    from toolkit.environment import REHEARSAL_SUFFIX

    return name if name.endswith(REHEARSAL_SUFFIX) else name + REHEARSAL_SUFFIX


def _one(function: Callable[..., Any], env: str, reports: Sequence[Path], options: dict[str, Any]) -> int | None:
    """As ever; with ``--report``, how it ended is written down whatever it ends with: a job of a CI matrix has one."""
    if not reports:
        result: int | None = function(env=env, **options)
        return result
    from toolkit.cli.many_run import reported

    return reported(function, env, reports, options)
