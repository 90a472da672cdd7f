"""Which loopback ports the daemon opens: those of the last run where they are free, fixed ones on request."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable

from toolkit.errors import ToolkitError
from toolkit.sandbox.settings import PORT_BASE_VARIABLE

Listen = Callable[[int], Awaitable[int]]


class Ports:
    """Opens listeners and remembers their ports by name, so that a restart finds them again."""

    def __init__(self, remembered: dict[str, int], base: int | None) -> None:
        """``remembered``: the ports of the last run by name. ``base``: the first of fixed ports, None for free ones."""
        self._remembered = remembered
        self._base = base
        self.opened: dict[str, int] = {}

    async def open(self, name: str, listen: Listen) -> int:
        """Call ``listen(port)`` (0 asks for a free one) and answer the port that it got.

        Raises ToolkitError when a fixed port is taken.
        """
        if self._base is not None:
            self.opened[name] = await self._open_fixed(name, self._base + len(self.opened), listen)
        else:
            self.opened[name] = await self._open_free(self._remembered.get(name, 0), listen)
        return self.opened[name]

    async def _open_fixed(self, name: str, port: int, listen: Listen) -> int:
        try:
            return await listen(port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise ToolkitError(
                f"port {port} is taken: the sandbox needs it for {name} ({PORT_BASE_VARIABLE}={self._base})",
                hint=f"set {PORT_BASE_VARIABLE} to the first of a range of free ports, or unset it to find free ones",
            ) from error

    async def _open_free(self, remembered: int, listen: Listen) -> int:
        try:
            return await listen(remembered)
        except OSError:
            if not remembered:
                raise
            return await listen(0)
