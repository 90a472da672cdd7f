"""What ran: for evidence, and for the metadata of a saved plan."""

from __future__ import annotations

import subprocess

from toolkit import __version__
from toolkit.environment import Environment
from toolkit.terraform.session import Session
from toolkit.toolchain.engines import engine_of
from toolkit.toolchain.provider import after_init


def versions(session: Session) -> dict[str, str]:
    """``terraform`` is the engine's release. The azapi is empty where nothing was ever initialised: there, a destroy
    has nothing to destroy.
    """
    lock_file = session.folder("platform").lock_file
    selected = after_init(session.provider, lock_file).version if lock_file.is_file() else None
    return {
        "toolkit": __version__,
        "engine": engine_of(session.terraform).title,
        "terraform": session.terraform.version,
        "azapi": selected or "",
        "provider_source": session.provider.source,
        "commit": commit(session.environment),
    }


def commit(environment: Environment) -> str:
    """The commit that the configuration is at, with ``+`` when the tree differs; empty outside git."""
    root = str(environment.project.root)
    try:
        head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        status = subprocess.run(
            ["git", "-C", root, "status", "--porcelain", "--", "terraform", "envs"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if status.stdout.strip() else "")
