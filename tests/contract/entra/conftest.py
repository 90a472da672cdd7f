"""A sandbox's front with an identity in its store, for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.entra.support import IDENTITY, add_identity
from tests.unit.sandbox.front import Front, running_front


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signing keys for all tests of this module: making two for each would take most of the time."""
    root = tmp_path_factory.mktemp("keys")
    with running_front(root / "sandbox") as front:
        return front.paths.root


@pytest.fixture
def front(tmp_path: Path, keys: Path) -> Iterator[Front]:
    (tmp_path / "sandbox").mkdir()
    for name in ("entra.key", "github.key", "azure-devops.key"):
        shutil.copy(keys / name, tmp_path / "sandbox" / name)
    with running_front(tmp_path / "sandbox") as front:
        yield front


@pytest.fixture
def identity(front: Front) -> str:
    """The client id of a user-assigned identity that trusts one GitHub subject, in the store as ARM keeps it."""
    return add_identity(front, IDENTITY)
