"""Tokens by which a job's code writes its own records: of the service's own, good in one workspace, for one run.

azureml-mlflow (PyPI; _common/_authentication/azureml_token_authentication.py) reads ``exp`` without verifying, and
renews them at the run history. They end with the daemon, as the jobs do.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Final

import jwt

from toolkit.sandbox.model import Principal

_LIFETIME_SECONDS: Final = 24 * 3600
_AUDIENCE: Final = "azureml.run"


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """A run that speaks for itself. ``principal`` is its compute's identity, on whose behalf blobs are signed for."""

    workspace_id: str
    run_id: str
    principal: Principal | None


class RunTokens:
    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._runs: dict[str, RunIdentity] = {}

    def issue(self, identity: RunIdentity) -> str:
        key = secrets.token_hex(8)
        self._runs[key] = identity
        claims = {"aud": _AUDIENCE, "sub": key, "runid": identity.run_id, "exp": int(time.time()) + _LIFETIME_SECONDS}
        return jwt.encode(claims, self._key, algorithm="HS256")

    def forget(self, workspace_id: str, run_id: str) -> None:
        """The run is over: none of its tokens opens anything any more (inferred, as for the identity's secret)."""
        over = [key for key, run in self._runs.items() if (run.workspace_id, run.run_id) == (workspace_id, run_id)]
        for key in over:
            del self._runs[key]

    def verify(self, authorization: str | None) -> RunIdentity | None:
        """Whose token the header holds; None when it is none of these."""
        _, _, token = (authorization or "").partition(" ")
        try:
            claims = jwt.decode(token.strip(), self._key, algorithms=["HS256"], audience=_AUDIENCE)
        except jwt.InvalidTokenError:
            return None
        return self._runs.get(str(claims["sub"]))
