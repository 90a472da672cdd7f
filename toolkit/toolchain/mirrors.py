"""Directories that a provider is installed from, as ``terraform providers mirror`` makes them.

Both engines look for a provider below the name of their own registry
(https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror), and the provider is the same: a
mirror that only has the other's name is laid out anew in the cache, with links.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from toolkit.toolchain.cache import cached_directory
from toolkit.toolchain.engines import ENGINES, Engine
from toolkit.toolchain.tool import Version, parse_version

# What terraform/*/terraform.tf asks for: from 1.15.0, before 3.0.0.
_FROM: Version = (1, 15, 0)
_BEFORE: Version = (3, 0, 0)


def address(engine: Engine) -> Path:
    """The folder of azapi in a mirror for this engine."""
    return Path(engine.registry) / "azure" / "azapi"


def newest_in(mirror: Path, platform: str, engine: Engine) -> str | None:
    """The newest fitting azapi of a mirror under this engine's registry or, failing that, another's."""
    others = (other for other in ENGINES.values() if other is not engine)
    return next((version for one in (engine, *others) if (version := _newest_under(one, mirror, platform))), None)


def laid_out_for(engine: Engine, mirror: Path, root: Path, platform: str) -> Path:
    """``mirror``, or what stands for it in the cache ``root`` where it has no azapi under this engine's registry."""
    return mirror if _newest_under(engine, mirror, platform) else for_every_engine(mirror, root)


def for_every_engine(mirror: Path, root: Path) -> Path:
    """The mirror's azapi under the registry of each engine: links in the cache ``root``."""
    packages = {
        path.relative_to(folder): path
        for folder in (mirror / address(engine) for engine in ENGINES.values())
        for path in (*folder.glob("*/*"), *folder.glob("*.zip"))
    }
    known = "\n".join(f"{relative} {path}" for relative, path in sorted(packages.items()))

    def link(building: Path) -> None:
        # The folders above stay folders: neither engine follows a link there (their filesystem_search.go).
        for engine in ENGINES.values():
            for relative, path in packages.items():
                target = building / address(engine) / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(path)

    return cached_directory(root, f"mirror-{hashlib.sha256(known.encode()).hexdigest()[:8]}", link, lambda line: None)


def _newest_under(engine: Engine, mirror: Path, platform: str) -> str | None:
    """Packed or unpacked."""
    folder = mirror / address(engine)
    names = [path.parent.name for path in folder.glob(f"*/{platform}")]
    for path in folder.glob(f"terraform-provider-azapi_*_{platform}.zip"):
        names.append(path.name.removeprefix("terraform-provider-azapi_").removesuffix(f"_{platform}.zip"))
    versions = {version: name for name in names if (version := parse_version(name)) and _FROM <= version < _BEFORE}
    return versions[max(versions)] if versions else None
