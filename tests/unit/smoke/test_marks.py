"""A run of this machine that was killed is told from one that lives, and from one of another machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from toolkit.records import read_record, write_record
from toolkit.smoke.marks import Marks


def test_the_dead_are_told_from_the_living_and_from_strangers(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "runs")
    assert marks.dead() == frozenset()
    marks.set("alive")
    own = read_record(tmp_path / "runs" / "alive.json")
    assert own["pid"] == os.getpid()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_record(tmp_path / "runs" / "killed.json", {**own, "pid": gone.pid})
    write_record(tmp_path / "runs" / "number-used-again.json", {**own, "started": "long ago"})
    write_record(tmp_path / "runs" / "elsewhere.json", {**own, "host": "another", "pid": gone.pid})
    (tmp_path / "runs" / "cut-off.json").write_text('{"pid"', encoding="utf-8")
    assert marks.dead() == {"killed", "number-used-again"}
    marks.forget(marks.dead())
    assert marks.dead() == frozenset()
    assert (tmp_path / "runs" / "alive.json").exists()
