"""An environment whose bootstrap stands in a sandbox of its own, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.environment import Environment, load_environment
from toolkit.project import Project
from toolkit.runs.bootstrap import bootstrap
from toolkit.sandbox import client
from toolkit.terraform.events import Silent
from toolkit.terraform.session import open_session


@contextmanager
def bootstrapped(root: Path, name: str) -> Iterator[Environment]:
    """By the engineer; the sandbox ends with the context."""
    environment = load_environment(name, Project(root))
    try:
        with open_session(environment, "test", Silent()) as session:
            bootstrap(session)
        yield environment
    finally:
        client.stop(root)


def bootstrap_outputs(environment: Environment) -> dict[str, Any]:
    outputs: dict[str, Any] = json.loads((environment.state_dir / "bootstrap.json").read_text())["outputs"]
    return outputs
