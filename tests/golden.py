"""What a person sees, kept as files: a change of it is seen in the review of the commit that makes it.

``RENEW_GOLDEN=1 pytest tests/unit/cli tests/unit/smoke`` writes the files anew; ``git diff`` then shows what changed.
"""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(folder: Path, name: str, text: str) -> None:
    """Fails unless ``text`` is what ``folder``/golden/``name`` holds."""
    file = folder / "golden" / name
    if os.environ.get("RENEW_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    kept = file.read_text(encoding="utf-8") if file.is_file() else None
    assert text == kept, f"{file} differs: RENEW_GOLDEN=1 writes it anew when the difference is meant"
