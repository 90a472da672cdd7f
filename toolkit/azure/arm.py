"""Requests to Azure Resource Manager that neither Terraform nor an SDK dependency covers, followed to their end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.environment import Connection

ARM = "https://management.azure.com"
_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 2.0


def arm_client(connection: Connection) -> Any:
    """An azure-core client that acts as the runner, where the runner stands. Use it as a context manager."""
    from azure.core.pipeline.policies import ProxyPolicy, RetryPolicy, UserAgentPolicy
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    from toolkit.azure.credentials import runner_credential
    from toolkit.azure.pipeline import RETRY, TIMEOUTS, USER_AGENT

    options = connection.runner.client_options
    policies = [
        UserAgentPolicy(USER_AGENT),
        ProxyPolicy(proxies=options.get("proxies")),
        RetryPolicy(**RETRY),
        ARMChallengeAuthenticationPolicy(runner_credential(connection), f"{ARM}/.default"),
    ]
    verify = options.get("connection_verify", True)
    client: Any = ARMPipelineClient(base_url=ARM, policies=policies, connection_verify=verify, **TIMEOUTS)
    return client


def until_done(client: Any, request: Any, what: str) -> None:
    """Send it and follow ``Azure-AsyncOperation`` or ``Location`` to the end of the operation.

    Raises azure.core's AzureError when Azure refuses (ResourceNotFoundError for a 404), ToolkitError when the operation
    fails or does not end. https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
    """
    from azure.core.exceptions import ResourceNotFoundError
    from azure.core.rest import HttpRequest

    deadline = time.monotonic() + _PATIENCE_SECONDS
    response = client.send_request(request)
    if response.status_code == 404:
        raise ResourceNotFoundError(response=response)
    response.raise_for_status()
    status_url = response.headers.get("Azure-AsyncOperation")
    url = status_url or response.headers.get("Location")
    while response.status_code in (200, 201, 202) and url:
        if time.monotonic() > deadline:
            raise ToolkitError(
                f"{what} has not ended after {_PATIENCE_SECONDS:.0f} s",
                hint="it goes on in Azure: run again when it has ended",
            )
        time.sleep(min(float(response.headers.get("Retry-After", _POLL_SECONDS)), 30.0))
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
