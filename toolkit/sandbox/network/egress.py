"""Who tells a client its public address: the sources that toolkit/azure/egress.py asks, on their own host names.

Each answers the bare address and a line end, which https://checkip.amazonaws.com and https://icanhazip.com do
(https://api.ipify.org leaves the line end out); to other methods and paths none of them answers anything useful.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from toolkit.sandbox.model import Origin


class EgressService:
    """The address of the connection that the question came on: a vantage may have several, which take turns."""

    name = "public addresses"
    hosts: tuple[str, ...] = ("api.ipify.org", "checkip.amazonaws.com", "ipv4.icanhazip.com")

    async def handle(self, request: Request, origin: Origin) -> Response:
        if request.method != "GET" or request.url.path != "/":
            return PlainTextResponse("404 page not found\n", status_code=404)
        return PlainTextResponse(f"{origin.public_ip}\n")
