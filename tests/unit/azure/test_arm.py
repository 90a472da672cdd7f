"""Long-running operations are followed to their end, whichever of ARM's two headers names it."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest

from tests.unit.azure.web import Answer, serve
from toolkit.azure.arm import until_done
from toolkit.azure.pipeline import RestClient
from toolkit.environment import Vantage
from toolkit.errors import ToolkitError

HERE = Vantage("here", {})
AT_ONCE = {"Retry-After": "0"}


def follow(*answers: Answer, header: str | None = None) -> list[str]:
    """The paths that were asked for when the first answer names /operation in ``header``."""
    with serve(*answers) as web, RestClient(web.url, HERE) as client:
        if header:
            answers[0].headers[header] = f"{web.url}/operation"
        until_done(client, HttpRequest("DELETE", f"{web.url}/thing"), "the end of the thing")
    return [path for _, path, _ in web.requests]


def test_the_status_of_the_operation_counts() -> None:
    accepted, running = Answer(202, "", dict(AT_ONCE)), Answer(200, {"status": "InProgress"}, dict(AT_ONCE))
    asked = follow(accepted, running, Answer(200, {"status": "Succeeded"}), header="Azure-AsyncOperation")
    assert asked == ["/thing", "/operation", "/operation"]


def test_a_location_has_ended_when_it_is_no_longer_accepted() -> None:
    accepted, running = Answer(202, "", dict(AT_ONCE)), Answer(202, "", dict(AT_ONCE))
    assert follow(accepted, running, Answer(204, ""), header="Location") == ["/thing", "/operation", "/operation"]


def test_an_answer_without_an_operation_is_the_end() -> None:
    assert follow(Answer(200, {})) == ["/thing"]


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_an_operation_that_fails_says_what_azure_said(status: str) -> None:
    ended = Answer(200, {"status": status, "error": {"code": "Because"}})
    with pytest.raises(ToolkitError, match=rf"the end of the thing {status.lower()}: .*Because"):
        follow(Answer(202, "", dict(AT_ONCE)), ended, header="Azure-AsyncOperation")


def test_a_refusal_is_an_error_and_nothing_is_its_own() -> None:
    with pytest.raises(ResourceNotFoundError):
        follow(Answer(404, {"error": {"code": "ResourceNotFound", "message": "No."}}))
    with pytest.raises(HttpResponseError):
        follow(Answer(409, {"error": {"code": "Conflict", "message": "No."}}))
