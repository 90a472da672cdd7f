"""Machines to find tools on: a PATH without some tools, tools of any version, a network that is down."""

from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path

HIDDEN = frozenset({"terraform", "node", "nodejs", "npm", "npx", "go", "gofmt"})


def bare_path(folder: Path) -> str:
    """A PATH with what this machine has in its system folders, without the tools of the toolchain."""
    folder.mkdir()
    for source in (Path("/usr/bin"), Path("/bin")):
        for tool in source.iterdir():
            link = folder / tool.name
            if tool.name not in HIDDEN and not link.is_symlink():
                link.symlink_to(tool)
    return str(folder)


def environment(path: str, cache: Path, **more: str) -> dict[str, str]:
    """This process's environment with another PATH and cache, and without choices that its user made."""
    dropped = ("TOOLKIT_", "TF_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PATH": path, "TOOLKIT_CACHE": str(cache), **more}


def closed_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def offline(tmp_path: Path) -> dict[str, str]:
    """What makes pip, npm, go and the registry probe fail at once, with nothing in their own caches."""
    nowhere = f"http://127.0.0.1:{closed_port()}"
    return {
        "PIP_INDEX_URL": nowhere,
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "npm_config_registry": nowhere,
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_fetch_retries": "0",
        "GOPROXY": nowhere,
        "GOMODCACHE": str(tmp_path / "gomod"),
        "HTTPS_PROXY": nowhere,
        "https_proxy": nowhere,
    }


def fake_tool(folder: Path, name: str, prints: str) -> Path:
    """An executable that prints one text whatever it is asked: an old release that no index carries any more."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = folder / name
    # A builtin of the shell: PATH may hold nothing but this tool.
    tool.write_text(f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(prints)}\n", encoding="utf-8")
    tool.chmod(0o755)
    return tool
