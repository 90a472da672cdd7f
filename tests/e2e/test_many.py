"""Many environments at once, as a user drives them: real children on real rehearsals."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Toolkit
from toolkit.files import try_lock
from toolkit.fleet import report
from toolkit.processes import ProcessId
from toolkit.waiting import wait_until

pytestmark = pytest.mark.e2e

TWO = ("dev@sandbox", "test@sandbox")


def terraforms(project: Path) -> list[dict[str, Any]]:
    """The Terraform of each environment that is at work, as its lock says."""
    found = []
    for name in TWO:
        try:
            record = json.loads((project / ".toolkit" / name / "lock.json").read_text())
        except (OSError, ValueError):
            continue
        if record.get("terraform"):
            found.append(record["terraform"])
    return found


def test_what_is_wrong_with_one_is_told_before_any_begins(toolkit: Toolkit, tmp_path: Path) -> None:
    for arguments, code, said in (
        (("plan", "dev", "tset", "prdo"), 3, "'tset' (did you mean test?"),
        (("plan", "--all", "dev"), 3, "--all goes with no name"),
        (("plan", *TWO, "--out", "plans"), 3, "put {env} into it, the environment's name: --out plans/{env}"),
        (("plan", *TWO, "--report", "all.txt"), 3, "no form of the report ends in '.txt'"),
        (("apply", *TWO, "--force-unlock", "x"), 3, "--force-unlock is for the state of one environment"),
        (("drift", *TWO, "--adopt", "x"), 3, "--adopt is about a resource of one environment"),
        (("drift", *TWO, "--revert", "x"), 3, "--revert is about a resource of one environment"),
        (("apply", "dev", "test"), 4, "many at once ask no questions"),
        (("plan",), 3, "Missing argument 'ENV'"),
        (("plan", *TWO, "--parallel", "0"), 3, "--parallel"),
        (("plan", "--affected", "nowhere"), 3, "--affected"),
    ):
        result = toolkit(*arguments)
        assert result.code == code, (arguments, result.err)
        assert said in result.err, arguments
    assert not (toolkit.project / ".toolkit" / "@many").exists()
    broken = tmp_path / "broken.json"
    broken.write_text("[{]", encoding="utf-8")
    result = toolkit("report", "merge", str(broken))
    assert result.code == 3
    assert "not valid JSON" in result.err


def test_one_interrupt_ends_all_in_order_and_the_report_is_whole(toolkit: Toolkit, tmp_path: Path) -> None:
    """Both are at their bootstraps: the locks are free afterwards, and the report says what was cut off."""
    written = tmp_path / "cut.json"
    process = subprocess.Popen(
        toolkit.command("plan", *TWO, "prod@sandbox", "--parallel", "2", "--report", str(written), "--json"),
        env=toolkit.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert wait_until(lambda: len(terraforms(toolkit.project)) == 2, 120)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "ending in order: dev@sandbox, test@sandbox" in err
    runs = {run.name: run for run in report.read(written)}
    assert [runs[name].result for name in TWO] == ["failed", "failed"]
    assert runs["prod@sandbox"].cause == "interrupted before it began"
    assert {one["exit_code"] for one in json.loads(out)["environments"]} == {130, None}
    # One that gets the interrupt before it listens is killed by it, which stays written down for the next run.
    assert not any(ProcessId(one["pid"], one["started"]).alive() for one in terraforms(toolkit.project))
    for name in TWO:
        lock = try_lock(toolkit.project / ".toolkit" / name / "lock")
        assert lock is not None, "the environment's lock is free"
        lock.close()
