"""The host that WebHook activities are called back at."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.sandbox.datafactory.activities.web_hook import CALLBACK_HOST, CALLBACK_PATH
from toolkit.sandbox.datafactory.engine import FactoryEngine
from toolkit.sandbox.model import Origin


class CallbackService:
    """Whoever knows the address may call it, once: it holds a random ticket, as Azure's does."""

    name = "datafactory"
    hosts: tuple[str, ...] = (CALLBACK_HOST,)

    def __init__(self, engine: FactoryEngine) -> None:
        self._engine = engine

    async def handle(self, request: Request, origin: Origin) -> Response:
        path = request.scope["path"]
        waiting = (
            self._engine.callbacks.get(path.removeprefix(CALLBACK_PATH)) if path.startswith(CALLBACK_PATH) else None
        )
        if waiting is None or waiting.done():
            return JSONResponse({"error": {"code": "NotFound", "message": "No activity waits here."}}, status_code=404)
        if request.method != "POST":
            return JSONResponse({"error": {"code": "MethodNotAllowed", "message": "Call back with POST."}}, 405)
        content = await request.body()
        try:
            answer = json.loads(content) if content.strip() else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            return JSONResponse({"error": {"code": "BadRequest", "message": "The body is no JSON object."}}, 400)
        waiting.set_result(answer)
        return Response(status_code=202)
