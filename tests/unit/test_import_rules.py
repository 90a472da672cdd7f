"""Each rule for imports in pyproject.toml can fail: one forbidden import breaks it, and the module is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

# The beginning of a rule's name -> a module, and the import that it must not have.
BREAKS = {
    "Floors": ("azure/clients.py", "from toolkit.terraform import state"),
    "No circles": ("terraform/events.py", "from toolkit.terraform.runner import FLAG"),
    "Only toolkit.terraform.runner": ("terraform/plan.py", "import python_terraform"),
    "Only toolkit.guard.rego": ("terraform/plan.py", "import regopy"),
    "Only toolkit.cli.terminal": ("cli/main.py", "from rich.console import Console"),
    "Only commands": ("terraform/plan.py", "import click"),
    "Only the environment": ("terraform/plan.py", "from toolkit.sandbox.model import VANTAGES"),
    "The sandbox is": ("sandbox/store.py", "from toolkit.protection import Step"),
    "The sandbox's services": ("sandbox/entra/tokens.py", "from toolkit.sandbox.arm import errors"),
}


def test_every_rule_is_broken_here_once() -> None:
    names = [contract["name"] for contract in CONTRACTS]
    assert [[name for name in names if name.startswith(start)] for start in BREAKS] == [[name] for name in names]


@pytest.mark.parametrize("rule", BREAKS)
def test_a_forbidden_import_breaks_its_rule(rule: str, tmp_path: Path) -> None:
    module, line = BREAKS[rule]
    shutil.copytree(ROOT / "toolkit", tmp_path / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "toolkit" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "400", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    broken = [words.partition(" BROKEN")[0] for words in done.stdout.splitlines() if " BROKEN" in words]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(name.startswith(rule) for name in broken), done.stdout
    reported = done.stdout.partition("Broken contracts")[2]
    assert f".{Path(module).stem} -> " in reported
