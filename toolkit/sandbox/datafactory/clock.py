"""The factory's clock: real time, which a test may put forward. What waits for a time past it then goes on at once."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class FactoryClock:
    def __init__(self) -> None:
        self._ahead = 0.0
        self._advanced = asyncio.Condition()

    def now(self) -> float:
        return time.time() + self._ahead

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    async def sleep(self, seconds: float) -> None:
        """Until ``seconds`` have passed on this clock."""
        await self.until(self.now() + seconds)

    async def until(self, due: float) -> None:
        while (left := due - self.now()) > 0:
            try:
                async with asyncio.timeout(left), self._advanced:
                    await self._advanced.wait()
            except TimeoutError:
                return

    async def advance(self, seconds: float) -> None:
        self._ahead += seconds
        async with self._advanced:
            self._advanced.notify_all()
