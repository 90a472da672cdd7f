"""An apply on its way: which modules are in flight, how far each is, and how long the rest may take.

Told of each resource by Terraform's events, asked by whatever shows it, possibly from another thread.
"""

from __future__ import annotations

import bisect
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from toolkit.records import Json
from toolkit.terraform.events import ResourceProgress
from toolkit.terraform.plan import ROOT_MODULE

_PARTS = re.compile(r'(?:[^.\["]|\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\])+')
# An apply of which less than this share is done says nothing yet about its speed.
_TELLING = 0.1


def split_address(address: str) -> tuple[str, str]:
    """The root's module that a resource belongs to, and the resource in it; what that module calls is its own affair.

    >>> split_address('module.a["x.y"].module.b.azapi_resource.this[0]')
    ('module.a["x.y"]', 'b.azapi_resource.this[0]')
    >>> split_address("azapi_resource.this")
    ('(root)', 'azapi_resource.this')
    """
    parts = _PARTS.findall(address)
    if len(parts) < 4 or parts[0] != "module":
        return ROOT_MODULE, address
    return ".".join(parts[:2]), ".".join(part for part in parts[2:] if part != "module")


@dataclass(frozen=True, slots=True)
class Row:
    """A module in flight, with the resource of it that has taken the longest so far; seconds."""

    module: str
    done: int
    planned: int
    failed: int
    seconds: float
    slowest: str
    slowest_seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A module all of whose changes are done, and how long it took from its first to its last."""

    module: str
    resources: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How an apply went: when each of its changes was done, seconds since its beginning, in that order."""

    done: tuple[float, ...]
    seconds: float

    def left(self, done: int, planned: int, elapsed: float) -> float | None:
        """The seconds that the rest of another apply of ``planned`` changes takes, when it goes on like this one.

        This one's clock is stretched by how much slower the other one has been so far. None: nothing can be said.
        """
        if not self.done or not planned:
            return None
        # Where this one was when it had the same share done.
        there = min(round(done / planned * len(self.done)), len(self.done))
        was = self.done[there - 1] if there else 0.0
        share = done / planned
        speed = elapsed / was if share >= _TELLING and was > 0 else 1.0
        expected = self.seconds * speed * (1.0 if share >= _TELLING else min(1.0, planned / len(self.done)))
        return max(0.0, expected - elapsed)

    def as_json(self) -> Json:
        return {"seconds": round(self.seconds, 1), "done": [round(one, 1) for one in self.done]}


def pace_of(document: Json) -> Pace | None:
    """Of what :meth:`Pace.as_json` made; None of anything else."""
    done, seconds = document.get("done"), document.get("seconds")
    if not isinstance(done, list) or not isinstance(seconds, int | float):
        return None
    offsets = sorted(float(one) for one in done if isinstance(one, int | float))
    return Pace(tuple(offsets), float(seconds)) if offsets else None


@dataclass(slots=True)
class _Module:
    planned: int
    began: float
    done: int = 0
    failed: int = 0
    open: dict[str, float] = field(default_factory=dict)  # since when, by resource


@dataclass(slots=True)
class Flight:
    """One apply. ``addresses``: of each change that is planned, twice for a replacement."""

    addresses: Iterable[str]
    clock: Callable[[], float]
    last: Pace | None = None
    began: float = field(init=False)
    planned: int = field(init=False)
    _counts: Counter[str] = field(init=False)
    _modules: dict[str, _Module] = field(init=False, default_factory=dict)
    _offsets: list[float] = field(init=False, default_factory=list)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.began = self.clock()
        self._counts = Counter(split_address(address)[0] for address in self.addresses)
        self.planned = self._counts.total()

    def take(self, progress: ResourceProgress) -> Ended | None:
        """Note one step of one resource; the answer is the module that it completes, if it does."""
        name, resource = split_address(progress.address)
        now = self.clock()
        with self._lock:
            module = self._modules.setdefault(name, _Module(self._counts[name], now))
            if progress.state in ("started", "running"):
                module.open.setdefault(resource, now - progress.seconds)
                return None
            module.open.pop(resource, None)
            if progress.state == "failed":
                module.failed += 1
                return None
            module.done += 1
            bisect.insort(self._offsets, now - self.began)
            if module.open or module.failed or module.done < module.planned:
                return None
            return Ended(name, module.done, now - module.began)

    @property
    def done(self) -> int:
        return len(self._offsets)

    @property
    def elapsed(self) -> float:
        return self.clock() - self.began

    @property
    def left(self) -> float | None:
        """Seconds, by how the last apply went."""
        return self.last.left(self.done, self.planned, self.elapsed) if self.last else None

    @property
    def pace(self) -> Pace:
        return Pace(tuple(self._offsets), self.elapsed)

    def rows(self) -> list[Row]:
        """The modules of which something is in flight, or has failed, in the order in which they began."""
        now = self.clock()
        found = []
        with self._lock:
            for name, module in self._modules.items():
                if not module.open and not module.failed:
                    continue
                slowest, since = min(module.open.items(), key=lambda item: item[1], default=("", now))
                planned = max(module.planned, module.done + len(module.open) + module.failed)
                row = Row(name, module.done, planned, module.failed, now - module.began, slowest, now - since)
                found.append(row)
        return found
