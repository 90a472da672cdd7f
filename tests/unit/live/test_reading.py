"""Each resource is asked for once, by however many threads; a check that is made again sees what is there now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError

from tests.unit.azure.web import Answer, Web, serve
from toolkit.azure.pipeline import RestClient
from toolkit.environment import Vantage
from toolkit.live.reading import Reader

VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@contextmanager
def reading(*answers: Answer) -> Iterator[tuple[Reader, Web, Clock]]:
    clock = Clock()
    with serve(*answers) as web, RestClient(web.url, Vantage("here", {})) as client:
        yield Reader(client, clock), web, clock


def test_a_resource_is_asked_for_once_whatever_its_case_and_with_its_own_version() -> None:
    with reading(Answer(200, {"name": "v"}), Answer(500, {})) as (reader, web, _):
        assert reader.ever().get(VAULT) == {"name": "v"}
        assert reader.ever().get(VAULT.upper()) == {"name": "v"}
        assert [path for _, path, _ in web.requests] == [f"{VAULT}?api-version=2026-02-01"]
        assert reader.requests == 1


def test_a_list_and_a_resource_of_one_path_are_two_answers() -> None:
    with reading(Answer(200, {"value": [{"n": 1}]}), Answer(200, {"value": [{"n": 1}]})) as (reader, _, _):
        assert reader.ever().list(f"{VAULT}/keys") == [{"n": 1}]
        assert reader.ever().get(f"{VAULT}/keys") == {"value": [{"n": 1}]}
        assert reader.requests == 2


def test_a_filter_is_part_of_what_is_asked() -> None:
    with reading(Answer(200, {"value": []}), Answer(200, {"value": [{"n": 1}]})) as (reader, web, _):
        view = reader.ever()
        assert view.list(f"{VAULT}/keys", filter="atScope()") == []
        assert view.list(f"{VAULT}/keys") == [{"n": 1}]
        assert web.requests[0][1] == f"{VAULT}/keys?$filter=atScope%28%29&api-version=2026-02-01"


def test_a_later_view_reads_again_and_an_earlier_one_takes_that() -> None:
    with reading(Answer(200, {"n": 1}), Answer(200, {"n": 2}), Answer(500, {})) as (reader, _, clock):
        first = reader.ever()
        assert first.get(VAULT) == {"n": 1}
        clock.time = 5
        again = reader.now()
        assert again.get(VAULT) == {"n": 2}
        assert first.get(VAULT) == {"n": 2}
        assert reader.requests == 2


@pytest.mark.parametrize(("status", "raised"), [(404, ResourceNotFoundError), (403, HttpResponseError)])
def test_a_refusal_is_an_answer_too(status: int, raised: type[HttpResponseError]) -> None:
    with reading(Answer(status, {"error": {"code": "No", "message": "no"}}), Answer(500, {})) as (reader, _, _):
        for _ in range(2):
            with pytest.raises(raised) as caught:
                reader.ever().get(VAULT)
            assert caught.value.status_code == status
        assert reader.requests == 1
        if status == 404:
            assert reader.ever().find(VAULT) is None


def test_nobody_who_answers_is_no_answer() -> None:
    """The next one asks again: a connection that broke says nothing of the resource."""
    with serve(Answer(200, {})) as web:
        gone = web.url
    with RestClient(gone, Vantage("here", {})) as client:
        reader = Reader(client)
        for _ in range(2):
            with pytest.raises(ServiceRequestError):
                reader.ever().get(VAULT)
        assert reader.requests == 2


def test_an_action_that_reads_is_posted_once() -> None:
    with reading(Answer(200, {"properties": {"A": "1"}}), Answer(500, {})) as (reader, _, _):
        for _ in range(2):
            assert reader.ever().post(f"{VAULT}/list") == {"properties": {"A": "1"}}
        assert reader.requests == 1


def test_many_threads_ask_once() -> None:
    with reading(Answer(200, {"name": "v"}), Answer(500, {})) as (reader, _, _):
        together = threading.Barrier(8)

        def get(_: int) -> str:
            together.wait()
            return str(reader.ever().get(VAULT)["name"])

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(get, range(8))) == ["v"] * 8
        assert reader.requests == 1
