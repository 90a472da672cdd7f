"""The live view's lines, and where it is not drawn."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.golden import check_golden
from toolkit.cli.heartbeat import start_heartbeat
from toolkit.cli.live import duration, ended, lines
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal
from toolkit.terraform.events import ResourceProgress, ResourceState
from toolkit.terraform.flight import Flight, Pace, pace_of, split_address

HERE = Path(__file__).parent
STORAGE, NETWORK = "module.storage", 'module.network["a.b"]'
ADDRESSES = [
    *(f"{STORAGE}.azapi_resource.{name}" for name in ("this", "container", "rules")),
    f'{STORAGE}.module.private_endpoint["blob"].azapi_resource.this',
    f"{NETWORK}.azapi_resource.virtual_network",
    "module.machine_learning_workspace_with_a_long_name.azapi_resource.this",
    "azapi_resource.group",
]


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def step(address: str, state: ResourceState, seconds: float = 0) -> ResourceProgress:
    return ResourceProgress(address, "create", state, seconds, 0, 0)


def flown() -> tuple[Flight, list[str]]:
    """Forty seconds into an apply: one module through, one failed, three in flight."""
    clock, through = Clock(), []
    flight = Flight(ADDRESSES, clock, Pace((2.0, 3.0, 10.0, 30.0, 50.0, 70.0, 80.0), 80.0))
    for after, address, state in (
        (0, ADDRESSES[4], "started"),
        (1, ADDRESSES[6], "started"),
        (4, ADDRESSES[4], "done"),
        (0, ADDRESSES[0], "started"),
        (0, ADDRESSES[5], "started"),
        (20, ADDRESSES[0], "done"),
        (0, ADDRESSES[1], "started"),
        (0, ADDRESSES[3], "started"),
        (5, ADDRESSES[5], "failed"),
        (10, ADDRESSES[1], "done"),
    ):
        clock.now += after
        if (one := flight.take(step(address, state))) is not None:
            through.append(ended(one))
    return flight, through


@pytest.mark.parametrize("width", [110, 60, 40])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_lines_of_the_live_view(width: int, unicode: bool) -> None:
    flight, through = flown()
    drawn = [text for text, _ in lines(flight, width, 12, unicode)]
    assert all(len(text) <= width for text in drawn)
    assert unicode or all(text.isascii() for text in drawn)
    check_golden(HERE, f"live-{width}{'' if unicode else '-ascii'}.txt", "\n".join([*through, *drawn]) + "\n")


def test_a_view_is_no_higher_than_asked() -> None:
    flight, _ = flown()
    drawn = [text for text, _ in lines(flight, 80, 4)]
    assert len(drawn) == 4
    assert "… and 1 more modules in flight" in drawn[-2]


def test_a_module_is_through_when_nothing_of_it_is_left() -> None:
    flight = Flight(ADDRESSES[:2], Clock())
    assert flight.take(step(ADDRESSES[0], "done")) is None
    through = flight.take(step(ADDRESSES[1], "done"))
    assert through is not None
    assert (through.module, through.resources) == (STORAGE, 2)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("a.b", ("(root)", "a.b")),
        ('a.b["x.y"]', ("(root)", 'a.b["x.y"]')),
        ('module.m["x.y"].a.b["module.c"]', ('module.m["x.y"]', 'a.b["module.c"]')),
        ("module.m.module.n[0].data.a.b", ("module.m", "n[0].data.a.b")),
    ],
)
def test_addresses(address: str, parts: tuple[str, str]) -> None:
    assert split_address(address) == parts


def test_the_time_left_goes_by_how_the_last_apply_went() -> None:
    last = Pace((10.0, 20.0, 90.0, 100.0), 100.0)
    assert last.left(0, 4, 0) == 100  # as long as the last one
    assert last.left(2, 4, 20) == 80  # as fast
    assert last.left(2, 4, 40) == 160  # half as fast
    assert last.left(4, 4, 100) == 0
    assert last.left(0, 2, 0) == 50  # half as much to do
    assert Pace((), 0).left(1, 2, 3) is None
    assert pace_of(last.as_json()) == last
    assert pace_of({}) is pace_of({"done": "x", "seconds": 1}) is pace_of({"done": [], "seconds": 1}) is None


def test_durations() -> None:
    assert [duration(x) for x in (0.4, 59.6, 61, 3700)] == ["0s", "1m00s", "1m01s", "1h01m"]


APPLY = """
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal
from tests.unit.cli.test_live import ADDRESSES, step
observer = TerminalObserver(Terminal())
observer.begin(ADDRESSES)
for address in ADDRESSES:
    observer.resource(step(address, "started"))
    observer.resource(step(address, "done"))
observer.end()
"""


def on_a_terminal(code: str = APPLY, **variables: str) -> str:
    """What a little program, by default the small apply above, writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    settings = {
        key: value for key, value in os.environ.items() if key not in ("TF_BUILD", "GITHUB_ACTIONS", "NO_COLOR")
    }
    settings |= {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "PYTHONIOENCODING": "utf-8", **variables}
    process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=settings)
    os.close(theirs)
    seen = io.BytesIO()
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not chunk:
            break
        seen.write(chunk)
    os.close(ours)
    assert process.wait() == 0, seen.getvalue().decode()
    return seen.getvalue().decode()


def test_a_terminal_is_drawn_over_and_left_clean() -> None:
    seen = on_a_terminal()
    assert "\x1b[?25l" in seen, "the cursor is hidden while it is drawn"
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l"), "and comes back"
    assert "module.storage: 4 done" in seen
    assert "azapi_resource.container" not in seen.replace("\x1b", "").split("module.storage: 4 done")[1]


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "1"}, {"COLUMNS": "30"}])
def test_where_nothing_can_be_drawn_over_each_resource_has_its_line(variables: dict[str, str]) -> None:
    seen = on_a_terminal(**variables)
    assert "\x1b[?25l" not in seen
    assert "\x1b[1A" not in seen
    for address in ADDRESSES:
        assert f"create {address} (0s)" in " ".join(seen.split())
    if variables.get("TERM") == "dumb":
        assert "\x1b" not in seen


def test_no_colour_is_no_colour_and_still_a_view() -> None:
    seen = on_a_terminal(NO_COLOR="1")
    assert "\x1b[?25l" in seen
    assert "\x1b[32m" not in seen


@pytest.mark.parametrize(("variable", "value"), [("GITHUB_ACTIONS", "true"), ("TF_BUILD", "True")])
def test_the_log_of_a_ci_job_folds(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITHUB_ACTIONS", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    clock = Clock()
    observer = TerminalObserver(Terminal(_now=clock))
    observer.step("terraform plan (platform)")
    observer.begin(ADDRESSES)
    for address in ADDRESSES[:3]:
        observer.resource(step(address, "running", 10))
        observer.resource(step(address, "done", 20))
    observer.resource(step(ADDRESSES[4], "failed", 5))
    observer.resource(step(ADDRESSES[3], "started"))
    assert observer.doing().startswith("3 of 7 done, 2 modules in flight, slowest: module.")
    observer.end()
    check_golden(HERE, f"ci-apply-{variable.lower()}.txt", capsys.readouterr().err)


@dataclass
class Working:
    said: threading.Event

    def doing(self) -> str:
        self.said.set()
        return "terraform plan"


def test_a_sign_of_life_for_as_long_as_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    terminal, working = Terminal(), Working(threading.Event())
    thread = start_heartbeat(terminal, working, 0.03)
    assert working.said.wait(20)
    del working
    thread.join(20)
    assert not thread.is_alive()
    assert "still: terraform plan" in capsys.readouterr().err
