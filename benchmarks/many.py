"""``toolkit plan`` of several environments at once, over as many bare ``terraform plan`` at once."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from toolkit.environment import load_environment
from toolkit.project import Project
from toolkit.terraform.workspace import WorkFolder

NAMES = ("local", "dev@sandbox", "test@sandbox", "prod@sandbox")  # the example has no more
LIMIT = 4
ROUNDS = 3
Rows = list[tuple[str, str, str]]


def measure(
    project: Path,
    toolkit: Callable[..., None],
    bare: Callable[..., str],
    seconds: Callable[[Callable[[], object]], float],
) -> Rows:
    """Plans of what was never applied, some 200 resources each; bootstraps and init are done before."""
    toolkit(project, "plan", *NAMES, expected=2)
    folders = {name: WorkFolder(load_environment(name, Project(project)), "platform") for name in NAMES}
    measured = []
    for count in (1, 2, len(NAMES)):
        names = NAMES[:count]

        def bare_plans(names: tuple[str, ...] = names) -> None:
            with ThreadPoolExecutor(LIMIT) as pool:
                list(pool.map(lambda name: bare(folders[name], "plan", "-input=false", "-out=bench.tfplan"), names))

        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(
                seconds(lambda names=names: toolkit(project, "plan", *names, f"--parallel={LIMIT}", expected=2))
            )
            theirs.append(seconds(bare_plans))
        a, b = statistics.median(ours), statistics.median(theirs)
        measured.append(f"{count}: {a:.1f} s over {b:.1f} s = {a / b:.2f} ×")
    what = f"`toolkit plan` of N environments over N bare `terraform plan`, {LIMIT} at a time"
    return [(what, "≤ 1.05 ×, flat in N", "; ".join(measured))]
