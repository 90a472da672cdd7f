"""A command under a lease: its exit code and its signals, in real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract

COMMAND = textwrap.dedent("""
    import sys
    from datetime import timedelta
    from pathlib import Path
    from toolkit.firewall.command import run_command, undisturbed
    with undisturbed(lambda _: None):
        pass
    Path(sys.argv[1]).write_text("begun")
    sys.exit(run_command([sys.executable, "-c", sys.argv[2]], {"GIVEN": "by the place"}))
""")


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import os, sys; sys.exit(os.environ['GIVEN'] != 'by the place')", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
    ],
)
def test_a_command_s_exit_code_is_passed_through(tmp_path: Path, program: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND, str(tmp_path / "begun"), program], check=False)
    assert done.returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_gets_the_signals(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready"
    program = (
        "import pathlib, signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        f"pathlib.Path({str(ready)!r}).write_text('x')\n"
        "signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", COMMAND, str(tmp_path / "begun"), program]) as process:
        assert wait_until(ready.exists, 30)
        process.send_signal(number)
        assert process.wait(30) == 42
