"""``toolkit env``: what environments there are, and what their data says."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from toolkit.cli.engine import switch_engine
from toolkit.cli.options import json_option
from toolkit.cli.terminal import Terminal
from toolkit.environment import Environment, environment_names, load_environment
from toolkit.errors import UsageError
from toolkit.project import find_project


@click.group()
def env() -> None:
    """List, show and validate environments (the folders of envs/)."""


env.add_command(switch_engine)


@env.command("list")
@click.option(
    "--affected",
    "since",
    is_flag=False,
    flag_value="",
    metavar="[BASE]",
    help="Only those that the files affect which differ, by git, from where this branch left BASE.",
)
@click.option("--sandbox", "rehearsals", is_flag=True, help="Each as its rehearsal, NAME@sandbox.")
@json_option
def list_(since: str | None, rehearsals: bool, as_json: bool) -> None:
    """Every environment, with its target, region and subscription.

    With --json it is the input of a CI matrix: `name` is what commands take, and those of `wave` 0 come before those
    of wave 1, which depend on them.
    """
    from toolkit.fleet.affected import changes_since
    from toolkit.fleet.selection import select, waves

    terminal = Terminal()
    project = find_project()
    changes = changes_since(project, since) if since is not None else None
    environments = select(project, (), every=True, rehearsals=rehearsals, changes=changes).chosen
    if as_json:
        order = waves(environments)
        terminal.print_json([{**_facts(one), "wave": order[one.name]} for one in environments])
        return
    terminal.print_table(
        ["environment", "target", "location", "subscription", "protected"],
        [[e.name, e.target, e.location, e.subscription_id, "yes" if e.protected else "no"] for e in environments],
    )


@env.command()
@click.argument("environment")
@json_option
def show(environment: str, as_json: bool) -> None:
    """What one environment's env.toml says, defaults included."""
    terminal = Terminal()
    facts = _facts(load_environment(environment))
    if as_json:
        terminal.print_json(facts)
        return
    terminal.print_table(["key", "value"], [[key, _words(value)] for key, value in facts.items()])


@env.command()
@click.argument("environments", nargs=-1)
@json_option
def validate(environments: tuple[str, ...], as_json: bool) -> None:
    """Check the files of ENVIRONMENTS (of all, when none is named). Exits 3 when one is wrong, and says where.

    Everything that the data alone decides is checked: keys at every depth, names, states. Nothing is asked of Azure.
    """
    from toolkit.terraform.data import check_data

    terminal = Terminal()
    project = find_project()
    results: dict[str, str | None] = {}
    for name in environments or environment_names(project):
        try:
            check_data(load_environment(name, project))
            results[name] = None
        except UsageError as error:
            results[name] = error.message
    if as_json:
        terminal.print_json([{"environment": n, "valid": m is None, "problem": m} for n, m in results.items()])
    else:
        for name, problem in results.items():
            terminal.print(f"{name}: {problem or 'valid'}")
    wrong = [name for name, problem in results.items() if problem]
    if wrong:
        raise UsageError(f"{len(wrong)} of {len(results)} environments are wrong: {', '.join(wrong)}")


@env.command()
@click.argument("a")
@click.argument("b")
@click.option("--all", "everything", is_flag=True, help="Show the keys that are the same, too.")
@json_option
def diff(a: str, b: str, everything: bool, as_json: bool) -> None:
    """How the environments A and B differ: every key of env.toml and terraform.tfvars with two values.

    Of a key that is not given: `off` (its feature is null), `default (…)` as terraform/ declares it, else `not set`.

    \b
      toolkit env diff dev prod
      toolkit env diff prod prod@sandbox     what a rehearsal replaces
    """
    from toolkit.environment.diff import MISSING, NOT_SET, Row, compare, unset
    from toolkit.environment.file import FILE_NAME

    terminal = Terminal()
    project = find_project()
    first, second = load_environment(a, project), load_environment(b, project)
    rows = [row for row in compare(first, second) if everything or row.differs]
    instead = {a: unset(first), b: unset(second)}

    def cell(row: Row, name: str, value: Any) -> str:
        if value is NOT_SET:
            return instead[name](row.key)
        if value is None and row.file == FILE_NAME:
            return MISSING
        return _value(value)

    if as_json:
        document = []
        for row in rows:
            sides = ((a, row.a), (b, row.b))
            values = {name: value for name, value in sides if value is not NOT_SET}
            left_out = {name: instead[name](row.key) for name, value in sides if value is NOT_SET}
            one = {"file": row.file, "key": row.key, "values": values}
            document.append({**one, "unset": left_out} if left_out else one)
        terminal.print_json(document)
    elif rows:
        terminal.print_table(["key", a, b], [[row.key, cell(row, a, row.a), cell(row, b, row.b)] for row in rows])
    else:
        terminal.print(f"{a} and {b} do not differ")


def _value(value: Any) -> str:
    """A value that is given: null turns a feature off, and an empty list or map is not the same as that."""
    if value is None or value is False:
        return "off"
    if value is True:
        return "on"
    return "empty" if value in ([], {}, ()) else _words(value)


def _facts(environment: Environment) -> dict[str, Any]:
    facts = dataclasses.asdict(environment)
    facts["project"] = str(environment.project.root)
    if environment.provider_mirror:
        facts["provider_mirror"] = str(environment.provider_mirror)
    return facts


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
