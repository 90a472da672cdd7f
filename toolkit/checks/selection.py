"""Which checks of a registry somebody asks for, by words: an id, a pattern of ids, a category, a severity."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Generic, get_args

from toolkit.checks.model import C, Check, Expectation, Severity
from toolkit.errors import UsageError, nearest


@dataclass(frozen=True, slots=True)
class Registry(Generic[C]):
    """``every`` check of ``command``, in order. What is in a category of ``on_request`` runs only when a word begins
    with that category's name."""

    command: str
    every: Sequence[Check[C]]
    categories: Sequence[str]
    on_request: Collection[str] = ()

    def select(
        self,
        categories: Collection[str] = (),
        ids: Collection[str] = (),
        *,
        only: Collection[str] = (),
        skip: Collection[str] = (),
    ) -> tuple[Check[C], ...]:
        """The checks of these categories, with these ids, or that one of the words of ``only`` is about; all but those
        on request when none of the three is given. What a word of ``skip`` is about is left out.

        Raises UsageError for what is unknown, with the nearest known one, and when nothing is left.
        """
        self._known("category", categories, self.categories)
        self._known("check", ids, [check.id for check in self.every])
        for word in (*only, *skip):
            if not any(_matches(word, check) for check in self.every):
                self._known("check", [word], self._words())
        wanted = (
            [c for c in self.every if c.category in categories or c.id in ids or any(self._asks(w, c) for w in only)]
            if categories or ids or only
            else [check for check in self.every if check.category not in self.on_request]
        )
        left = tuple(check for check in wanted if not any(_matches(word, check) for word in skip))
        if not left:
            raise UsageError(
                "no check is left to run",
                hint=f"toolkit {self.command} ENV --list, with the same options, shows what they choose",
            )
        return left

    def check_of(self, check_id: str) -> Check[C]:
        """The check with this id. Raises UsageError, with the nearest known one."""
        self._known("check", [check_id], [check.id for check in self.every])
        return next(check for check in self.every if check.id == check_id)

    def _asks(self, word: str, check: Check[C]) -> bool:
        on_request = check.category in self.on_request and not word.startswith(check.category)
        return _matches(word, check) and not on_request

    def _words(self) -> list[str]:
        ids = [check.id for check in self.every]
        return [*self.categories, *get_args(Severity), *get_args(Expectation), *ids]

    def _known(self, kind: str, wanted: Iterable[str], known: Collection[str]) -> None:
        for name in wanted:
            if name not in known:
                close = nearest(name, known) or next((one for one in known if name in one), None)
                raise UsageError(
                    f"unknown {kind} {name!r}",
                    hint=f"{f'did you mean {close}? ' if close else ''}toolkit {self.command} ENV --list shows them",
                )


def _matches(word: str, check: Check[C]) -> bool:
    return word in (check.category, check.severity, check.expectation) or fnmatchcase(check.id, word)
