"""Node.js 20 or newer with npm, and Azurite's blob service: what the sandbox keeps blobs in."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.toolchain.cache import cache_root, cached_directory
from toolkit.toolchain.pypi import NODE, ensure_wheel
from toolkit.toolchain.search import Recipe
from toolkit.toolchain.steps import Progress, run_step, stderr_progress
from toolkit.toolchain.tool import Tool, Version, ask_version, executables_on_path, parse_version

AZURITE_VERSION = "3.35.0"
_AZURITE_MAIN = Path("node_modules/azurite/dist/src/blob/main.js")
_LOCKED = Path(__file__).parent / "azurite"  # what npm installs, with every version in its lock file


def _version(node: Path, environ: Mapping[str, str]) -> Version | None:
    return parse_version(ask_version((str(node), "--version"), env=environ) or "")


_RECIPE = Recipe(
    name="node",
    minimum=(20, 0, 0),
    wanted="20 or newer",
    version_of=_version,
    wheel=NODE,
    program=lambda wheel: wheel.folder / "bin" / "node",
    otherwise="put Node.js 20 or newer on PATH",
)
find_node = _RECIPE.find
ensure_node = _RECIPE.ensure


def find_azurite(environ: Mapping[str, str] | None = None) -> Path | None:
    """The entry point of Azurite's blob service when it is installed."""
    main = cache_root(environ) / _azurite_entry() / _AZURITE_MAIN
    return main if main.is_file() else None


def azurite_command(
    environ: Mapping[str, str] | None = None,
    *,
    progress: Progress = stderr_progress,
    search: Sequence[str] | None = None,
) -> list[str]:
    """What starts Azurite's blob service, without its options: ``[node, …/azurite/dist/src/blob/main.js]``.

    Node.js and Azurite are installed first where they are missing; :class:`ToolkitError` when they cannot be had.
    """
    environ = os.environ if environ is None else environ
    node = ensure_node(environ, progress=progress, search=search)

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_LOCKED / name, folder)
        run_step(
            f"installing Azurite {AZURITE_VERSION} from npm",
            [
                *_npm_command(environ, progress, search),
                *("ci", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--omit=dev"),
                *("--no-audit", "--no-fund", "--no-update-notifier"),
                # npm's own waits add up to over a minute before it says that there is no network.
                *("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"),
            ],
            cwd=folder,
            env=_npm_environment(node, environ),
            hint="check that npm reaches its registry (`npm config get registry`, proxy) and run this again",
            progress=progress,
        )

    installed = cached_directory(cache_root(environ), _azurite_entry(), install, progress)
    return [*node.command, str(installed / _AZURITE_MAIN)]


def _npm_command(environ: Mapping[str, str], progress: Progress, search: Sequence[str] | None) -> list[str]:
    """npm from PATH where node comes from there too; else the fallback's own (Debian packages node without npm)."""
    if _RECIPE.on_path(environ)[0] is not None:
        for npm in executables_on_path("npm", environ):
            if ask_version((str(npm), "--version"), env=environ) is not None:
                return [str(npm)]
    folder = ensure_wheel(NODE, environ, progress, search).folder
    # Not bin/npm: it finds its library through a symbolic link, and a wheel cannot hold one.
    return [str(folder / "bin" / "node"), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _npm_environment(node: Tool, environ: Mapping[str, str]) -> dict[str, str]:
    """For npm to trust what pip and go trust here: a company's own authority is in the system's store, not in Node's.

    NODE_USE_SYSTEM_CA came with Node.js 22.19 and 24.6, NODE_EXTRA_CA_CERTS does the same for 20
    (https://nodejs.org/api/cli.html).
    """
    authorities = ssl.get_default_verify_paths().cafile
    return {
        "NODE_USE_SYSTEM_CA": "1",
        **({"NODE_EXTRA_CA_CERTS": authorities} if authorities else {}),
        **environ,
        "PATH": os.pathsep.join((str(node.path.parent), environ.get("PATH", os.defpath))),
    }


def _azurite_entry() -> str:
    """The name in the cache: another lock file is another installation."""
    lock = hashlib.sha256((_LOCKED / "package-lock.json").read_bytes()).hexdigest()[:8]
    return f"azurite-{AZURITE_VERSION}-{lock}"
