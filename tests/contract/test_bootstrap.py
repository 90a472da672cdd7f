"""A first bootstrap that is killed again and again, at later and later points, is completed all the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import copy_project
from tests.contract.test_runner import Project, created
from toolkit.sandbox import client

pytestmark = pytest.mark.contract


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = copy_project(tmp_path_factory.mktemp("bootstrap"))
    try:
        yield Project(root)
    finally:
        client.stop(root)


def test_killed_at_several_points_it_is_completed_and_then_changes_nothing(project: Project) -> None:
    points: tuple[Callable[[str], bool], ...] = (
        lambda text: "terraform plan (bootstrap)" in text,
        lambda text: created(text, 1),
        lambda text: created(text, 16),
        lambda text: "moving the bootstrap's state" in text,
    )
    for reached in points:
        process = project.start_until(reached, "bootstrap", "local")
        try:
            terraform = project.terraform_pid()
        except (KeyError, TypeError):  # between two runs of Terraform
            terraform = None
        process.kill()
        process.wait()
        if terraform is not None:
            os.killpg(terraform, signal.SIGKILL)
    project.ok("bootstrap", "local")
    assert project.ok("bootstrap", "local").startswith("No changes: local is bootstrapped (")
    assert not list((project.state / "work" / "bootstrap").glob("terraform.tfstate*"))
