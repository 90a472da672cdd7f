"""A command's options in the words in which they were typed, and paths that are each environment's own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

PLACE = "{env}"  # in a path: the environment's name
STORED = "stored:"  # as toolkit/terraform/stored_plans.py has it
_RAW = "toolkit.raw"


class ManyCommand(click.Command):
    """Remembers what was typed: a child process gets its options in the same words."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_RAW] = list(args)
        return super().parse_args(ctx, args)


class EachPath(click.Path):
    """A path that may hold ``{env}``: then it is each environment's own, and its command looks whether it is there."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and PLACE in value:
            return Path(value)
        return super().convert(value, param, ctx)


class HandedOver(EachPath):
    """A plan's folder, or ``stored:ID``, which stays the text that it is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.startswith(STORED):
            return value
        return super().convert(value, param, ctx)


def typed(ctx: click.Context, without: Collection[str]) -> list[tuple[str, ...]]:
    """Each option that was typed, with its value, in the order of ``--help``; ``without`` those parameters."""
    given, _, _ = ctx.command.make_parser(ctx).parse_args(args=list(ctx.meta[_RAW]))
    words: list[tuple[str, ...]] = []
    for param in ctx.command.params:
        if not isinstance(param, click.Option) or param.name in without or param.name not in given:
            continue
        value = given[param.name]
        long = max(param.opts, key=len)
        if param.is_flag:
            words.append((long if value else param.secondary_opts[0],))
        else:
            words += [(long, str(one)) for one in (value if param.multiple else [value])]
    return words


def each_path_options(command: click.Command) -> set[str]:
    """The options, by their long names, whose value is a path of one environment."""
    return {max(param.opts, key=len) for param in command.params if isinstance(param.type, EachPath)}
