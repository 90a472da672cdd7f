"""The versions of azapi that a machine has: the one that the toolkit finds, and another by name."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Toolkit
from toolkit.toolchain.terraform import ensure_terraform

# A directory as `terraform providers mirror` makes it, with the other major.
OTHER_MIRROR = "TOOLKIT_TEST_OTHER_MIRROR"
MIRRORS = ("found", "other")


def mirror(which: str) -> dict[str, str]:
    """The environment variables of a command that runs on this provider; skips where it is not at hand."""
    if which == "found":
        return {}
    folder = os.environ.get(OTHER_MIRROR)
    if not folder:
        pytest.skip(f"no other version of azapi: {OTHER_MIRROR} names no mirror")
    return {"TOOLKIT_PROVIDER_MIRROR": folder}


def version(toolkit: Toolkit, environment: str, lock_file: str = ".terraform.lock.hcl") -> str:
    """The version of azapi that the environment's lock file selects."""
    lock = toolkit.project / ".toolkit" / environment / lock_file
    found = re.search(r'azure/azapi" \{\s*version\s*=\s*"([^"]+)"', lock.read_text(encoding="utf-8"))
    assert found is not None, lock
    return found[1]


def shown_plans(toolkit: Toolkit, environment: str) -> dict[str, dict[str, Any]]:
    """The newest saved plan of each root, as ``terraform show -json`` shows it."""
    folder = toolkit.project / ".toolkit" / environment
    terraform = ensure_terraform()
    shown = {}
    for root in ("bootstrap", "platform"):
        saved = sorted((folder / "plans").glob(f"*-{root}.tfplan"))
        assert saved, f"{environment} has no plan of its {root}"
        command = [*terraform.command, "show", "-json", str(saved[-1])]
        done = subprocess.run(command, cwd=Path(folder, "work", root), capture_output=True, text=True, check=True)
        shown[root] = json.loads(done.stdout)
    return shown
