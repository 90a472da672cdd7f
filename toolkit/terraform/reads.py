"""Reads of Azure Resource Manager that an apply makes before it begins; who may not look learns it from Azure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.azure.arm import ARM
from toolkit.errors import ToolkitError

Read = Callable[[str], dict[str, Any] | None]  # the answer to a GET; None for an identity that may not look


def reader(client: Any, what: str) -> Read:
    """``what`` is read, for the error when that fails."""
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    def read(path: str) -> dict[str, Any] | None:
        url = path if path.startswith("https://") else f"{ARM}{path}"
        try:
            response = client.send_request(HttpRequest("GET", url))
            if response.status_code in (403, 404):
                return None
            response.raise_for_status()
        except AzureError as error:
            raise ToolkitError(f"cannot look at {what}: {error.message}") from error
        answer: dict[str, Any] = response.json()
        return answer

    return read


def pages(read: Read, path: str) -> list[dict[str, Any]] | None:
    """The ``value`` of all pages."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        page = read(following)
        if page is None:
            return None
        found += page.get("value") or []
        following = page.get("nextLink")
    return found
