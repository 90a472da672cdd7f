"""One run at a time, what a killed run leaves, and when its lock on the state may be freed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.terraform.conftest import Seen, wait_for
from toolkit.environment import Environment, load_environment
from toolkit.errors import RefusedError
from toolkit.processes import ProcessId, identify
from toolkit.project import Project
from toolkit.terraform import statelock
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.lock import LeftBehind, lock_environment


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    folder = tmp_path / "project" / "envs" / "local"
    folder.mkdir(parents=True)
    source = Path(__file__).parents[3] / "envs" / "local" / "env.toml"
    (folder / "env.toml").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "project" / "terraform").mkdir()
    return load_environment("local", Project(tmp_path / "project"))


HOLDER = textwrap.dedent("""
    import subprocess, sys
    from pathlib import Path
    from toolkit.environment import load_environment
    from toolkit.project import Project
    from toolkit.terraform.events import Silent
    from toolkit.terraform.lock import lock_environment

    environment = load_environment("local", Project(Path(sys.argv[1])))
    with lock_environment(environment, "toolkit apply local", Silent()) as lock:
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        lock.terraform_started(child.pid, Path(sys.argv[1]) / "log.jsonl", "apply")
        print(child.pid, flush=True)
        sys.stdin.read()
""")


def hold(environment: Environment) -> tuple[subprocess.Popen[str], int]:
    """A process that holds the lock, with a child that stands for Terraform."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(environment.project.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_a_second_run_is_refused_and_names_the_first(environment: Environment, seen: Seen) -> None:
    process, child = hold(environment)
    try:
        with (
            pytest.raises(RefusedError, match=rf"process {process.pid} \(`toolkit apply local`, since 20"),
            lock_environment(environment, "x", seen),
        ):
            pass
    finally:
        process.kill()
        process.wait()
        os.kill(child, signal.SIGKILL)


def test_the_lock_of_an_orderly_run_leaves_nothing(environment: Environment, seen: Seen) -> None:
    with lock_environment(environment, "x", seen) as lock:
        assert lock.left_behind is None
        assert json.loads((environment.state_dir / "lock.json").read_text(encoding="utf-8"))["pid"] == os.getpid()
    assert not (environment.state_dir / "lock.json").exists()
    with lock_environment(environment, "x", seen) as lock:
        assert lock.left_behind is None


def test_after_kill_9_the_next_run_waits_for_the_terraform_that_still_works(
    environment: Environment, seen: Seen
) -> None:
    process, child = hold(environment)
    process.kill()
    process.wait()
    terraform = identify(child)
    assert terraform is not None

    def end_it(text: str) -> None:
        Seen.note(seen, text)
        os.kill(child, signal.SIGTERM)  # SIGINT is ignored in whatever a script started in its background

    seen.note = end_it  # type: ignore[method-assign]
    with lock_environment(environment, "x", seen) as lock:
        assert lock.left_behind == LeftBehind(terraform, environment.project.root / "log.jsonl", "apply")
        wait_for(lambda: not terraform.alive())
    assert f"process {child}) is still working" in seen.notes[0]


def locked(who: str, created: str) -> list[Diagnostic]:
    detail = (
        f"Lock Info:\n  ID:        1b0f\n  Operation: OperationTypeApply\n  Who:       {who}\n  Created:   {created}\n"
    )
    return [Diagnostic("error", "Error acquiring the state lock", detail)]


def me() -> str:
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.fixture
def dead(tmp_path: Path) -> LeftBehind:
    """A Terraform that is gone, whose log says that it worked on the state at 12:00:10."""
    log = tmp_path / "log.jsonl"
    at = datetime(2026, 11, 22, 12, 0, 10, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    log.write_text(
        json.dumps({"type": "version", "@timestamp": "2026-11-22T12:00:30.000000Z"})
        + "\n"
        + json.dumps({"type": "refresh_start", "@timestamp": at})
        + '\n{"type": "apply_start", "@times',
        encoding="utf-8",
    )
    return LeftBehind(ProcessId(2**22 - 1, "never"), log, "apply")


def test_a_lock_made_here_before_our_dead_terraform_worked_is_ours(dead: LeftBehind) -> None:
    assert statelock.is_ours(locked(me(), "2026-11-22 12:00:05.159872123 +0000 UTC"), dead)
    assert statelock.is_ours(locked(me(), "2026-11-22 12:00:05 +0000 UTC"), dead)


@pytest.mark.parametrize(
    ("who", "created"),
    [
        ("somebody@elsewhere", "2026-11-22 12:00:05.1 +0000 UTC"),
        ("", "2026-11-22 12:00:15.1 +0000 UTC"),  # made after the last proof of our work
        ("", "yesterday"),
    ],
)
def test_any_other_lock_is_left_alone(dead: LeftBehind, who: str, created: str) -> None:
    assert not statelock.is_ours(locked(who or me(), created), dead)


def test_without_a_dead_terraform_of_ours_no_lock_is_ours(dead: LeftBehind) -> None:
    lock = locked(me(), "2026-11-22 12:00:05 +0000 UTC")
    assert not statelock.is_ours(lock, None)
    alive = identify(os.getpid())
    assert alive is not None
    assert not statelock.is_ours(lock, LeftBehind(alive, dead.log, "apply"))
    dead.log.write_text("", encoding="utf-8")
    assert not statelock.is_ours(lock, dead)
