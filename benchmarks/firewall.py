"""What a lease costs beside the time that rules take to arrive, which the sandbox leaves out here."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.conftest import SandboxForTests, copy_project
from tests.contract.leases import TTL, Place, a_lessee, a_place, here, me
from toolkit.environment import connect, load_environment
from toolkit.firewall.kinds import target_of
from toolkit.project import Project
from toolkit.sandbox import client

COMMAND_SECONDS = 1.0


def overhead(rounds: int) -> float:
    """Seconds of opening, proving, closing and proving again, of an account, beside a command of a second.

    The median of ``rounds``. A target is never asked twice in a second.
    """
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project(Path(temporary) / "project")
        try:
            sandbox = SandboxForTests(connect(load_environment("local", Project(project))))
            with a_place(sandbox, Path(temporary)) as place:
                return statistics.median(_once(place) for _ in range(rounds)) - COMMAND_SECONDS
        finally:
            client.stop(project)


def _once(place: Place) -> float:
    leases = a_lessee(place.arm, [target_of(place.account)], place.leases().probe, place.folder)
    begun = time.perf_counter()
    lease = leases.open(me(), here, TTL)
    time.sleep(COMMAND_SECONDS)
    closed = leases.close(lease)
    assert not closed.open_for
    return time.perf_counter() - begun
