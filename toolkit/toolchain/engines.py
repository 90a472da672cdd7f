"""The two programs that can run terraform/, and what differs between them.

OpenTofu is a fork of Terraform 1.5: the same language, state format and JSON output, with a registry, a CLI
configuration and release numbers of its own (https://opentofu.org/docs/intro/migration/).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.toolchain.tool import Tool, Version, ask_version, parse_version


@dataclass(frozen=True, slots=True)
class Engine:
    """``name`` is that of its tools (:class:`Tool`), ``program`` that of its executable.

    ``registry`` stands in the addresses of providers that a configuration names without a host, in the state, in lock
    files and in mirrors. ``minimum`` is the oldest release that the modules were tried with.
    """

    name: str
    title: str
    program: str
    registry: str
    minimum: Version
    wanted: str
    lock_file: str  # the provider lock file as it is kept; both call theirs .terraform.lock.hcl at work


TERRAFORM = Engine(
    name="terraform",
    title="Terraform",
    program="terraform",
    registry="registry.terraform.io",
    minimum=(1, 11, 0),
    wanted="1.11 or newer",
    lock_file=".terraform.lock.hcl",
)
OPENTOFU = Engine(
    name="opentofu",
    title="OpenTofu",
    program="tofu",
    registry="registry.opentofu.org",
    minimum=(1, 12, 0),
    wanted="1.12 or newer",
    lock_file=".opentofu.lock.hcl",
)
ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (TERRAFORM, OPENTOFU)}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a program says that it is. ``platform`` is the one that it takes providers for, such as ``linux_amd64``."""

    engine: Engine
    version: Version
    platform: str


def engine_of(tool: Tool) -> Engine:
    return ENGINES[tool.name]


def identify(path: Path, environ: Mapping[str, str]) -> Identity | None:
    """What ``PATH version`` says; None when it does not run, or is neither engine.

    The words for people and not ``-json``, whose document has the same key in both and names neither. Warnings may
    stand in front, and a build that is no release ends in ``-dev``
    (``internal/command/views/version.go`` of https://github.com/opentofu/opentofu).
    """
    said = ask_version((str(path), "version"), env=_quiet(environ)) or ""
    titles = "|".join(engine.title for engine in ENGINES.values())
    found = re.search(rf"^({titles}) v(\d\S*)\s+on (\w+)$", said, re.MULTILINE)
    version = parse_version(found[2]) if found else None
    if found is None or version is None:
        return None
    engine = next(engine for engine in ENGINES.values() if engine.title == found[1])
    return Identity(engine, version, found[3])


def own_cli_configs(engine: Engine, environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where the engine looks for a CLI configuration of the user's, of which it reads the first one only.

    https://developer.hashicorp.com/terraform/cli/config/config-file,
    https://opentofu.org/docs/cli/config/config-file/ (Terraform's counts where OpenTofu has none of its own). A
    TF_CLI_CONFIG_FILE that does not exist only makes them warn, and they then read no other.
    """
    if named := environ.get("TF_CLI_CONFIG_FILE"):
        return [Path(named).absolute()]
    of_terraform = home / ".terraformrc"
    if engine is TERRAFORM:
        return [of_terraform]
    xdg = environ.get("XDG_CONFIG_HOME")
    candidates = [home / ".tofurc", of_terraform, *([Path(xdg) / "opentofu" / "tofurc"] if xdg else [])]
    return [path for path in candidates if path.is_file()][:1]


def locate(named: str, environ: Mapping[str, str]) -> Path:
    """The program that a person names: a word is looked up on PATH, as a shell does."""
    if os.sep in named:
        return Path(named).absolute()
    return Path(shutil.which(named, path=environ.get("PATH", os.defpath)) or named).absolute()


def _quiet(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for asking a version: no call home, and nothing that the user meant for other commands.

    Terraform reads its variables before the command: one that makes no sense (TF_REATTACH_PROVIDERS) ends it.
    """
    return {
        **{name: value for name, value in environ.items() if not name.startswith("TF_")},
        "CHECKPOINT_DISABLE": "1",
    }
