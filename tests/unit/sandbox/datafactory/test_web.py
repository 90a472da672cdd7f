"""Web activities: as whom, from where, what they take for an answer, and how long they wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tests.unit.sandbox.datafactory.bench import Bench, Json, activity, after, body_of, set_variable, web

STORAGE = {"type": "MSI", "resource": "https://storage.azure.com/"}


def runtime(name: str) -> Json:
    return {"type": "IntegrationRuntimeReference", "referenceName": name}


def test_the_answer_is_the_output_with_its_headers(bench: Bench) -> None:
    bench.web.answers("api.example", JSONResponse({"version": 3, "list": [1]}, headers={"x-ms-test": "y"}))
    bench.pipeline(
        web("Read"),
        set_variable("Keep", "@string(activity('Read').output.version)", variable="x", dependsOn=after("Read")),
        variables={"x": {"type": "String"}},
    )
    made = bench.activities(bench.carry_out())
    output = made["Read"]["output"]
    assert (output["version"], output["list"]) == (3, [1])
    assert output["ADFWebActivityResponseHeaders"]["X-Ms-Test"] == "y"
    assert output["effectiveIntegrationRuntime"] == "AutoResolveIntegrationRuntime"
    assert made["Keep"]["output"]["value"] == "3"


def test_it_is_the_factory_that_asks_and_its_token_is_not_shown(bench: Bench) -> None:
    bench.web.answers("api.example", {})
    bench.pipeline(web("Read", authentication=STORAGE, headers={"x-ms-version": "2023-11-03"}))
    run = bench.carry_out()
    assert bench.web.seen[0].headers["authorization"] == "Bearer token-for-https://storage.azure.com/"
    assert bench.web.seen[0].headers["x-ms-version"] == "2023-11-03"
    assert "token-for" not in str(bench.activities(run))


@pytest.mark.parametrize(
    ("name", "properties", "vantage"),
    [
        ("AutoResolveIntegrationRuntime", None, "adf-public"),
        ("ir-public", {"type": "Managed"}, "adf-public"),
        ("ir-managed", {"type": "Managed", "managedVirtualNetwork": {"referenceName": "default"}}, "adf-managed"),
        ("AutoResolveIntegrationRuntime", {"type": "Managed", "managedVirtualNetwork": {"referenceName": "default"}}, "adf-managed"),
    ],
)  # fmt: skip
def test_it_leaves_through_its_runtime(bench: Bench, name: str, properties: Json | None, vantage: str) -> None:
    if properties is not None:
        bench.entity(f"integrationRuntimes/{name}", properties)
    bench.web.answers("api.example", {})
    bench.pipeline(web("Read", connectVia=runtime(name)))
    assert bench.carry_out()["status"] == "Succeeded"
    assert [seen.vantage for seen in bench.web.seen] == [vantage]


REFUSALS: list[tuple[Response | None, Json, str, str]] = [
    (JSONResponse({"error": {"code": "AuthorizationFailure"}}, 403), {}, "2108", "Error calling the endpoint 'https://api.example/x'. Response status code: '403 - Forbidden'"),
    (JSONResponse([1, 2]), {}, "2108", "Response Content is not a valid JObject"),
    (JSONResponse("text"), {}, "2108", "Response Content is not a valid JObject"),
    (JSONResponse({"a": "x" * 4_200_000}), {}, "2001", "The length of execution output is over limit (around 4MB currently)."),
    (None, {}, "2128", "the sandbox does not serve 'api.example', and never dials out"),
    (Response(status_code=200), {"url": ""}, "2103", "Please provide value for the required property 'url'."),
    (Response(status_code=200), {"url": "@pipeline().parameters.none"}, "InvalidTemplate", "property 'none' doesn't exist"),
    (Response(status_code=200), {"method": "POST"}, "2103", "'body'"),
    (Response(status_code=200), {"method": "HEAD"}, "2111", "'method'"),
    (Response(status_code=200), {"authentication": {"type": "MSI"}}, "2103", "'resource'"),
    (Response(status_code=200), {"authentication": {"type": "ClientCertificate"}}, "SandboxNotModelled", "ClientCertificate"),
    (Response(status_code=200), {"connectVia": runtime("none")}, "BadRequest", "The integration runtime 'none' could not be found"),
    (Response(status_code=200), {"connectVia": runtime("self")}, "SandboxNotModelled", "self-hosted integration runtime 'self'"),
    (Response(status_code=200), {"httpRequestTimeout": "soon"}, "2111", "'httpRequestTimeout'"),
    (Response(status_code=200), {"method": "POST", "body": "x" * 1_000_000}, "2002", "The payload including configurations"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "properties", "code", "sentence"), REFUSALS)
def test_what_it_refuses(bench: Bench, answer: Response | None, properties: Json, code: str, sentence: str) -> None:
    bench.entity("integrationRuntimes/self", {"type": "SelfHosted"})
    if answer is not None:
        bench.web.answers("api.example", answer)
    made = {"method": "GET", "url": "https://api.example/x", **properties}
    bench.pipeline(activity("Read", "WebActivity", made))
    error = bench.activities(bench.carry_out())["Read"]["error"]
    assert error["errorCode"] == code
    assert sentence in error["message"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PlainTextResponse("hello"), "hello"),
        (Response("<a/>", media_type="application/xml"), "<a/>"),
        (Response("{broken", media_type="application/json"), "{broken"),
        (Response(status_code=204), ""),
    ],
)
def test_what_is_no_json_arrives_as_text(bench: Bench, answer: Response, expected: str) -> None:
    bench.web.answers("api.example", answer)
    bench.pipeline(
        web("Read"),
        set_variable("Use", "@activity('Read').output.Response", variable="x", dependsOn=after("Read")),
        variables={"x": {"type": "String"}},
    )
    run = bench.carry_out()
    assert (run["status"], bench.activities(run)["Use"]["output"]["value"]) == ("Succeeded", expected)


def test_an_empty_object_has_no_response(bench: Bench) -> None:
    bench.web.answers("api.example", {})
    bench.pipeline(web("Read"))
    assert "Response" not in bench.activities(bench.carry_out())["Read"]["output"]


def test_an_empty_answer_is_none_to_read(bench: Bench) -> None:
    bench.web.answers("api.example", Response(status_code=201))
    bench.pipeline(web("Put", method="PUT", body="import os\nprint(1)", headers={"Content-Type": "text/plain"}))
    run = bench.carry_out()
    assert run["status"] == "Succeeded", run["message"]
    assert (bench.web.seen[0].body, bench.web.seen[0].headers["content-type"]) == (b"import os\nprint(1)", "text/plain")


def test_an_object_is_sent_as_json_with_its_expressions(bench: Bench) -> None:
    bench.web.answers("api.example", {})
    body = {"run": "@{pipeline().RunId}", "list": ["@pipeline().parameters.n"], "literal": "@@home"}
    bench.pipeline(web("Put", method="PUT", body=body), parameters={"n": {"type": "Int"}})
    run = bench.carry_out(n=4)
    assert body_of(bench.web.seen[0]) == {"run": run["runId"], "list": [4], "literal": "@home"}
    assert bench.web.seen[0].headers["content-type"] == "application/json"


def test_an_accepted_request_is_followed_to_its_end(bench: Bench) -> None:
    """https://learn.microsoft.com/azure/architecture/patterns/async-request-reply"""
    accepted = Response(status_code=202, headers={"location": "/status/1", "retry-after": "30"})
    bench.web.answers("api.example", accepted, accepted, JSONResponse({"done": True}))
    bench.pipeline(web("Start", method="POST", body={}, authentication=STORAGE))

    async def scenario() -> Json:
        run_id = bench.begin()
        return await bench.pass_time(run_id, 30)

    run = bench.run(scenario())
    assert bench.activities(run)["Start"]["output"]["done"] is True
    assert [(seen.method, seen.url) for seen in bench.web.seen] == [
        ("POST", "https://api.example/x"), ("GET", "https://api.example/status/1"), ("GET", "https://api.example/status/1"),
    ]  # fmt: skip
    assert all("authorization" in seen.headers for seen in bench.web.seen)


def test_turn_off_async_takes_the_202_for_the_answer(bench: Bench) -> None:
    bench.web.answers("api.example", JSONResponse({"id": 1}, 202, {"location": "/status/1"}))
    bench.pipeline(web("Start", method="POST", body={}, turnOffAsync=True))
    assert bench.activities(bench.carry_out())["Start"]["output"]["id"] == 1
    assert len(bench.web.seen) == 1


def test_it_is_tried_again_as_its_policy_says(bench: Bench) -> None:
    bench.web.answers("api.example", Response(status_code=500), Response(status_code=503), JSONResponse({"ok": 1}))
    bench.pipeline(web("Read", policy={"retry": 2, "retryIntervalInSeconds": 30}))

    async def scenario() -> Json:
        run_id = bench.begin()
        return await bench.pass_time(run_id, 30)

    run = bench.run(scenario())
    attempts = [(one["status"], one["retryAttempt"]) for one in bench.engine.activity_runs(run["runId"])]
    assert (run["status"], attempts) == ("Succeeded", [("Failed", None), ("Failed", 1), ("Succeeded", 2)])


def test_its_policys_timeout_ends_it(bench: Bench) -> None:
    hung = asyncio.Event()

    async def never(request: Request) -> Response:
        await hung.wait()
        raise AssertionError

    bench.web.hosts["api.example"] = never
    bench.pipeline(web("Read", policy={"timeout": "0.00:05:00"}))

    async def scenario() -> Json:
        run_id = bench.begin()
        await bench.until(lambda: bool(bench.web.seen))
        await bench.engine.clock.advance(301)
        return await bench.end(run_id)

    run = bench.run(scenario())
    assert (
        run["message"] == "Operation on target Read failed: The activity did not end within its timeout of 300 seconds."
    )


@pytest.mark.parametrize("secure", [True, False])
def test_what_is_secure_is_not_shown_and_can_be_used(bench: Bench, secure: bool) -> None:
    bench.web.answers("api.example", {"token": "s3cret"})
    bench.pipeline(
        web("Read", headers={"x": "s3cret"}, policy={"secureInput": secure, "secureOutput": secure}),
        set_variable("Use", "@string(length(activity('Read').output.token))", variable="x", dependsOn=after("Read")),
        variables={"x": {"type": "String"}},
    )
    made = bench.activities(bench.carry_out())
    assert ("s3cret" in str(made["Read"])) is not secure
    assert made["Use"]["output"]["value"] == "6"


def test_a_web_hook_waits_until_it_is_called_back(bench: Bench) -> None:
    bench.web.answers("api.example", Response(status_code=202))
    hook = {
        "method": "POST",
        "url": "https://api.example/x",
        "body": {"a": 1},
        "headers": {},
        "reportStatusOnCallBack": True,
    }
    bench.pipeline(activity("Hook", "WebHook", hook))

    async def scenario(answer: Json) -> Json:
        seen = len(bench.web.seen)
        run_id = bench.begin()
        await bench.until(lambda: len(bench.web.seen) > seen)
        address = body_of(bench.web.seen[-1])["callBackUri"]
        bench.engine.callbacks[address.rpartition("/")[2]].set_result(answer)
        return await bench.end(run_id)

    run = bench.run(scenario({"Output": {"answer": 42}}))
    assert bench.activities(run)["Hook"]["output"] == {"answer": 42}
    failed: Any = {"StatusCode": "403", "Error": {"ErrorCode": "E1", "Message": "not today"}}
    run = bench.run(scenario(failed))
    assert bench.activities(run)["Hook"]["error"]["errorCode"] == "E1"
    assert run["message"] == "Operation on target Hook failed: not today"
