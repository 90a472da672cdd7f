"""The code that the runtime proof registers: a job that runs it says which code it is. Standard library only."""

import hashlib
import json
import os
from pathlib import Path

WORD = "toolkit-runtime-proof "
MARKER = ".aml-code-asset-version"


def digest(folder: Path) -> str:
    """Of the names and contents of what was registered; what a job adds (``outputs``) is not among it."""
    found = hashlib.sha256()
    for name in (MARKER, "prove.py"):
        path = folder / name
        content = path.read_bytes() if path.is_file() else b"(missing)"
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def main() -> None:
    folder = Path(__file__).resolve().parent
    marker = folder / MARKER
    said = {
        "marker": marker.read_text(encoding="utf-8").split("\n")[0] if marker.is_file() else None,
        "sha256": digest(folder),
        "version": os.environ.get("CODE_ASSET_VERSION"),
    }
    print(WORD + json.dumps(said, sort_keys=True))


if __name__ == "__main__":
    main()
