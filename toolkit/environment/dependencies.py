"""Which environments come before which: ``depends_on`` of env.toml, held against the others' files."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

from toolkit.environment.file import FILE_NAME, line_of, read_text, shown_path
from toolkit.errors import UsageError, nearest
from toolkit.project import Project

_KEY = "depends_on"


def environment_names(project: Project) -> list[str]:
    """Every folder of envs/ that holds an env.toml, in alphabetical order."""
    return sorted(path.parent.name for path in project.envs_dir.glob(f"*/{FILE_NAME}"))


def dependencies(name: str, said: Sequence[str], project: Project) -> tuple[str, ...]:
    """What ``name`` depends on, each once.

    Raises UsageError, with file and line, for an environment that there is not, and for one that leads back to
    ``name``. The others' files are read for that key alone: their own mistakes are theirs to tell.
    """
    if not said:
        return ()
    known = environment_names(project)
    for other in said:
        if other not in known:
            close = nearest(other, known)
            guess = f"did you mean {close}? " if close else ""
            raise UsageError(
                f"{_where(name, project)}: {_KEY} names {other!r}, which is no environment",
                hint=f"{guess}known environments: {', '.join(known)} (as they are called, without @sandbox)",
            )
    if circle := _way_back(name, name, said, project, set()):
        raise UsageError(
            f"{_where(name, project)}: {_KEY} goes in a circle: {' -> '.join((name, *circle))}",
            hint="what comes first depends on nothing that comes after it: take one of them out",
        )
    return tuple(dict.fromkeys(said))


def _way_back(goal: str, name: str, said: Sequence[str], project: Project, seen: set[str]) -> tuple[str, ...]:
    """From what ``name`` depends on back to ``goal``; empty when there is no way."""
    for other in said:
        if other == goal:
            return (other,)
        if other in seen:
            continue
        seen.add(other)
        if way := _way_back(goal, other, _said(other, project), project, seen):
            return (other, *way)
    return ()


def _said(name: str, project: Project) -> list[str]:
    path = project.envs_dir / name / FILE_NAME
    if not path.is_file():
        return []
    try:
        said = tomllib.loads(read_text(path, project.root)).get(_KEY, [])
    except (tomllib.TOMLDecodeError, UsageError):
        return []
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def _where(name: str, project: Project) -> str:
    path = project.envs_dir / name / FILE_NAME
    return f"{shown_path(path, project)}:{line_of(read_text(path, project.root), [_KEY])}"
