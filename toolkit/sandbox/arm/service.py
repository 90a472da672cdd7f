"""The service behind ``management.azure.com``: one ordered path (steps.py) from a request to an answer.

Order, as Azure's own refusals show it: api-version, token, subscription and tenant, resource type, registration of the
provider, role-based access, locks, resource group and parent, and then the type's own behaviour.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from toolkit.sandbox.arm.errors import ArmError
from toolkit.sandbox.arm.locks import Locks
from toolkit.sandbox.arm.operations import Profile
from toolkit.sandbox.arm.providers import Providers
from toolkit.sandbox.arm.request import ArmRequest, ControlPlane
from toolkit.sandbox.arm.resource_type import Answer
from toolkit.sandbox.arm.resources import Resources
from toolkit.sandbox.arm.steps import STEPS
from toolkit.sandbox.model import Origin
from toolkit.sandbox.world import BlobsUnavailable, World


class ArmService:
    name = "arm"
    hosts: tuple[str, ...] = ("management.azure.com",)

    def __init__(self, world: World, profile: Profile | None = None, clock: Callable[[], float] = time.time) -> None:
        self._plane = ControlPlane(world, Resources(world, profile, clock), Providers(world.store), Locks(world.store))

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            answer = await self._answer(request)
        except ArmError as error:
            answer = Answer(error.body(), error.status, {**error.headers, "x-ms-failure-cause": "gateway"})
        except BlobsUnavailable as error:
            answer = Answer(ArmError(503, "ServerBusy", f"The sandbox's blob storage: {error}.").body(), 503)
        headers = {**answer.headers, "x-ms-request-id": str(uuid.uuid4()), "Cache-Control": "no-cache"}
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            headers["x-ms-client-request-id"] = client_id
        if answer.body is None:
            return Response(status_code=answer.status, headers=headers)
        content = b"" if request.method == "HEAD" else json.dumps(answer.body).encode()
        return Response(content, answer.status, headers, "application/json; charset=utf-8")

    async def _answer(self, request: Request) -> Answer:
        on_its_way = ArmRequest(
            request.method,
            "/" + request.scope["path"].strip("/"),
            dict(request.query_params),
            {key.lower(): value for key, value in request.headers.items()},
            await request.body(),
        )
        for step in STEPS:
            await step(self._plane, on_its_way)
        return on_its_way.answer
