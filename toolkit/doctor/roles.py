"""What a set of permissions lets one do, and which role is the narrowest that has an action.

An action is allowed by an element of ``permissions`` whose actions cover it and whose notActions do not:
https://learn.microsoft.com/azure/role-based-access-control/role-definitions
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Permission = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    id: str
    built_in: bool
    permissions: tuple[Permission, ...]

    @property
    def breadth(self) -> tuple[int, int, int]:
        """Smaller is narrower: how much its widest pattern leaves open, and how many patterns it has.

        A pattern leaves the more open the earlier its first ``*`` is; ``*/read`` counts as one of reading.
        """
        patterns = [a for p in self.permissions for key in ("actions", "dataActions") for a in p.get(key) or ()]
        return max((_openness(one) for one in patterns), default=0), sum(map(_openness, patterns)), len(patterns)


def roles_of(listed: Iterable[Mapping[str, Any]]) -> list[Role]:
    """From a list of role definitions (https://learn.microsoft.com/rest/api/authorization/role-definitions/list)."""
    return [
        Role(
            str(one["properties"]["roleName"]),
            str(one["name"]),
            one["properties"].get("type") == "BuiltInRole",
            tuple(one["properties"].get("permissions") or ()),
        )
        for one in listed
    ]


def allows(permissions: Iterable[Permission], action: str, *, data: bool = False) -> bool:
    """``permissions`` are those of all roles that somebody holds at a scope."""
    allowed, denied = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    wanted = action.lower()
    return any(
        _matches(tuple(p.get(allowed) or ()), wanted) and not _matches(tuple(p.get(denied) or ()), wanted)
        for p in permissions
    )


def narrowest(roles: Sequence[Role], actions: Collection[str], *, data: bool = False) -> list[Role]:
    """The fewest and narrowest roles that have all ``actions`` between them, the widest of them last.

    One role that has them all is preferred as long as it is no wider than what several would leave open.
    """
    left = set(actions)
    chosen: list[Role] = []
    while left:
        able = [(role, {a for a in left if allows(role.permissions, a, data=data)}) for role in roles]
        able = [(role, covered) for role, covered in able if covered]
        if not able:
            return chosen
        # The action that the fewest roles have decides: whatever is chosen has to have it.
        rarest = min(sorted(left), key=lambda a: sum(a in covered for _, covered in able) or len(roles) + 1)
        fitting = [(role, covered) for role, covered in able if rarest in covered]
        if not fitting:
            left.discard(rarest)
            continue
        role, covered = min(fitting, key=lambda found: (*found[0].breadth, -len(found[1]), found[0].name))
        chosen.append(role)
        left -= covered
    return chosen


@lru_cache(maxsize=4096)
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = (".*".join(re.escape(part) for part in one.lower().split("*")) for one in patterns)
    return re.compile("|".join(alternatives) or r"(?!)")


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return _expression(patterns).fullmatch(action) is not None


def _openness(pattern: str) -> int:
    if "*" not in pattern:
        return 0
    before, _, after = pattern.partition("*")
    open_ = {0: 10_000, 1: 1_000, 2: 100}.get(before.count("/"), 10)
    return open_ // 20 if after.lower().endswith("/read") else open_
