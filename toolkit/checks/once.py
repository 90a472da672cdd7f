"""What several checks of one run share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """Made by the first that asks for it; who asks meanwhile waits. What the making raises is not kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._kept: dict[str, Any] = {}

    def __call__(self, key: str, make: Callable[[], T]) -> T:
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            if key not in self._kept:
                self._kept[key] = make()
            found: T = self._kept[key]
            return found
