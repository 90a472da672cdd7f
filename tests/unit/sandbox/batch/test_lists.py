"""Lists: what a filter keeps, what a selection shows, and pages. Whole requests: tests/contract/test_batch.py."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from toolkit.records import Json
from toolkit.sandbox.batch.errors import BatchError
from toolkit.sandbox.batch.lists import page
from toolkit.sandbox.batch.scheduling import seconds_of

ITEMS: list[Json] = [
    {"id": "a1", "state": "active", "executionInfo": {"retryCount": 0}},
    {"id": "a2", "state": "completed", "executionInfo": {"retryCount": 1, "result": "success", "exitCode": 0}},
    {"id": "b1", "state": "completed", "executionInfo": {"retryCount": 3, "result": "failure", "exitCode": 7}},
]
FILTERS = [
    ("", ["a1", "a2", "b1"]),
    ("state eq 'completed'", ["a2", "b1"]),
    ("state ne 'completed'", ["a1"]),
    ("startswith(id, 'a')", ["a1", "a2"]),
    ("state eq 'completed' and startswith(id,'b')", ["b1"]),
    ("executionInfo/result eq 'failure'", ["b1"]),
    ("executionInfo/retryCount ge 1 and executionInfo/exitCode lt 7", ["a2"]),
    ("executionInfo/exitCode gt 0", ["b1"]),
]


def ids(answer: Json) -> list[str]:
    return [item["id"] for item in answer["value"]]


@pytest.mark.parametrize(("text", "kept"), FILTERS)
def test_filters(text: str, kept: list[str]) -> None:
    assert ids(page(ITEMS, {"$filter": text}, "https://host/tasks", "tasks")) == kept


@pytest.mark.parametrize("text", ["state", "not (state eq 'x')", "state eq 'x' or state eq 'y'", "state eq completed"])
def test_a_filter_that_is_not_understood_is_refused_by_name(text: str) -> None:
    with pytest.raises(BatchError, match="filter") as refused:
        page(ITEMS, {"$filter": text}, "https://host/tasks", "tasks")
    assert refused.value.status == 501


def test_pages_lead_to_all_of_it_and_selections_show_what_was_asked_for() -> None:
    query, seen = {"maxresults": "2", "$select": "id,none"}, []
    while True:
        answer = page(ITEMS, query, "https://host/tasks", "tasks")
        assert all(set(item) == {"id"} for item in answer["value"])
        seen += ids(answer)
        if "odata.nextLink" not in answer:
            break
        query = dict(parse_qsl(urlsplit(answer["odata.nextLink"]).query))
    assert seen == ["a1", "a2", "b1"]


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_page_has_a_size(size: str) -> None:
    with pytest.raises(BatchError) as refused:
        page(ITEMS, {"maxresults": size}, "https://host/tasks", "tasks")
    assert (refused.value.status, refused.value.code) == (400, "InvalidQueryParameterValue")


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("PT30S", 30.0),
        ("PT0.5S", 0.5),
        ("P1DT2H3M4S", 93784.0),
        ("P10675199DT2H48M5.4775807S", None),
        ("P", None),
        (None, None),
    ],
)
def test_durations(duration: str | None, seconds: float | None) -> None:
    """The longest one is no limit."""
    assert seconds_of(duration) == seconds
