"""Errors that go away by themselves (the rows with seconds in :mod:`toolkit.azure.codes`): eventual consistency."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.terraform import diagnostics
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.recovery.past import Failed, Mended, Past
from toolkit.waiting import Waits


class PassingError(Past):
    def after_failure(self, failed: Failed) -> Mended | None:
        return passing(failed.errors, failed.waits)


def passing(errors: Sequence[Diagnostic], waits: Waits) -> Mended | None:
    """How long to wait before another try, when every error is one that goes away and its budget is not over."""
    row = diagnostics.retryable(errors)
    pause = waits.next(row.seconds, row.code) if row is not None else None
    if row is None or pause is None:
        return None
    where = ", ".join(sorted({diagnostics.place_of(error) for error in errors} - {""}))
    note = f"{row.meaning} ({row.code}: {where}); planning again and going on in {pause:.0f} s"
    return Mended(note, pause=pause)
