"""Real Terraform in temporary folders: `terraform_data` needs no provider, so nothing is mocked or downloaded."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from toolkit.terraform.events import ResourceProgress
from toolkit.terraform.runner import FLAG, Runner
from toolkit.toolchain.terraform import ensure_terraform

CONFIGURATION = """
variable "value" {
  type    = string
  default = "one"
}

variable "hook" {
  type    = string
  default = "true"
}

resource "terraform_data" "a" {
  input = var.value
}

resource "terraform_data" "slow" {
  triggers_replace = [var.hook]

  provisioner "local-exec" {
    command = var.hook
  }
}

module "child" {
  source = "./child"
}

output "value" {
  value = terraform_data.a.output
}

output "hidden" {
  value     = "not shown"
  sensitive = true
}
"""

CHILD = 'resource "terraform_data" "b" {\n  input = "child"\n}\n'


@dataclass
class Seen:
    """An observer that remembers."""

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    resources: list[ResourceProgress] = field(default_factory=list)
    on_resource: Callable[[ResourceProgress], None] | None = None

    def step(self, text: str) -> None:
        self.steps.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def resource(self, progress: ResourceProgress) -> None:
        self.resources.append(progress)
        if self.on_resource is not None:
            self.on_resource(progress)

    def begin(self, addresses: Sequence[str]) -> None: ...

    def end(self) -> None: ...


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="session")
def terraform_path() -> Path:
    return ensure_terraform().path


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "child").mkdir(parents=True)
    (folder / "main.tf").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "child" / "main.tf").write_text(CHILD, encoding="utf-8")
    return folder


@pytest.fixture
def runner(terraform_path: Path, configuration: Path, tmp_path: Path, seen: Seen) -> Runner:
    runner = Runner(terraform_path, configuration, dict(os.environ), tmp_path / "logs", seen)
    assert runner.run("init", input=False, no_color=FLAG).returncode == 0
    return runner


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Until the condition holds; a failure names nothing but the time, so call it with a plain condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def python() -> str:
    return sys.executable
