"""``toolkit env``: what environments there are, and what their data says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.engine import switch_engine
from toolkit.cli.options import json_option, yes_option
from toolkit.cli.terminal import Terminal
from toolkit.environment import Environment, environment_names, load_environment
from toolkit.errors import RefusedError, UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    from toolkit.environment.diff import Row


@click.group()
def env() -> None:
    """Make, list, show, compare and validate environments (the folders of envs/)."""


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
@click.argument("name")
@click.option("--from", "source", metavar="ENV", help="Whose data it begins with. [default: dev, or the only one]")
@click.option("--tenant", metavar="GUID", help="[default: that of --from]")
@click.option("--subscription", metavar="GUID", help="[default: that of --from]")
@click.option("--location", metavar="REGION", help="[default: that of --from]")
@click.option("--address-space", metavar="CIDR", help="Of its network. [default: the next that no environment uses]")
@yes_option
@json_option
def new(
    name: str,
    source: str | None,
    tenant: str | None,
    subscription: str | None,
    location: str | None,
    address_space: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Make the environment NAME: write envs/NAME from another environment's data.

    On a terminal it asks for what is not given (--yes: it takes the defaults); elsewhere flags and defaults say it.
    The names of the state's group and account are computed, and what is written passes `toolkit env validate`, or
    nothing is written.

    \b
      toolkit env new qa --from dev --subscription 00000000-0000-4000-8000-000000000001
      toolkit apply qa@sandbox     rehearse it
    """
    from toolkit.environment import addresses
    from toolkit.terraform.new_environment import Wanted, check_name, make_environment

    terminal, project = Terminal(), find_project()
    check_name(name, project)
    begin = load_environment(source or _usual_source(project), project)
    used = addresses.used_ranges(project)
    there = addresses.address_space(begin)
    if there is None and address_space:
        raise UsageError(
            f"--address-space has no effect: the network of {begin.data_name} is somebody else's (network.existing)",
            hint="leave it out",
        )
    free = str(addresses.free_range(there, used)) if there is not None and not address_space else None

    def value(question: str, given: str | None, usual: str) -> str:
        if given:
            return given
        asked = None if yes or as_json else terminal.ask(f"{question} [{usual}]:")
        return asked or usual

    wanted = Wanted(
        name,
        value("Tenant", tenant, begin.tenant_id),
        value("Subscription", subscription, begin.subscription_id),
        value("Region", location, begin.location),
        addresses.parse_range(value("Address space", address_space, free or ""), used) if there is not None else None,
    )
    files = [path.relative_to(project.root).as_posix() for path in make_environment(begin, wanted)]
    steps = [
        f"toolkit env diff {begin.data_name} {name}",
        f"toolkit apply {name}{'@sandbox' if begin.exists_outside else ''}",
    ]
    if begin.exists_outside:
        steps.append(f"toolkit bootstrap {name}")
    if as_json:
        facts = {"environment": name, "from": begin.data_name, "files": files, "next": steps}
        terminal.print_json({**facts, "address_space": str(wanted.addresses) if wanted.addresses else None})
        return
    terminal.print(f"Made: {name}, from {begin.data_name}.")
    for file in files:
        terminal.print(f"  {file}")
    if wanted.addresses:
        terminal.print(f"  its network is {wanted.addresses}")
    terminal.note(
        f"what is {begin.data_name}'s in envs/{name}/env.toml and terraform.tfvars stays so: operator, repository, "
        "addresses of who reaches the state, e-mail addresses, sizes"
    )
    terminal.print("Next: " + "; ".join(steps))


@env.command()
@click.argument("name")
@click.argument("new_name")
def rename(name: str, new_name: str) -> None:
    """Refused: an environment cannot be renamed. Says why, and what to do instead."""
    found = load_environment(name)
    raise RefusedError(
        f"{found.data_name} cannot be renamed to {new_name}: its name is part of the name of every resource, which "
        "Azure cannot change, and of the subjects that its identities trust; a renamed folder would make a second "
        "platform beside the first, with an empty state",
        hint=f"toolkit env new {new_name} --from {found.data_name}, apply it, move the data, then "
        f"toolkit destroy {found.data_name}",
    )


def _usual_source(project: Project) -> str:
    names = environment_names(project)
    if "dev" in names:
        return "dev"
    if len(names) == 1:
        return names[0]
    raise UsageError(
        "there is no dev to begin with", hint=f"--from names the environment: {', '.join(names) or 'there is none'}"
    )


@env.command()
@click.argument("environments", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All environments, which is meant when none is named.")
@json_option
def validate(environments: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Check the files of ENVIRONMENTS (of all, when none is named). Exits 3 when one is wrong, and says where.

    Everything that the data alone decides is checked: keys at every depth, names, states. Nothing is asked of Azure.
    """
    from toolkit.terraform.data import check_data

    if everything and environments:
        raise UsageError("--all and names do not go together", hint="leave one of them out")
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
    from toolkit.environment.diff import NOT_SET, compare, unset

    terminal = Terminal()
    project = find_project()
    first, second = load_environment(a, project), load_environment(b, project)
    rows = [row for row in compare(first, second) if everything or row.differs]
    instead = {a: unset(first), b: unset(second)}

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
        terminal.print_table(["key", a, b], cells(first, second, rows))
    else:
        terminal.print(f"{a} and {b} do not differ")


def cells(first: Environment, second: Environment, rows: Sequence[Row]) -> list[list[str]]:
    """Key, value in the first and value in the second, in words, of each row of their comparison."""
    from toolkit.environment.diff import MISSING, NOT_SET, unset
    from toolkit.environment.file import FILE_NAME

    instead = unset(first), unset(second)

    def cell(row: Row, side: int, value: Any) -> str:
        if value is NOT_SET:
            return instead[side](row.key)
        if value is None and row.file == FILE_NAME:
            return MISSING
        return _value(value)

    return [[row.key, cell(row, 0, row.a), cell(row, 1, row.b)] for row in rows]


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
