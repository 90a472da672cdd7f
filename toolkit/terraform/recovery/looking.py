"""What Azure has, asked before something is made, made again or left out: an answer, or an error that names the right.

A 404 says that there is nothing. A 403 says nothing at all, and is never read as "there is none": an apply would then
make an empty storage account where the deleted one could have been restored, and end that for good.
https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.azure.arm import ARM
from toolkit.errors import ToolkitError
from toolkit.records import Json

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient


class MayNotLookError(ToolkitError):
    """This identity has no role that lets it see what has to be known."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Reads as the runner. ``environment`` is the name that ``toolkit bootstrap`` takes."""

    client: RestClient
    environment: str

    def one(self, path: str, what: str, right: str) -> Json | None:
        """The body of a GET; None for what is not there. ``what`` and ``right`` are for the error. ToolkitError."""
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        url = path if path.startswith("https://") else f"{ARM}{path}"
        try:
            response = self.client.send_request(HttpRequest("GET", url))
            if response.status_code == 404:
                return None
            if response.status_code != 403:
                response.raise_for_status()
        except AzureError as error:
            raise ToolkitError(f"cannot see {what}: {error.message}") from error
        if response.status_code == 403:
            raise self._denied(url, what, right)
        body: Json = response.json()
        return body

    def all(self, path: str, what: str, right: str) -> list[Json]:
        """The ``value`` of every page; nothing where what would hold it is not there. Raises ToolkitError."""
        found: list[Json] = []
        following: str | None = path
        while following:
            page = self.one(following, what, right) or {}
            found += page.get("value") or []
            following = page.get("nextLink")
        return found

    def _denied(self, url: str, what: str, right: str) -> MayNotLookError:
        asked = url.removeprefix(ARM).partition("?")[0]
        return MayNotLookError(
            f"cannot see {what}: no role lets this identity do {right} (403 for {asked}), and that there is nothing "
            "cannot be taken from it",
            hint=f"an operator runs `toolkit bootstrap {self.environment}`, which gives CI and plans the role (it "
            "takes ten minutes at most to arrive); any other identity needs a role with that action, such as Reader",
        )
