"""Builds ``.venv`` for the Makefile: ``python3 .ci/venv.py run|dev``.

Runs before anything is installed, with any Python 3, so it imports the standard library only. The stamp that make looks
at is written last: an interrupted build is done again. Two builds at once take turns.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# What make asks for, the extras that it means, and the stamps that it earns.
KINDS = {
    "run": ("sandbox", ("run",)),
    "dev": ("sandbox,dev,ml", ("run", "dev")),
}
# A person's own settings would put the packages elsewhere; the index and the proxy stay theirs. The environment wins
# over pip.conf, but an option with a path has no value that takes it back:
# https://pip.pypa.io/en/stable/topics/configuration/#precedence-override-order
ELSEWHERE = ("target", "prefix", "root")
NOT_FOR_PIP = {"PYTHONPATH", "PYTHONHOME", *(f"PIP_{option.upper()}" for option in ELSEWHERE)}
FOR_PIP = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DRY_RUN": "0"}


def main(kind: str) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs with whatever python3 is on PATH
        return _fail(
            "Python 3.11 or newer is needed; {} is {}.{}.{}".format(sys.executable, *sys.version_info[:3]),
            "install one, and name it where it is not python3: make PYTHON=python3.12 …",
        )
    extras, stamps = KINDS[kind]
    state = ROOT / ".toolkit"
    state.mkdir(exist_ok=True)
    with (state / "venv.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another make that builds .venv …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if all(_is_fresh(stamp) for stamp in stamps):  # another make built it while this one waited
            return 0
        # Not always from nothing: another process may be running out of this .venv.
        if not _works():
            _say(f"making .venv with Python {sys.version.split()[0]} …")
            made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
            if made.returncode != 0 or not _works():
                sys.stderr.write(made.stdout + made.stderr)
                return _fail(
                    f"{sys.executable} cannot make a virtual environment",
                    "on Debian and Ubuntu: apt install python{}.{}-venv".format(*sys.version_info[:2]),
                )
        code = _install(extras, lock.fileno())
        if code == 0:
            for stamp in stamps:
                _stamp(stamp).touch()
        return code


def _install(extras: str, lock: int) -> int:
    command = [
        *(str(PYTHON), "-m", "pip", "install", "--no-input", "--progress-bar", "off", "--disable-pip-version-check"),
        *("--constraint", "constraints.txt", "--editable", f".[{extras}]"),
    ]
    if setting := _elsewhere():
        return _fail(
            f"pip.conf sets {setting}: pip would not install into .venv",
            f"pip config unset {setting}; or, when you need nothing of pip.conf: PIP_CONFIG_FILE=/dev/null make …",
        )
    started = time.monotonic()
    title = f"installing the toolkit [{extras}] into .venv"
    _say(f"{title} …")
    log_file = VENV / "install.log"
    with log_file.open("w") as log:
        # pip holds the lock too: killing only this process must not let a second pip in beside it.
        pip = subprocess.Popen(
            command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock,)
        )
        while True:
            try:
                code = pip.wait(10)
                break
            except subprocess.TimeoutExpired:
                _say(f"{title} … {time.monotonic() - started:.0f} s")
    if code != 0:
        sys.stderr.write("".join(log_file.read_text().splitlines(keepends=True)[-20:]))
        return _fail("pip failed", "check that it reaches its index (PIP_INDEX_URL, proxy), and run make again")
    _say(f"{title}: done in {time.monotonic() - started:.0f} s")
    return 0


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NOT_FOR_PIP} | FOR_PIP


def _elsewhere() -> str | None:
    """The setting of a pip.conf that sends packages to another folder."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "config", "list"]
    said = subprocess.run(command, env=_environment(), capture_output=True, text=True).stdout
    names = [line.partition("=")[0] for line in said.splitlines()]
    return next(
        (name for name in names if name in {f"{s}.{o}" for s in ("global", "install") for o in ELSEWHERE}), None
    )


def _works() -> bool:
    try:
        return subprocess.run([str(PYTHON), "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def _stamp(name: str) -> Path:
    return VENV / f".stamp-{name}"


def _is_fresh(name: str) -> bool:
    stamp = _stamp(name)
    inputs = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    return stamp.is_file() and all(stamp.stat().st_mtime >= path.stat().st_mtime for path in inputs)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fail(message: str, hint: str) -> int:
    _say(f"error: {message}\nhint: {hint}")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
