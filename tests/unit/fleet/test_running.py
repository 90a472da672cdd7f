"""The children of a run over many environments: real processes, that stand for `toolkit` on one environment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.fleet.driver import Watched
from toolkit.errors import ExitCode
from toolkit.fleet.running import Child, Job, as_run, exit_code, new_folder, run_all
from toolkit.project import Project
from toolkit.waiting import wait_until


def job(name: str, script: str = "", *after: str) -> Job:
    return Job(name, (sys.executable, "-c", textwrap.dedent(script)), after)


def run(
    tmp_path: Path, *jobs: Job, parallel: int = 4, fail_fast: bool = False
) -> tuple[dict[str, Child], Watched, ExitCode]:
    project, watched = Project(tmp_path), Watched()
    children, interrupted = run_all(
        project, jobs, new_folder(project, "plan"), watched, parallel=parallel, fail_fast=fail_fast
    )
    return {child.job.name: child for child in children}, watched, exit_code(children, interrupted)


def test_no_more_run_at_a_time_than_may(tmp_path: Path) -> None:
    children, watched, code = run(tmp_path, *(job(str(n)) for n in range(5)), parallel=2)
    assert watched.most == 2
    assert code == ExitCode.DONE
    assert all(child.exit_code == 0 for child in children.values())


def test_a_hub_is_done_before_its_spokes_begin(tmp_path: Path) -> None:
    _, watched, _ = run(tmp_path, job("spoke", "", "hub"), job("hub"), job("other"))
    assert watched.order.index("-hub") < watched.order.index("+spoke")


def test_what_depends_on_a_failure_is_not_begun_and_the_rest_goes_on(tmp_path: Path) -> None:
    script = "import sys; print('error: no quota\\nhint: ask for it', file=sys.stderr); sys.exit(1)"
    children, watched, code = run(
        tmp_path, job("hub", script), job("spoke", "", "hub"), job("leaf", "", "spoke"), job("other"), parallel=1
    )
    assert code == ExitCode.FAILED
    assert watched.order == ["+hub", "-hub", "+other", "-other"]
    lines = {name: as_run(child, "plan", "", ()) for name, child in children.items()}
    said = {name: (line.result, line.reason, line.cause) for name, line in lines.items()}
    assert said == {
        "hub": ("failed", "run error", "no quota\nhint: ask for it"),
        "spoke": ("early exit", "ancestor error", "hub"),
        "leaf": ("early exit", "ancestor error", "spoke"),
        "other": ("succeeded", None, ""),
    }


def test_fail_fast_begins_nothing_more_and_lets_what_runs_end(tmp_path: Path) -> None:
    """What runs ends after the other one was missed: until then its process is there, if only as a zombie."""
    began, process = tmp_path / "began", tmp_path / "process"
    wait = (
        f"import os, pathlib, sys, time\nbegan, process = pathlib.Path({str(began)!r}), pathlib.Path({str(process)!r})"
    )
    slow = f"""
{wait}
began.touch()
while not process.exists() or os.path.exists(f"/proc/{{process.read_text()}}"):
    time.sleep(0.01)
"""
    fails = f"""
{wait}
while not began.exists():
    time.sleep(0.01)
process.with_suffix(".part").write_text(str(os.getpid()))
process.with_suffix(".part").rename(process)
sys.exit(1)
"""
    children, _, code = run(tmp_path, job("slow", slow), job("bad", fails), job("next"), parallel=2, fail_fast=True)
    assert code == ExitCode.FAILED
    assert children["slow"].exit_code == 0
    assert children["next"].process is None
    assert as_run(children["next"], "plan", "", ()).cause == "not begun: bad failed, and --fail-fast was asked for"


@pytest.mark.parametrize(
    ("codes", "together"),
    [((0, 0), 0), ((0, 2), 2), ((2, 1), 1), ((3, 0), 3), ((4, 2), 4), ((3, 4), 1), ((1, 4), 1), ((0, 130), 130)],
)
def test_the_exit_code_of_all_together(tmp_path: Path, codes: tuple[int, ...], together: int) -> None:
    _, _, code = run(tmp_path, *(job(str(n), f"raise SystemExit({c})") for n, c in enumerate(codes)))
    assert code == together


def test_a_crash_of_one_is_its_own(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys; print('[  1.0s] terraform plan', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    )
    children, _, code = run(tmp_path, job("bad", killed), job("good", "print('{\"a\": 1}')"))
    assert code == ExitCode.FAILED
    assert as_run(children["bad"], "plan", "", ()).cause == "killed by SIGKILL, after: terraform plan"
    assert children["good"].document == {"a": 1}
    assert children["good"].answer.stat().st_mode & 0o077 == 0


def ignoring_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("sent", "ignored", "arrives"),
    [
        (signal.SIGINT, False, signal.SIGINT),
        (signal.SIGTERM, False, signal.SIGINT),
        (signal.SIGHUP, False, signal.SIGINT),
        (signal.SIGTERM, True, signal.SIGTERM),  # a script's background job: its children ignore SIGINT as well
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_one_interrupt_ends_each_child_once_and_begins_no_other(
    tmp_path: Path, sent: signal.Signals, ignored: bool, arrives: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.fleet.driver", str(tmp_path), "2", "a", "b", "c"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=ignoring_sigint if ignored else None,
    )
    assert wait_until(lambda: all((tmp_path / f"{name}.began").exists() for name in "ab"), 30)
    process.send_signal(sent)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert {(tmp_path / f"{name}.ended").read_text() for name in "ab"} == {str(int(arrives))}
    assert not (tmp_path / "c.began").exists()
    assert json.loads(out)[2] == ["c", None, "interrupted before it began"]


def test_the_newest_logs_are_kept(tmp_path: Path) -> None:
    folders = [new_folder(Project(tmp_path), "plan") for _ in range(23)]
    assert sorted(folders[0].parent.iterdir()) == folders[-20:]
