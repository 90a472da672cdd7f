"""Write the generated documentation, or say with ``--check`` (exit code 1 and a diff) what is stale."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate.adf_lint import adf_lint_document
from docs.generate.errors import errors_document
from docs.generate.guard import guard_document
from docs.generate.rbac import rbac_document
from docs.generate.readmes import module_readmes
from docs.generate.variables import variables_document
from toolkit.errors import ToolkitError
from toolkit.project import Project

ROOT = Path(__file__).resolve().parents[2]

# name -> what makes it: path below the project -> text. The matrix needs an applied platform, so only the end-to-end
# tests check it; the rest is checked by `make lint`.
PARTS: dict[str, Callable[[Project], Mapping[Path, str]]] = {
    "readmes": module_readmes,
    "errors": errors_document,
    "variables": variables_document,
    "adf-lint": adf_lint_document,
    "guard": guard_document,
    "rbac": rbac_document,
}


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """The exit code: 0 written or fresh, 1 stale under ``--check``. Raises ToolkitError."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is stale")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all when none is named")
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    project = project or Project(ROOT)
    stale = 0
    for part in options.parts or PARTS:
        for path, text in PARTS[part](project).items():
            file = project.root / path
            before = file.read_text(encoding="utf-8") if file.is_file() else ""
            if before == text:
                continue
            stale += 1
            if options.check:
                lines = difflib.unified_diff(
                    before.splitlines(), text.splitlines(), str(path), f"{path} (generated)", lineterm=""
                )
                print("\n".join(lines))
            else:
                file.write_text(text, encoding="utf-8")
                print(f"wrote {path}")
    if options.check and stale:
        print(f"{stale} stale: python -m docs.generate {' '.join(options.parts)}".rstrip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ToolkitError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
