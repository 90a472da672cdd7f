"""What the live view costs: the processor time of drawing an apply, over that of the apply.

The same events go to a terminal that is drawn over and to one that is not, at the pace of a real apply and in a process
of their own; the difference is the view's. The apply's own time is that of all its processes.
"""

from __future__ import annotations

import os
import pty
import resource
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

ROUNDS = 3
RESOURCES, MODULES = 234, 22

_PLAYED = """
import resource, sys, time
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal
from toolkit.terraform.events import ResourceProgress
seconds, resources, modules = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
addresses = [f"module.m{number % modules}.azapi_resource.this[{number}]" for number in range(resources)]
observer = TerminalObserver(Terminal())
observer.begin(addresses[:1]); observer.end()  # imports are paid once, drawn or not
def used():
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime
before, began = used(), time.monotonic()
observer.begin(addresses)
for number, address in enumerate(addresses):
    observer.resource(ResourceProgress(address, "create", "started", 0, 0, resources))
    if number >= 40:  # as many are in flight at once
        observer.resource(ResourceProgress(addresses[number - 40], "create", "done", 2, number - 40, resources))
    time.sleep(max(0, began + seconds * (number + 1) / resources - time.monotonic()))
for address in addresses[-40:]:
    observer.resource(ResourceProgress(address, "create", "done", 2, resources, resources))
observer.end()
open(sys.argv[4], "w").write(str(used() - before))
"""


def _play(seconds: float, term: str, answer: str) -> float:
    """Processor seconds of the toolkit's own process for an apply of so many seconds, on a terminal of its own."""
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key not in ("TF_BUILD", "GITHUB_ACTIONS")}
    environment |= {"TERM": term, "COLUMNS": "110", "LINES": "40", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", _PLAYED, str(seconds), str(RESOURCES), str(MODULES), answer]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)

    def read() -> None:
        try:
            while os.read(ours, 1 << 16):
                pass
        except OSError:  # the other end is closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    if process.wait() != 0:
        raise SystemExit(f"the apply that is played exited {process.returncode}")
    reader.join()
    os.close(ours)
    return float(Path(answer).read_text(encoding="utf-8"))


def measure(apply: Callable[[], object], took: Callable[[], float], answer: str) -> tuple[float, float]:
    """(processor seconds of the view, of the apply). ``apply`` runs one in child processes.

    ``took`` says how long it was, ``answer`` is a file for what is measured.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    apply()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rounds = [(_play(took(), "xterm-256color", answer), _play(took(), "dumb", answer)) for _ in range(ROUNDS)]
    return statistics.median(max(drawn - plain, 0.0) for drawn, plain in rounds), whole
