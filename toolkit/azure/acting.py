"""As whom a token acts, and what a JSON Web Token says of itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Acting:
    """Who a token is for. Read from the token, which Azure alone verifies: for messages, never for a decision."""

    object_id: str | None
    client_id: str | None
    name: str | None
    tenant_id: str | None
    expires_at: datetime | None

    @property
    def words(self) -> str:
        who = self.name or (f"application {self.client_id}" if self.client_id else "an unknown principal")
        return f"{who} (object {self.object_id})" if self.object_id else who


def acting(token: str) -> Acting:
    """The principal of an access token (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)."""
    said = claims(token)
    expires = said.get("exp")
    return Acting(
        object_id=said.get("oid"),
        client_id=said.get("appid") or said.get("azp"),
        name=said.get("upn")
        or said.get("unique_name")
        or said.get("preferred_username")
        or said.get("app_displayname"),
        tenant_id=said.get("tid"),
        expires_at=datetime.fromtimestamp(float(expires), UTC) if expires is not None else None,
    )


def claims(token: str) -> Mapping[str, Any]:
    """What a JSON Web Token says, unverified; ``{}`` for what is none."""
    try:
        body = token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
