"""Where the project is on disk: the folder that holds terraform/ and envs/."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Project:
    """The checkout that a command works on. Everything that a run writes goes below ``state_dir``."""

    root: Path

    @property
    def envs_dir(self) -> Path:
        return self.root / "envs"

    @property
    def terraform_dir(self) -> Path:
        return self.root / "terraform"

    @property
    def state_dir(self) -> Path:
        return self.root / ".toolkit"

    @property
    def sandbox_dir(self) -> Path:
        return self.state_dir / "sandbox"


def find_project(start: Path | None = None) -> Project:
    """The project around ``start`` (the current folder by default), or the one that ``TOOLKIT_PROJECT`` names.

    Raises UsageError when neither is a folder with ``envs/`` and ``terraform/``.
    """
    named = os.environ.get("TOOLKIT_PROJECT")
    if named:
        candidates = [Path(named).resolve()]
    else:
        here = (start or _current_folder()).resolve()
        candidates = [here, *here.parents]
    for folder in candidates:
        if (folder / "envs").is_dir() and (folder / "terraform").is_dir():
            return Project(folder)
    where = f"TOOLKIT_PROJECT={named}" if named else str(candidates[0])
    raise UsageError(
        f"{where} is not inside a toolkit project: no folder with envs/ and terraform/ was found",
        hint="run the command inside the checkout, or set TOOLKIT_PROJECT to its path",
    )


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except OSError as error:  # a shell stays in a folder that was deleted
        raise UsageError(
            f"the current folder is gone or closed to you: {error.strerror}", hint="cd to the checkout"
        ) from None
