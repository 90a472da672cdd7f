"""A session whose plans know which leases are open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.environment import Environment
from toolkit.runs.leases import OpenLeases
from toolkit.terraform import session as terraform
from toolkit.terraform.events import Observer
from toolkit.terraform.session import Session


@contextmanager
def open_session(environment: Environment, command: str, observer: Observer) -> Iterator[Session]:
    """As :func:`toolkit.terraform.session.open_session`."""
    with terraform.open_session(environment, command, observer) as session:
        session.leases = OpenLeases(session.connection, session.backend, observer)
        yield session
