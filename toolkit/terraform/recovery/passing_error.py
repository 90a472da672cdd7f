"""Errors that go away by themselves (:data:`toolkit.terraform.diagnostics.RETRYABLE`): Azure's eventual consistency."""

from __future__ import annotations

from toolkit.terraform import diagnostics
from toolkit.terraform.recovery.past import Failed, Mended, Past


class PassingError(Past):
    def after_failure(self, failed: Failed) -> Mended | None:
        row = diagnostics.retryable(failed.errors)
        pause = failed.waits.next(row.budget_seconds, row.name) if row is not None else None
        if row is None or pause is None:
            return None
        where = ", ".join(sorted({error.address for error in failed.errors if error.address}))
        note = f"{row.reason} ({row.name}: {where}); planning again and going on in {pause:.0f} s"
        return Mended(note, pause=pause)
