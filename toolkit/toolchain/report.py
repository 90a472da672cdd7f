"""What ``toolkit doctor --toolchain`` says about this machine: each tool, where, which version, and why that one."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolkit.errors import ToolkitError
from toolkit.toolchain.engines import OPENTOFU
from toolkit.toolchain.golang import find_go
from toolkit.toolchain.node import AZURITE_VERSION, azurite_command, ensure_node, find_azurite, find_node
from toolkit.toolchain.opentofu import BUILD_ADVICE, ensure_opentofu
from toolkit.toolchain.provider import Provider, find_provider, resolve_provider
from toolkit.toolchain.steps import Progress, stderr_progress
from toolkit.toolchain.terraform import ensure_terraform, find_terraform, names_opentofu
from toolkit.toolchain.tool import Missing, Tool

State = Literal["found", "missing", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One tool. ``missing`` is no fault: ``why`` says what will be installed when it is needed; ``wrong`` is one."""

    tool: str
    state: State
    version: str | None
    where: str | None
    why: str
    refused: tuple[str, ...] = ()


def toolchain_report(
    environ: Mapping[str, str] | None = None, *, install: bool = False, progress: Progress = stderr_progress
) -> list[Finding]:
    """Every tool of the toolchain, in the order in which they are needed.

    Reads only, unless ``install``: then what is missing is installed first, and an installation that fails raises
    :class:`ToolkitError`. Go is never installed for itself, only when the provider or OpenTofu has to be built; and
    OpenTofu is only built when ``TOOLKIT_TERRAFORM`` names it.
    """
    environ = os.environ if environ is None else environ
    if install:
        if names_opentofu(environ):
            ensure_opentofu(environ, progress=progress)
        terraform = ensure_terraform(environ, progress=progress)
        ensure_node(environ, progress=progress)
        azurite_command(environ, progress=progress)
        resolve_provider(target_is_sandbox=True, terraform=terraform, environ=environ, progress=progress)
    python = Finding("python", "found", platform.python_version(), sys.executable, "runs the toolkit")
    return [python, *_terraform_and_provider(environ), _node(environ), _azurite(environ), _go(environ)]


def _terraform_and_provider(environ: Mapping[str, str]) -> list[Finding]:
    try:
        terraform = find_terraform(environ)
    except ToolkitError as error:
        return [_wrong("terraform", error), Finding("azapi", "missing", None, None, "known once there is a terraform")]
    if isinstance(terraform, Missing):
        return [_missing_engine(terraform), Finding("azapi", "missing", None, None, "known once there is a terraform")]
    try:
        provider = find_provider(terraform, environ)
    except ToolkitError as error:
        return [_of(terraform), _wrong("azapi", error)]
    return [_of(terraform), _of_provider(provider)]


def _missing_engine(engine: Missing) -> Finding:
    """An OpenTofu that is named and not here is wrong: no command builds it by itself."""
    if engine.name != OPENTOFU.name:
        return _of(engine)
    return Finding(engine.name, "wrong", None, None, f"named, and not here: {BUILD_ADVICE}", engine.refused)


def _of_provider(provider: Provider | None) -> Finding:
    if provider is None:
        why = "will be fetched from the registry; for the sandbox built once by Go where that cannot be reached"
        return Finding("azapi", "missing", None, None, why)
    version = provider.version or "chosen by terraform init"
    where = str(provider.cli_config_file) if provider.cli_config_file else None
    return Finding("azapi", "found", version, where, provider.source)


def _node(environ: Mapping[str, str]) -> Finding:
    return _of(find_node(environ))


def _azurite(environ: Mapping[str, str]) -> Finding:
    entry = find_azurite(environ)
    if entry is None:
        return Finding("azurite", "missing", None, None, f"will be installed from npm, version {AZURITE_VERSION}")
    return Finding("azurite", "found", AZURITE_VERSION, str(entry), "in the cache, from our lock file")


def _go(environ: Mapping[str, str]) -> Finding:
    go = find_go(environ)
    if isinstance(go, Missing):
        why = f"only needed to build azapi where the registry cannot be reached; then {go.fallback} is installed"
        return Finding("go", "missing", None, None, why, go.refused)
    return _of(go)


def _of(found: Tool | Missing) -> Finding:
    if isinstance(found, Missing):
        return Finding(found.name, "missing", None, None, f"will be installed: {found.fallback}", found.refused)
    return Finding(found.name, "found", found.version, str(found.path), found.why, found.refused)


def _wrong(tool: str, error: ToolkitError) -> Finding:
    hint = f" ({error.hint})" if error.hint else ""
    return Finding(tool, "wrong", None, None, f"{error.message}{hint}")
