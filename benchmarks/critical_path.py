"""Apply's wall time over the critical path of the resource graph, with operations that take time.

The graph is Terraform's own for the plan that is then applied (``terraform graph -plan``); a resource's time is what
Terraform's log says from its start to its end, waiting for azapi's locks included. So a ratio near 1 says that nothing
waits for a free worker, and that there is no dependency to gain by removing but those on the path itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

_EDGE = re.compile(r'^\s*"\[root\] (.*)" -> "\[root\] (.*)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CriticalPath:
    wall_seconds: float
    path_seconds: float
    path: tuple[str, ...]

    @property
    def ratio(self) -> float:
        return self.wall_seconds / self.path_seconds


def critical_path(dot: str, log: Iterable[str]) -> CriticalPath:
    """``dot`` is the graph of the plan, ``log`` the JSON lines of its apply."""
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    for line in log:
        event = json.loads(line)
        if event.get("type") in ("apply_start", "apply_complete"):
            when = datetime.fromisoformat(event["@timestamp"]).timestamp()
            (begun if event["type"] == "apply_start" else ended)[event["hook"]["resource"]["addr"]] = when
    seconds = {address: ended[address] - begun[address] for address in ended}
    depends: dict[str, list[str]] = {}
    for match in _EDGE.finditer(dot):
        node, on = (name.replace('\\"', '"') for name in match.groups())
        depends.setdefault(node, []).append(on)

    @cache
    def longest(node: str) -> tuple[float, tuple[str, ...]]:
        before = max((longest(on) for on in depends.get(node, ())), key=lambda path: path[0], default=(0.0, ()))
        if node not in seconds:
            return before
        return before[0] + seconds[node], (*before[1], node)

    length, path = max((longest(address) for address in seconds), key=lambda path: path[0])
    return CriticalPath(max(ended.values()) - min(begun.values()), length, path)


def measure(project: Path, toolkit: Callable[..., None], graph: Callable[[Path], str], scale: float) -> CriticalPath:
    """Plan and apply ``local`` of ``project`` (bootstrapped, destroyed) at ``scale`` of Azure's own times."""
    bundle = project / "bundle"
    toolkit(project, "sandbox", "profile", "realistic", "--scale", str(scale))
    toolkit(project, "plan", "local", "--out", str(bundle), expected=2)
    dot = graph(bundle / "plan.tfplan")
    toolkit(project, "apply", "local", "--plan", str(bundle), "--yes", "--no-smoke")
    toolkit(project, "sandbox", "profile", "instant")
    log = sorted((project / ".toolkit" / "local" / "logs").glob("*-platform-apply.jsonl"))[-1]
    return critical_path(dot, log.read_text(encoding="utf-8").splitlines())
