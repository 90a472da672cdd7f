"""The product as a user drives it: the real command line in a project folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import copy_project


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Toolkit:
    """``toolkit`` in one project folder."""

    project: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "toolkit", *arguments]

    def environment(self, **extra: str) -> dict[str, str]:
        return {**os.environ, "TOOLKIT_PROJECT": str(self.project), **extra}

    def __call__(self, *arguments: str, timeout: float = 600, **extra: str) -> Result:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, **extra: str) -> Result:
        result = self(*arguments, **extra)
        assert result.code == 0, f"{arguments}: exit {result.code}\n{result.out}\n{result.err}"
        return result

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def skipped(report: dict[str, Any]) -> list[str]:
    """The ids of the checks that an apply skipped, by its --json."""
    return [check["id"] for check in report["smoke"]["checks"] if check["outcome"] == "SKIP"]


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolkit]:
    """A project of its own for each test module; its sandbox is stopped at the end."""
    command = Toolkit(copy_project(tmp_path_factory.mktemp("user")))
    try:
        yield command
    finally:
        command("sandbox", "stop")
