"""A plain azure-core pipeline at a vantage, for what no SDK dependency covers: ARM by id, Key Vault, OIDC, http.

The one place that puts such a pipeline together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    CustomHookPolicy,
    ProxyPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest, HttpResponse

from toolkit import __version__
from toolkit.environment import Vantage

USER_AGENT = f"aml-adf-toolkit/{__version__}"

# A refusal has to arrive quickly: a connection that fails costs about 5 s with azure-core's defaults, and callers who
# expect eventual consistency wait with a deadline of their own. Throttling (429 and Retry-After) is still waited for.
RETRY: Mapping[str, Any] = {
    "retry_total": 3,
    "retry_connect": 1,
    "retry_read": 1,
    "retry_status": 3,
    "retry_backoff_factor": 0.2,
    "retry_backoff_max": 8,
}
TIMEOUTS: Mapping[str, Any] = {"connection_timeout": 10, "read_timeout": 30}


class RestClient:
    """Requests to one host. ``credential`` None is an anonymous client. Use it as a context manager."""

    def __init__(
        self, base_url: str, vantage: Vantage, credential: TokenCredential | None = None, scope: str | None = None
    ) -> None:
        options = vantage.client_options
        policies: list[Any] = [
            RequestIdPolicy(),
            UserAgentPolicy(USER_AGENT),
            ProxyPolicy(proxies=options.get("proxies")),
            RetryPolicy(**RETRY),
        ]
        if credential is not None and scope is not None:
            # It answers the challenges of continuous access evaluation too, which ARM may send.
            policies.append(BearerTokenCredentialPolicy(credential, scope))
        policies.append(CustomHookPolicy(raw_response_hook=options.get("raw_response_hook")))
        self._base_url = base_url
        # Redirects are not followed: there is no redirect policy, and no service here answers with one.
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            base_url, policies=policies, connection_verify=options.get("connection_verify", True), **TIMEOUTS
        )

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._client.close()

    def send(
        self, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """The response of a GET, whatever its status. Raises azure.core's ServiceRequestError when nobody answers."""
        url = urljoin(self._base_url, path)
        if query:
            url += f"{'&' if '?' in url else '?'}{urlencode(query)}"
        return self.send_request(HttpRequest("GET", url, headers=dict(headers or {})))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object that an action answers; ``{}`` for none. Raises HttpResponseError as :meth:`get` does."""
        response = self.send_request(HttpRequest("POST", urljoin(self._base_url, path), json=body))
        response.raise_for_status()
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    def send_request(self, request: HttpRequest) -> HttpResponse:
        """The response of any request, whatever its status."""
        return self._client.send_request(request)

    def get(
        self, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object of a GET. Raises HttpResponseError for any other status than 200."""
        response = self.send(path, query, headers)
        response.raise_for_status()
        try:
            body = response.json()
        except json.JSONDecodeError:
            body = None
        if response.status_code != 200 or not isinstance(body, dict):
            raise HttpResponseError(
                f"{response.status_code} without a JSON object from {response.request.url.split('?')[0]}",
                response=response,
            )
        return body

    def list(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The items of a ``{"value": […], "nextLink": …}`` list, page after page."""
        page = self.get(path, query)
        while True:
            yield from page.get("value") or []
            next_link = page.get("nextLink")
            if not next_link:
                return
            if urlsplit(next_link).netloc != urlsplit(self._base_url).netloc:
                raise ValueError(
                    f"the list of {path} goes on at {next_link}: a token must not follow it to another host"
                )
            page = self.get(next_link)
