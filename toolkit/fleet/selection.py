"""Which environments a command is for, and which of them come before which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from toolkit.environment import REHEARSAL_SUFFIX, Environment, environment_names, load_environment
from toolkit.errors import UsageError
from toolkit.fleet.affected import Changes, affected
from toolkit.project import Project


@dataclass(frozen=True, slots=True)
class Selection:
    """``chosen`` in an order in which what comes first stands first; ``left_out`` with the reason, by name."""

    chosen: tuple[Environment, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    def before(self, environment: Environment) -> tuple[str, ...]:
        """Those of the chosen that must be done before this one."""
        names = {one.name for one in self.chosen}
        return tuple(name for name in named_dependencies(environment) if name in names)


def select(
    project: Project,
    names: Sequence[str],
    *,
    every: bool = False,
    rehearsals: bool = False,
    changes: Changes | None = None,
) -> Selection:
    """The environments with these names, or every one; ``changes`` narrows them to those that they affect.

    ``rehearsals`` takes each to the sandbox. Raises UsageError, for all names at once, before anything is begun.
    """
    wanted = [_rehearsal(name) if rehearsals else name for name in (environment_names(project) if every else names)]
    found: dict[str, Environment] = {}
    problems: list[UsageError] = []
    for name in wanted:
        try:
            environment = load_environment(name, project)
        except UsageError as error:
            problems.append(error)
        else:
            found.setdefault(environment.name, environment)
    if problems:
        raise _together(problems)
    left_out: dict[str, str] = {}
    if changes is not None:
        reasons = affected(project, changes)
        left_out = {
            environment.name: f"not affected since {changes.base}"
            for environment in found.values()
            if environment.data_name not in reasons
        }
    chosen = [environment for name, environment in found.items() if name not in left_out]
    return Selection(tuple(in_order(chosen)), left_out)


def in_order(environments: Iterable[Environment]) -> list[Environment]:
    """Each after what it depends on, as they stand otherwise."""
    rest = {environment.name: environment for environment in environments}
    order: list[Environment] = []

    def add(environment: Environment) -> None:
        if rest.pop(environment.name, None) is not None:
            for name in named_dependencies(environment):
                if name in rest:
                    add(rest[name])
            order.append(environment)

    for environment in list(rest.values()):
        add(environment)
    return order


def waves(environments: Iterable[Environment]) -> dict[str, int]:
    """By name: 0 for what depends on none of these, else one more than the latest that it depends on."""
    found: dict[str, int] = {}
    for environment in in_order(environments):
        found[environment.name] = max((found[n] + 1 for n in named_dependencies(environment) if n in found), default=0)
    return found


def named_dependencies(environment: Environment) -> tuple[str, ...]:
    """What it depends on, as :func:`load_environment` names them: a rehearsal depends on rehearsals."""
    if not environment.depends_on:
        return ()
    rehearsal = environment.name.endswith(REHEARSAL_SUFFIX)
    names = (_rehearsal(name) if rehearsal else name for name in environment.depends_on)
    return tuple(load_environment(name, environment.project).name for name in names)


def _rehearsal(name: str) -> str:
    return name if name.endswith(REHEARSAL_SUFFIX) else name + REHEARSAL_SUFFIX


def _together(problems: Sequence[UsageError]) -> UsageError:
    if len(problems) == 1:
        return problems[0]
    lines = [f"- {problem.message}" + (f" ({problem.hint})" if problem.hint else "") for problem in problems]
    return UsageError("nothing was begun:\n" + "\n".join(lines))
