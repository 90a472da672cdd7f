"""Requests to Azure Resource Manager that neither Terraform nor an SDK dependency covers, followed to their end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from toolkit.errors import ToolkitError
from toolkit.waiting import Waits, steadily

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpRequest

    from toolkit.azure.pipeline import RestClient
    from toolkit.environment import Connection

ARM = "https://management.azure.com"
_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 2.0
_LONGEST_POLL = 30.0


def arm_client(connection: Connection, credential: TokenCredential | None = None) -> RestClient:
    """A client that acts as the runner, where the runner stands. Use it as a context manager."""
    from toolkit.azure.credentials import runner_credential
    from toolkit.azure.pipeline import RestClient

    return RestClient(ARM, connection.runner, credential or runner_credential(connection), f"{ARM}/.default")


def until_done(client: RestClient, request: HttpRequest, what: str) -> None:
    """Send it and follow ``Azure-AsyncOperation`` or ``Location`` to the end of the operation.

    Raises azure.core's AzureError when Azure refuses (ResourceNotFoundError for a 404), ToolkitError when the operation
    fails or does not end. https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
    """
    from azure.core.exceptions import ResourceNotFoundError
    from azure.core.rest import HttpRequest

    waits = Waits(steadily(_POLL_SECONDS))
    response = client.send_request(request)
    if response.status_code == 404:
        raise ResourceNotFoundError(response=response)
    response.raise_for_status()
    status_url = response.headers.get("Azure-AsyncOperation")
    url = status_url or response.headers.get("Location")
    while response.status_code in (200, 201, 202) and url:
        pause = waits.next(_PATIENCE_SECONDS)
        if pause is None:
            raise ToolkitError(
                f"{what} has not ended after {_PATIENCE_SECONDS:.0f} s",
                hint="it goes on in Azure: run again when it has ended",
            )
        time.sleep(min(float(response.headers.get("Retry-After", pause)), _LONGEST_POLL))
        response = client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        if status_url:
            status = str(response.json().get("status", "")).lower()
            if status in ("failed", "canceled"):
                raise ToolkitError(f"{what} {status}: {response.json().get('error')}")
            if status == "succeeded":
                return
        elif response.status_code != 202:
            return
