"""Opening and closing leases, ended as by kill -9 at each change: the next sweep leads back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import GONE, TTL, Place, a_place, here, left_as_it_was, me
from toolkit.azure.pipeline import RestClient

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


class Cut(BaseException):
    """As kill -9: nothing of the process's own runs after it."""


class Cutting:
    """A client that ends for good at its n-th request that changes something: before it is sent, or after."""

    def __init__(self, inner: RestClient, at: int, *, after: bool) -> None:
        self._inner, self._left, self._after, self._dead = inner, at, after, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name) if not self._dead else self._raise

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise Cut

    def send_request(self, request: Any) -> Any:
        if self._dead:
            raise Cut
        if request.method == "GET":
            return self._inner.send_request(request)
        self._left -= 1
        if self._left > 0:
            return self._inner.send_request(request)
        if self._after:
            self._inner.send_request(request)
        self._dead = True
        raise Cut


def cut_at(place: Place, number: int, *, after: bool) -> bool:
    """Open and close, ended at that change; the sweep then leads back. False when it was over before."""
    client: Any = Cutting(place.arm, number, after=after)
    try:
        lease = place.leases(client).open(me(GONE), here, TTL)
        place.leases(client).close(lease)
    except Cut:
        place.leases().sweep()
        return True
    return False


@pytest.mark.parametrize(
    "after", [pytest.param(False, id="before", marks=pytest.mark.slow), pytest.param(True, id="after")]
)
def test_killed_at_a_change_the_sweep_leads_back(place: Place, *, after: bool) -> None:
    before = place.settings()
    number = 1
    while cut_at(place, number, after=after):
        assert place.settings() == before, number
        assert place.leases().journal.read() == [], number
        number += 1
    assert number > 6
