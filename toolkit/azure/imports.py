"""What the commands import, and whether it can be imported together: ``toolkit doctor --imports``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal

from toolkit.azure import conflicts

State = Literal["found", "missing", "wrong"]
_SECONDS = 120

# module -> (distribution, extra that has it, "" for none). tests/unit/test_imports.py holds it against the code.
MODULES: dict[str, tuple[str, str]] = {
    "azure.core": ("azure-core", ""),
    "azure.identity": ("azure-identity", ""),
    "azure.mgmt.authorization": ("azure-mgmt-authorization", ""),
    "azure.mgmt.datafactory": ("azure-mgmt-datafactory", ""),
    "azure.mgmt.storage": ("azure-mgmt-storage", ""),
    "azure.storage.blob": ("azure-storage-blob", ""),
    "click": ("click", ""),
    "dns": ("dnspython", ""),
    "hcl2": ("python-hcl2", ""),
    "jinja2": ("Jinja2", ""),
    "lark": ("lark", ""),
    "lxml": ("lxml", ""),
    "markupsafe": ("MarkupSafe", ""),
    "pydantic": ("pydantic", ""),
    "python_terraform": ("python-terraform", ""),
    "regopy": ("regopy", ""),
    "rich": ("rich", ""),
    "securesystemslib": ("securesystemslib", ""),
    "cryptography": ("cryptography", ""),
    "httptools": ("httptools", "sandbox"),
    "httpx": ("httpx", "sandbox"),
    "jwt": ("PyJWT", "sandbox"),
    "starlette": ("starlette", "sandbox"),
    "trustme": ("trustme", "sandbox"),
    "uvicorn": ("uvicorn", "sandbox"),
    "uvloop": ("uvloop", "sandbox"),
    "yaml": ("PyYAML", "sandbox"),
    "azure.ai.ml": ("azure-ai-ml", "ml"),
    "marshmallow": ("marshmallow", "ml"),
}
_PROGRAM = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
found = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
        found[name] = None
    except BaseException as error:
        found[name] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Import:
    """``missing``: an extra that is not installed, which is no fault; ``wrong`` is one, and ``why`` has the way out."""

    module: str
    state: State
    version: str | None
    why: str


def import_report(modules: dict[str, tuple[str, str]] = MODULES) -> list[Import]:
    """Every module, imported in one fresh process, as a command would."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM, json.dumps(list(modules))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    try:
        errors: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or [f"python ended with {done.returncode}"])[-1]
        return [Import("python", "wrong", None, f"the imports did not end: {last}")]
    ranges = _ranges()
    return [_import(module, *modules[module], errors[module], ranges) for module in modules]


def _import(module: str, distribution: str, extra: str, error: str | None, ranges: dict[str, str]) -> Import:
    found = _version(distribution)
    if error is not None:
        if found is None and extra:
            install = conflicts.INSTALL_EXTRA.format(extra=extra)
            return Import(module, "missing", None, f"only commands of the extra [{extra}] need it: {install}")
        told = conflicts.explained(module, error)
        return Import(module, "wrong", found, f"{told.message}; {told.hint}")
    wanted = ranges.get(distribution.lower())
    if found is not None and wanted is not None and not _within(found, wanted):
        known = conflicts.of_version(module, found)
        why = known.meaning if known else f"{distribution} {found} is outside the tried range {wanted}"
        return Import(module, "wrong", found, f"{why}; {known.fix if known else conflicts.INSTALL_BASE}")
    return Import(module, "found", found, f"within {wanted}" if wanted else "as its dependents ask for it")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _ranges() -> dict[str, str]:
    """distribution -> range, as pyproject.toml says and the installed toolkit carries."""
    found: dict[str, str] = {}
    try:
        lines = requires("aml-adf-toolkit") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return {}
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?([^;]*)", line)
        if match and match[2].strip():
            found[match[1].lower()] = match[2].strip()
    return found


def _within(found: str, wanted: str) -> bool:
    """``>=1.2,<2`` and ``==1.2.3``, which is what pyproject.toml has; what is written otherwise is not judged."""
    comparisons = {">=": lambda a, b: a >= b, "<": lambda a, b: a < b, "==": lambda a, b: a == b}
    for part in wanted.split(","):
        operator = next((o for o in (">=", "==", "<") if part.strip().startswith(o)), None)
        if operator is None:
            continue
        bound = _numbers(part.strip().removeprefix(operator))
        if not comparisons[operator](_numbers(found), bound):
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", text.partition("+")[0])[:3]]
    return tuple([*numbers, 0, 0, 0][:3])
