"""Writes constraints.txt: what pip would install today for every extra (`make constraints`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# The exact versions that `make`, CI and the fallbacks of the toolchain install; the ranges are in pyproject.toml.
# Written by `make constraints`; do not edit by hand.
"""


def main() -> int:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"),
            ".[sandbox,dev,ml,toolchain]",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found = [(item["metadata"]["name"], item["metadata"]["version"]) for item in json.loads(done.stdout)["install"]]
    pins = [(name, version) for name, version in found if name != "aml-adf-toolkit"]
    text = HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(pins, key=lambda pin: pin[0].lower()))
    (ROOT / "constraints.txt").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
