"""WebActivity: https://learn.microsoft.com/azure/data-factory/control-flow-web-activity

A response is awaited for a minute, or as long as ``httpRequestTimeout`` says, ten minutes at most; it has at most 4 MB.
A 202 with a Location is followed until it is something else, unless ``turnOffAsync``.

The page says that a response must be JSON. People's runs show more: what is empty arrives as ``Response``
(https://hidemiu.sakura.ne.jp/wp/2022/03/, https://github.com/Azure/Azure-DataFactory/issues/351), and so does text in
the Azure Function activity, whose page says the same (a pipeline of https://zenn.dev/p/microsoft, 2021, splits it).
That the Web activity does so with text, too, is (inferred). A JSON value that is no object is refused:
https://github.com/MicrosoftDocs/azure-docs/issues/5621.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import urljoin

import httpx

from toolkit.pipelines.expressions.values import as_json, as_text
from toolkit.records import Json
from toolkit.sandbox.datafactory.durations import seconds_of
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled, required
from toolkit.sandbox.datafactory.outbound import Runtime, Unanswered, runtime_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_RESPONSE_LIMIT = 4 * 1024 * 1024
_PAYLOAD_LIMIT = 896 * 1024  # https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide, 2002
_LONGEST = 600.0
_POLL_SECONDS = 10.0
_SHOWN = 4096  # of a refusal's text


async def web_activity(step: Step) -> Json:
    method = as_text(step.value("method")).upper()
    if method not in METHODS:
        raise ActivityFailed("2111", f"The type of the property 'method' is incorrect. The expected type is {METHODS}.")
    runtime = runtime_of(step.run.engine.world.store, step.run.factory, step.value("connectVia"))
    url, headers, content = request_of(step, method)
    response = await exchange(step, runtime, method, url, headers, content)
    if response.status_code == 202 and response.headers.get("location") and step.value("turnOffAsync") is not True:
        response = await _completed(step, runtime, url, response)
    if not 200 <= response.status_code < 300:
        raise refused(url, response)
    return {**_body(response), "ADFWebActivityResponseHeaders": shown_headers(response), **_about(runtime)}


def request_of(step: Step, method: str) -> tuple[str, dict[str, str], bytes]:
    url = step.value("url")
    if not isinstance(url, str) or not url:
        raise required("url")
    headers = {str(name): as_text(value) for name, value in (step.value("headers") or {}).items()}
    body = step.value("body")
    if method in ("POST", "PUT", "PATCH") and body is None:
        raise required("body")
    step.show_input(
        {"url": url, "method": method, "headers": headers, "body": body, "connectVia": step.value("connectVia")}
    )
    content = b"" if body is None or method == "GET" else (body if isinstance(body, str) else as_json(body)).encode()
    if len(content) > _PAYLOAD_LIMIT:
        raise ActivityFailed(
            "2002",
            "The payload including configurations on activity/dataSet/linked service is too large. Please check if you "
            "have settings with very large value and try to reduce its size.",
        )
    if content and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    return url, {**headers, **_authorization(step)}, content


def _authorization(step: Step) -> dict[str, str]:
    authentication = step.value("authentication")
    if not authentication:
        return {}
    kind = authentication.get("type")
    if kind in ("MSI", "UserAssignedManagedIdentity"):
        resource = authentication.get("resource")
        if not resource:
            raise required("resource")
        credential = authentication.get("credential")
        if kind == "UserAssignedManagedIdentity" and not credential:
            raise required("credential")
        token = step.run.engine.outbound.token(step.run.factory, str(resource), credential)
        return {"Authorization": f"Bearer {token}"}
    if kind == "Basic":
        password = authentication.get("password")
        secret = password.get("value", "") if isinstance(password, dict) else password or ""
        pair = f"{authentication.get('username', '')}:{secret}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    raise not_modelled(f"Web activities with authentication of type '{kind}'")


async def exchange(
    step: Step, runtime: Runtime, method: str, url: str, headers: dict[str, str], content: bytes
) -> httpx.Response:
    given = step.value("httpRequestTimeout")
    seconds = 60.0 if given is None else min(seconds_of(given, "httpRequestTimeout"), _LONGEST)
    try:
        return await step.run.engine.outbound.send(runtime, method, url, headers, content, seconds)
    except (Unanswered, TimeoutError) as error:
        why = str(error) or f"no response within {seconds:.0f} seconds"
        raise ActivityFailed(
            "2128",
            "No response from the endpoint. Possible causes: network connectivity, DNS failure, server certificate "
            f"validation or timeout. ({why}.)",
        ) from None


async def _completed(step: Step, runtime: Runtime, url: str, response: httpx.Response) -> httpx.Response:
    """https://learn.microsoft.com/azure/architecture/patterns/async-request-reply"""
    while response.status_code == 202:
        wait = response.headers.get("retry-after", "")
        await step.run.engine.clock.sleep(float(wait) if wait.isdigit() else _POLL_SECONDS)
        url = urljoin(url, response.headers.get("location", url))
        response = await exchange(step, runtime, "GET", url, _authorization(step), b"")
        await asyncio.sleep(0)
    return response


def refused(url: str, response: httpx.Response) -> ActivityFailed:
    text = response.text[:_SHOWN]
    return ActivityFailed(
        "2108",
        f"Error calling the endpoint '{url.partition('?')[0]}'. Response status code: '{response.status_code} - "
        f"{response.reason_phrase}'. More details: {text or 'the response has no content'}",
        output={"ADFWebActivityResponseHeaders": shown_headers(response)},
    )


def _body(response: httpx.Response) -> Json:
    if len(response.content) > _RESPONSE_LIMIT:
        raise ActivityFailed("2001", "The length of execution output is over limit (around 4MB currently).")
    try:
        value: Any = json.loads(response.content)
    except ValueError:
        return {"Response": response.text}
    if not isinstance(value, dict):
        raise ActivityFailed(
            "2108", "Response Content is not a valid JObject: a Web activity takes a response that is a JSON object."
        )
    return value


def shown_headers(response: httpx.Response) -> Json:
    return {name.title(): value for name, value in response.headers.items()}


def _about(runtime: Runtime) -> Json:
    return {
        "effectiveIntegrationRuntime": runtime.name,
        "executionDuration": 0,
        "durationInQueue": {"integrationRuntimeQueue": 0},
    }
