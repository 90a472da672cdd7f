"""OpenTofu, for who names it: from PATH, else built once by Go from the module in ``tofu/``, when asked to.

``go install …/cmd/tofu@VERSION`` refuses a module with replace directives (https://go.dev/ref/mod#go-install), so
ours has them, and the ``godebug`` lines of OpenTofu's own go.mod, which only count in the main module.
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.toolchain.cache import cache_root, cached_directory
from toolkit.toolchain.engines import OPENTOFU, identify
from toolkit.toolchain.golang import build_environment, ensure_go, machine_platform
from toolkit.toolchain.steps import Progress, run_step, stderr_progress
from toolkit.toolchain.tool import Missing, Tool, Version, at_least, dotted, first_fitting_on_path

BUILT_VERSION = "1.12.6"
_MODULE = Path(__file__).parent / "tofu"
_PACKAGE = "github.com/opentofu/opentofu"
BUILD_ADVICE = (
    "put tofu on PATH, or name its file in TOOLKIT_TERRAFORM, or build it once with Go, which takes minutes: "
    "TOOLKIT_TERRAFORM=tofu toolkit doctor --toolchain --install"
)


def find_opentofu(environ: Mapping[str, str], why: str) -> Tool | Missing:
    """The OpenTofu that is here already; builds nothing. ``why`` it is looked for goes in front of where it was."""

    def judge(path: Path) -> Version | str:
        found = identify(path, environ)
        version = found.version if found is not None and found.engine is OPENTOFU else None
        return at_least(OPENTOFU.minimum, path, version)

    fitting, refused = first_fitting_on_path(OPENTOFU.program, judge, environ)
    if fitting is not None:
        path, version = fitting
        return Tool(OPENTOFU.name, (str(path),), dotted(version), f"{why}; on PATH, {OPENTOFU.wanted}", refused)
    built = cache_root(environ) / _entry() / OPENTOFU.program
    if built.is_file():
        return Tool(
            OPENTOFU.name, (str(built),), BUILT_VERSION, f"{why}; built from its Go module, in the cache", refused
        )
    return Missing(OPENTOFU.name, f"OpenTofu {BUILT_VERSION}, built by Go from its module (minutes)", refused)


def ensure_opentofu(
    environ: Mapping[str, str], *, progress: Progress = stderr_progress, search: Sequence[str] | None = None
) -> None:
    """Build OpenTofu into the cache unless a fitting one is here. Raises ToolkitError when Go or its proxy fails."""
    if isinstance(find_opentofu(environ, ""), Tool):
        return
    go = ensure_go(environ, progress=progress, search=search, module=_MODULE)

    def build(folder: Path) -> None:
        # The flag with which its project marks a release: else the version would end in -dev.
        release = f"-s -w -X {_PACKAGE}/version.dev=no"
        run_step(
            f"building OpenTofu {BUILT_VERSION} with Go {go.version}, once, some minutes",
            [
                *(*go.command, "build", "-trimpath", "-ldflags", release),
                *("-o", str(folder / OPENTOFU.program), f"{_PACKAGE}/cmd/tofu"),
            ],
            cwd=_MODULE,
            env=build_environment(go, machine_platform(go, environ), environ),
            hint="check that `go` reaches a Go module proxy (`go env GOPROXY`)",
            progress=progress,
        )

    cached_directory(cache_root(environ), _entry(), build, progress)


def _entry() -> str:
    recipe = hashlib.sha256((_MODULE / "go.mod").read_bytes() + (_MODULE / "go.sum").read_bytes()).hexdigest()[:8]
    return f"opentofu-{BUILT_VERSION}-{sysconfig.get_platform()}-{recipe}"
