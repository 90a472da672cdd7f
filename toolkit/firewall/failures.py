"""What happens to a lease when Azure, or the way to it, fails in the middle: tried again, and else said exactly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpRequest, HttpResponse

from toolkit.azure.pipeline import RestClient
from toolkit.azure.refusals import refused
from toolkit.errors import ToolkitError
from toolkit.firewall.model import Lease
from toolkit.waiting import BackOff, Waits

PATIENCE_SECONDS = 120.0  # beside the few seconds for which a client tries a request again by itself
_BACK_OFF = BackOff(0.5, 15.0)
_OUTAGES = (408, 429, 500, 502, 503, 504)
# Somebody else's change of the same thing is under way. Of an account:
# https://learn.microsoft.com/rest/api/storagerp/srp_error_codes_common; of a deployment:
# https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
_BUSY = ("StorageAccountOperationInProgress", "AnotherOperationInProgress", "ConflictError", "DeploymentActive")


def passes(error: BaseException) -> bool:
    """Whether it goes away by itself: then it is not known whether what was asked for was done, and it may be again."""
    if isinstance(error, ClientAuthenticationError):
        return False
    if isinstance(error, HttpResponseError):
        return error.status_code in _OUTAGES or any(code in str(error) for code in _BUSY)
    return isinstance(error, ServiceRequestError | ServiceResponseError)


class Patient(RestClient):
    """Another client, whose requests are sent again until an outage passes, or ``seconds`` are over.

    All but PATCH, which replaces what somebody else may have written meanwhile: who sends one reads again first.
    """

    def __init__(self, inner: RestClient, seconds: float, say: Callable[[str], None]) -> None:
        self._base_url = inner._base_url
        self._inner, self._seconds, self._say = inner, seconds, say

    def send_request(self, request: HttpRequest) -> HttpResponse:
        if request.method == "PATCH":
            return self._inner.send_request(request)
        waits = Waits(_BACK_OFF)
        while True:
            try:
                response = self._inner.send_request(request)
                error: AzureError = HttpResponseError(response=response)
                if response.status_code < 400 or not passes(error):
                    return response
            except AzureError as raised:
                error = raised
            pause = waits.next(self._seconds) if passes(error) else None
            if pause is None:
                raise error
            self._say(f"trying again: {said(error)}")
            time.sleep(pause)


class LeftOpenError(ToolkitError):
    """A lease that was not closed. The message says what it still lets in, the hint how it is closed."""

    def __init__(self, lease: Lease, environment: str, still: Sequence[str], cause: BaseException) -> None:
        self.lease, self.environment, self.still, self.cause = lease, environment, still, cause
        lines = [f"lease {lease.id} is not closed: {said(cause)}", *(f"  {line}" for line in still)]
        super().__init__(
            "\n".join(lines if still else [*lines, "  none of its rules is left, only its record"]),
            hint=f"toolkit firewall close {environment} {lease.id}\n"
            f"From {lease.expires:%Y-%m-%d %H:%M} UTC on, every toolkit firewall sweep {environment} does it, too.",
        )

    def after(self, what: BaseException | str) -> LeftOpenError:
        """The same, where something else had gone wrong before, or had come to its end."""
        self.message = f"{what if isinstance(what, str) else said(what)}\n{self.message}"
        self.args = (self.message,)
        return self


def said(error: BaseException) -> str:
    if isinstance(error, AzureError):
        return refused(error, "Azure").message.removeprefix("Azure: ")
    if isinstance(error, ToolkitError):
        return error.message
    return "it was interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
