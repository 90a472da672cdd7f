"""Whom and what the sandbox's log names, and what its status counts."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tests.golden import check_golden
from toolkit.cli.sandbox_view import environments_of, print_status, request_lines
from toolkit.cli.terminal import Terminal
from toolkit.project import Project
from toolkit.sandbox.chain import error_code, identity_of
from toolkit.sandbox.store import Resource, Store

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
LOCAL = "10ca1000-0000-4000-8000-000000000002"


def asked(authorization: str = "", query: bytes = b"") -> Request:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return Request({"type": "http", "headers": headers, "query_string": query, "method": "GET"})


def token(**claims: str) -> str:
    return "Bearer x." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".s"


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (asked(token(app_displayname="engineer", oid="1")), "engineer"),
        (asked(token(oid="1")), "1"),
        (asked("Bearer nonsense"), "token"),
        (asked("Bearer a.!!!.c"), "token"),
        (asked("SharedKey account:abc="), "shared key"),
        (asked(query=b"sv=1&sig=abc"), "shared access signature"),
        (asked(), "anonymous"),
    ],
)
def test_who_asked(request_: Request, name: str) -> None:
    assert identity_of(request_) == name


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (JSONResponse({"error": {"code": "AuthorizationFailed", "message": "m"}}, 403), "AuthorizationFailed"),
        (JSONResponse({"odata.error": {"code": "JobNotFound"}}, 404), "JobNotFound"),
        (JSONResponse({"error": "invalid_client"}, 401), "invalid_client"),
        (Response(b"<xml/>", 403, {"x-ms-error-code": "AuthorizationFailure"}), "AuthorizationFailure"),
        (PlainTextResponse("no", 403), None),
        (JSONResponse([1], 500), None),
        (JSONResponse({"error": {"code": "x"}}, 200), None),
    ],
)
def test_the_code_of_an_error(response: Response, code: str | None) -> None:
    assert error_code(response) == code


def test_resources_are_counted_by_subscription_and_type(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite3")
    for number in range(3):
        group = f"/subscriptions/{LOCAL}/resourceGroups/rg"
        kind = "Microsoft.Storage/storageAccounts" if number else "Microsoft.KeyVault/vaults"
        store.put(Resource(f"{group}/providers/{kind}/n{number}", kind, {}))
    assert {name: sum(counts.values()) for name, counts in store.counts().items()} == {LOCAL: 3}
    assert sorted(store.counts()[LOCAL].values()) == [1, 2]
    store.close()


def test_the_log_and_the_status_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    environments = environments_of(Project(ROOT))
    assert environments[LOCAL] == "local"
    common = {"time": 1795790702.34, "vantage": "internet", "subscription": LOCAL, "method": "GET", "ms": 94.25}
    lines = [
        {**common, "identity": "engineer", "status": 200, "url": "https://management.azure.com/x"},
        {**common, "identity": "anonymous", "status": 403, "code": "AuthorizationFailure", "url": "https://a.blob/x"},
        {"time": 1.0, "vantage": "control", "method": "GET", "url": "http://127.0.0.1/status", "status": 200, "ms": 1},
    ]
    ports = {LOCAL: {"internet": {"proxy_port": 1, "dns_port": 2}}}
    resources = {LOCAL: {"microsoft.keyvault/vaults": 1, "microsoft.storage/storageaccounts": 4}}
    terminal = Terminal()
    terminal.print("\n".join(request_lines([*map(json.dumps, lines), "cut off"], environments)))
    print_status(terminal, {"subscriptions": ports, "resources": resources}, environments)
    check_golden(HERE, "sandbox.txt", capsys.readouterr().out)
