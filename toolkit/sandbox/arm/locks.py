"""Management locks: inherited from every scope above, and for a delete also looked for below.

https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from __future__ import annotations

from toolkit.sandbox.arm.errors import conflict
from toolkit.sandbox.arm.ids import same, within
from toolkit.sandbox.store import Store

LOCKS = "Microsoft.Authorization/locks"


class Locks:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._revision = -1
        self._locks: list[tuple[str, str, str]] = []  # scope lower-cased, scope as written, level

    def check(self, resource_id: str, type_: str, method: str) -> None:
        """409 ScopeLocked when a lock forbids ``method`` on the resource; locks themselves can always be written
        and removed."""
        if method in ("GET", "HEAD") or same(type_, LOCKS):
            return
        if self._revision != self._store.revision(LOCKS):
            self._revision = self._store.revision(LOCKS)
            self._locks = [
                (scope.lower(), scope, lock.properties.get("level", ""))
                for lock in self._store.of_type(LOCKS)
                for scope in (lock.id.rsplit("/providers/", 1)[0],)
            ]
        here = resource_id.lower()
        delete = method == "DELETE"
        holding = [
            written
            for scope, written, level in self._locks
            if (delete and (within(scope, here) or within(here, scope)))
            or (level == "ReadOnly" and within(scope, here))
        ]
        if holding:
            verb = "delete" if delete else "write"
            listed = ",".join(holding)
            raise conflict(
                "ScopeLocked",
                f"The scope '{resource_id}' cannot perform {verb} operation because following scope(s) are locked: "
                f"'{listed}'. Please remove the lock and try again.",
            )
