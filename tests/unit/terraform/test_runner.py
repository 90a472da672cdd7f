"""The process: events, exit codes, interrupts, kill -9, all with the real Terraform."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.terraform.conftest import Seen, wait_for
from toolkit.errors import InterruptedByUser, ToolkitError
from toolkit.processes import identify
from toolkit.terraform.diagnostics import failure
from toolkit.terraform.runner import FLAG, Runner


def plan(runner: Runner, file: Path, **options: Any) -> int:
    return runner.run("plan", json=FLAG, detailed_exitcode=FLAG, input=False, out=str(file), **options).returncode


def test_plan_then_apply_reports_every_resource_and_leaves_sensitive_outputs_out(
    runner: Runner, seen: Seen, tmp_path: Path
) -> None:
    assert plan(runner, tmp_path / "p") == 2
    result = runner.run("apply", str(tmp_path / "p"), json=FLAG, planned=3)
    assert result.returncode == 0
    assert sorted(result.events.applied) == ["module.child.terraform_data.b", "terraform_data.a", "terraform_data.slow"]
    assert result.events.outputs == {"value": "one"}
    done = [p for p in seen.resources if p.state == "done"]
    assert [p.finished for p in done] == [1, 2, 3]
    assert {p.planned for p in done} == {3}
    assert plan(runner, tmp_path / "p") == 0


def test_logs_are_private_and_sensitive_output_of_show_is_not_among_them(runner: Runner, tmp_path: Path) -> None:
    plan(runner, tmp_path / "p")
    shown = runner.run("show", str(tmp_path / "p"), json=FLAG, private=True).stdout
    assert "not shown" in shown
    logs = list((tmp_path / "logs").iterdir())
    assert logs
    for log in logs:
        assert log.stat().st_mode & 0o777 == 0o600
        assert "not shown" not in log.read_text(encoding="utf-8")


def test_arguments_meant_for_the_users_own_terraform_are_not_inherited(
    terraform_path: Path, configuration: Path, tmp_path: Path, seen: Seen
) -> None:
    environment = {**os.environ, "TF_CLI_ARGS_plan": "-no-such-option", "TF_WORKSPACE": "elsewhere"}
    runner = Runner(terraform_path, configuration, environment, tmp_path / "logs", seen)
    assert runner.run("init", input=False).returncode == 0
    assert plan(runner, tmp_path / "p") == 2


def test_an_error_carries_the_address_and_terraforms_words(runner: Runner, tmp_path: Path) -> None:
    plan(runner, tmp_path / "p", var="hook=exit 7")
    result = runner.run("apply", str(tmp_path / "p"), json=FLAG)
    assert result.returncode == 1
    error = failure(result, {"env": "local"})
    assert "terraform_data.slow" in error.message
    assert "exit status 7" in error.message


def test_terraform_that_is_not_there_is_one_clear_error(configuration: Path, tmp_path: Path, seen: Seen) -> None:
    runner = Runner(tmp_path / "no-terraform", configuration, dict(os.environ), tmp_path / "logs", seen)
    with pytest.raises(ToolkitError, match=r"does not start: No such file") as caught:
        runner.run("version")
    assert "doctor --toolchain" in (caught.value.hint or "")


def test_a_stale_plan_is_refused_by_terraform_and_explained(runner: Runner, tmp_path: Path) -> None:
    plan(runner, tmp_path / "first")
    plan(runner, tmp_path / "second")
    assert runner.run("apply", str(tmp_path / "first"), json=FLAG).returncode == 0
    result = runner.run("apply", str(tmp_path / "second"), json=FLAG)
    assert result.returncode == 1
    error = failure(result, {"env": "local"})
    assert "stale" in error.message
    assert error.hint == "toolkit plan local"


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in the foreground", "a background job"])
def interrupt_handler(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What SIGINT does outside of a run: a shell that has no job control starts background jobs with it ignored.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_12
    """
    former = signal.signal(signal.SIGINT, request.param)
    yield request.param
    signal.signal(signal.SIGINT, former)


def test_an_interrupt_reaches_terraform_once_and_frees_the_state(
    runner: Runner, seen: Seen, tmp_path: Path, interrupt_handler: Any
) -> None:
    """The hook goes on until it sees the file, so the interrupt certainly comes in the middle of the apply."""
    go = tmp_path / "go"
    plan(runner, tmp_path / "p", var=f"hook=until [ -e {go} ]; do sleep 0.05; done")

    def interrupt(progress: object) -> None:
        if getattr(progress, "address", "") == "terraform_data.slow":
            seen.on_resource = None
            os.kill(os.getpid(), signal.SIGINT)
            go.touch()

    seen.on_resource = interrupt
    with pytest.raises(InterruptedByUser, match="stopped in order"):
        runner.run("apply", str(tmp_path / "p"), json=FLAG)
    assert sum("interrupted" in note for note in seen.notes) == 1
    assert not (runner.folder / ".terraform.tfstate.lock.info").exists()
    assert signal.getsignal(signal.SIGINT) is interrupt_handler


def test_a_third_interrupt_kills(runner: Runner, seen: Seen, tmp_path: Path) -> None:
    plan(runner, tmp_path / "p", var="hook=exec sleep 600")
    pids: list[int] = []

    class Records:
        def terraform_started(self, pid: int, log: Path, command: str) -> None:
            pids.append(pid)

        def terraform_ended(self) -> None:
            pass

    def interrupt(progress: object) -> None:
        if getattr(progress, "address", "") == "terraform_data.slow":
            seen.on_resource = None
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)

    runner.records = Records()
    seen.on_resource = interrupt
    with pytest.raises(InterruptedByUser, match="was killed"):
        runner.run("apply", str(tmp_path / "p"), json=FLAG)
    assert len(seen.notes) == 2
    assert identify(pids[0]) is None


@pytest.mark.parametrize("stubborn", [False, True], ids=["in order", "by force"])
def test_terraform_is_ended_at_once_when_what_it_works_on_has_ended(
    runner: Runner, seen: Seen, tmp_path: Path, stubborn: bool
) -> None:
    """The hook would go on for ten minutes; one that ignores the interrupt holds Terraform up."""
    hook = "trap '' INT; while :; do sleep 600; done" if stubborn else "exec sleep 600"
    plan(runner, tmp_path / "p", var=f"hook={hook}")
    begun = []
    seen.on_resource = lambda progress: begun.append(progress.address)
    runner.gone = lambda: "the sandbox (process 1) has ended" if "terraform_data.slow" in begun else None
    with pytest.raises(ToolkitError, match=r"the sandbox \(process 1\) has ended while terraform apply was at work"):
        runner.run("apply", str(tmp_path / "p"), json=FLAG)
    assert runner.last_log is not None


def test_a_hangup_is_an_interrupt_and_nohup_keeps_it_away(runner: Runner, seen: Seen, tmp_path: Path) -> None:
    go = tmp_path / "go"
    plan(runner, tmp_path / "p", var=f"hook=until [ -e {go} ]; do sleep 0.05; done")

    def hang_up(progress: object) -> None:
        if getattr(progress, "address", "") == "terraform_data.slow":
            seen.on_resource = None
            os.kill(os.getpid(), signal.SIGHUP)
            go.touch()

    former = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        seen.on_resource = hang_up
        with pytest.raises(InterruptedByUser, match="stopped in order"):
            runner.run("apply", str(tmp_path / "p"), json=FLAG)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        go.unlink()
        assert plan(runner, tmp_path / "q", var=f"hook=until [ -e {go} ]; do sleep 0.05; done") == 2
        seen.on_resource = hang_up
        assert runner.run("apply", str(tmp_path / "q"), json=FLAG).returncode == 0
    finally:
        signal.signal(signal.SIGHUP, former)


def test_terraform_killed_from_outside_is_said(runner: Runner, seen: Seen, tmp_path: Path) -> None:
    plan(runner, tmp_path / "p", var="hook=exec sleep 600")

    class Records:
        pid = 0

        def terraform_started(self, pid: int, log: Path, command: str) -> None:
            self.pid = pid

        def terraform_ended(self) -> None:
            pass

    records = Records()
    runner.records = records

    def kill(progress: object) -> None:
        if getattr(progress, "address", "") == "terraform_data.slow":
            seen.on_resource = None
            os.killpg(records.pid, signal.SIGKILL)

    seen.on_resource = kill
    result = runner.run("apply", str(tmp_path / "p"), json=FLAG)
    assert result.killed
    assert "was killed (signal 9)" in failure(result, {"env": "local"}).message


def test_after_kill_9_of_the_toolkit_terraform_finishes_and_saves_its_state(
    runner: Runner, python: str, tmp_path: Path
) -> None:
    go, pid_file = tmp_path / "go", tmp_path / "pid"
    plan(runner, tmp_path / "p", var=f"hook=until [ -e {go} ]; do sleep 0.05; done")
    program = textwrap.dedent(f"""
        import os, sys
        from pathlib import Path
        from toolkit.terraform.events import Silent
        from toolkit.terraform.runner import FLAG, Runner

        class Records:
            def terraform_started(self, pid, log, command):
                Path({str(pid_file)!r}).write_text(str(pid))
            def terraform_ended(self): ...

        runner = Runner(Path({str(runner.terraform)!r}), Path({str(runner.folder)!r}), dict(os.environ),
                        Path({str(tmp_path / "logs2")!r}), Silent(), Records())
        runner.run("apply", {str(tmp_path / "p")!r}, json=FLAG)
    """)
    toolkit = subprocess.Popen([python, "-c", program])

    def slow_is_running() -> bool:
        return any("terraform_data.slow: Creating" in log.read_text() for log in (tmp_path / "logs2").glob("*.jsonl"))

    wait_for(slow_is_running)
    terraform = identify(int(pid_file.read_text(encoding="ascii")))
    assert terraform is not None
    toolkit.kill()
    toolkit.wait()
    assert terraform.alive()
    go.touch()
    wait_for(lambda: not terraform.alive())
    state = json.loads((runner.folder / "terraform.tfstate").read_text(encoding="utf-8"))
    assert {r["type"] + "." + r["name"] for r in state["resources"]} == {
        "terraform_data.a",
        "terraform_data.slow",
        "terraform_data.b",
    }
    assert not (runner.folder / ".terraform.tfstate.lock.info").exists()
    assert plan(runner, tmp_path / "again", var=f"hook=until [ -e {go} ]; do sleep 0.05; done") == 0


def test_a_toolkit_that_is_killed_before_it_wrote_terraform_down_starts_none(
    runner: Runner, python: str, tmp_path: Path
) -> None:
    plan(runner, tmp_path / "p", var="hook=true")
    pid_file = tmp_path / "pid"
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from toolkit.terraform.events import Silent
        from toolkit.terraform.runner import FLAG, Runner

        class Records:
            def terraform_started(self, pid, log, command):
                Path({str(pid_file)!r}).write_text(str(pid))
                os.kill(os.getpid(), signal.SIGKILL)
            def terraform_ended(self): ...

        runner = Runner(Path({str(runner.terraform)!r}), Path({str(runner.folder)!r}), dict(os.environ),
                        Path({str(tmp_path / "logs2")!r}), Silent(), Records())
        runner.run("apply", {str(tmp_path / "p")!r}, json=FLAG)
    """)
    assert subprocess.run([python, "-c", program], check=False).returncode == -signal.SIGKILL
    wait_for(lambda: identify(int(pid_file.read_text(encoding="ascii"))) is None)
    assert not (runner.folder / "terraform.tfstate").exists()
    assert [log.read_text() for log in (tmp_path / "logs2").iterdir()] == ["", ""]


def test_a_record_that_cannot_be_written_starts_none(runner: Runner, tmp_path: Path) -> None:
    plan(runner, tmp_path / "p", var="hook=true")

    class Records:
        def terraform_started(self, pid: int, log: Path, command: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def terraform_ended(self) -> None: ...

    runner.records = Records()
    with pytest.raises(ToolkitError, match="No space left on device"):
        runner.run("apply", str(tmp_path / "p"), json=FLAG)
    assert not (runner.folder / "terraform.tfstate").exists()


def test_a_misspelt_command_is_no_terraform_command(runner: Runner) -> None:
    with pytest.raises(AttributeError):
        runner._commands.aply()
