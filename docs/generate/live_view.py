"""Writes the recordings of docs/live-view.md: real applies in a terminal of tmux, captured as text while they run.

``python -m docs.generate.live_view`` in a checkout with tmux on PATH. It destroys and applies the environment
``local`` of the checkout's sandbox twice, which takes some two minutes; nothing else may work on it meanwhile.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "live-view.md"
TOOLKIT = Path(sys.executable).with_name("toolkit")
_COUNT = re.compile(r"(\d+)/(\d+) +\d+[smh]")
_BEGAN = re.compile(r"^\[ +[0-9.]+s\] local: ")
_SHARES = (0.15, 0.6)
_EVERY_SECONDS = 0.1
_PATIENCE_SECONDS = 600


def _tmux(*arguments: str) -> str:
    return subprocess.run(["tmux", "-L", "live-view", *arguments], check=True, capture_output=True, text=True).stdout


def record(command: str, columns: int, rows: int, **variables: str) -> list[str]:
    """The screen at some moments of ``command``: as it goes, and when it has ended."""
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    _tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(ROOT), "sh")
    try:
        _tmux("send-keys", f"PS1='$ '; clear; {settings + ' ' if settings else ''}{command}; echo ended $?", "Enter")
        frames: list[str] = []
        wanted = list(_SHARES)
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            screen = _tmux("capture-pane", "-p")
            if re.search(r"^ended \d+$", screen, re.MULTILINE):
                everything = _tmux("capture-pane", "-p", "-S", "-200")
                return [*frames, re.sub(r"^ended \d+\n.*", "", everything, flags=re.MULTILINE | re.DOTALL)]
            if wanted and (found := _COUNT.findall(screen)):
                done, planned = map(int, found[-1])
                if done >= wanted[0] * planned:
                    frames.append(screen)
                    wanted.pop(0)
            time.sleep(_EVERY_SECONDS)
        raise TimeoutError(command)
    finally:
        _tmux("kill-server")


def _shown(screen: str) -> str:
    """Without the line that was typed, and nothing of this machine in it."""
    lines = [line.rstrip() for line in screen.splitlines() if not line.startswith("$ ") and "echo ended" not in line]
    began = [at for at, line in enumerate(lines) if _BEGAN.search(line)]
    lines = lines[began[0] :] if began else lines  # not the plan, which docs/cli.md shows
    return "\n".join(lines).strip("\n").replace(str(ROOT), "~/aml-adf-toolkit")


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, columns, rows in (("wide", 110, 24), ("narrow", 60, 16)):
        subprocess.run([TOOLKIT, "destroy", "local"], cwd=ROOT, check=True)
        frames = record(".venv/bin/toolkit apply local --no-smoke", columns, rows)
        block = "\n\n".join(f"```text\n{_shown(frame)}\n```" for frame in frames)
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{block}\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
