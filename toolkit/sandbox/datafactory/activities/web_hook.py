"""WebHook: a POST, and then somebody's answer at the callback address that it carried.

https://learn.microsoft.com/azure/data-factory/control-flow-webhook-activity
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from toolkit.pipelines.expressions.values import as_text
from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.web_activity import exchange, refused, request_of
from toolkit.sandbox.datafactory.durations import seconds_of
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, wrong_type
from toolkit.sandbox.datafactory.outbound import runtime_of

CALLBACK_HOST = "sandbox.svc.datafactory.azure.com"
CALLBACK_PATH = "/workflow/callback/"
_DEFAULT_TIMEOUT = "00:10:00"


async def web_hook(step: Step) -> Json:
    engine = step.run.engine
    limit = seconds_of(step.value("timeout") or _DEFAULT_TIMEOUT, "timeout")
    runtime = runtime_of(engine.world.store, step.run.factory, step.value("connectVia"))
    url, headers, content = request_of(step, "POST")
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise wrong_type("body", "a JSON object")
    ticket = secrets.token_urlsafe(24)
    answered: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
    engine.callbacks[ticket] = answered
    timer = asyncio.ensure_future(engine.clock.sleep(limit))
    try:
        body["callBackUri"] = f"https://{CALLBACK_HOST}{CALLBACK_PATH}{ticket}"
        response = await exchange(step, runtime, "POST", url, headers, json.dumps(body).encode())
        if not 200 <= response.status_code < 300:
            raise refused(url, response)
        waiting: set[asyncio.Future[Any]] = {answered, timer}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ActivityFailed("WebHookTimedOut", f"Nobody called back within {limit:.0f} seconds.")
        return _result(step, answered.result())
    finally:
        engine.callbacks.pop(ticket, None)
        timer.cancel()
        answered.cancel()
        await asyncio.gather(timer, return_exceptions=True)


def _result(step: Step, answer: Json) -> Json:
    """With ``reportStatusOnCallBack``, a status of 400 and more is the activity's failure."""
    output = answer.get("Output")
    status = as_text(answer.get("StatusCode"))
    if step.value("reportStatusOnCallBack") is True and status.isdigit() and int(status) >= 400:
        error = answer.get("Error") or {}
        raise ActivityFailed(
            str(error.get("ErrorCode") or status), str(error.get("Message") or f"Status code {status}.")
        )
    return output if isinstance(output, dict) else {}
