"""Shared Key signatures of the Batch service.

https://learn.microsoft.com/rest/api/batchservice/authenticate-requests-to-the-azure-batch-service
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

_SIGNED: Final = (
    *("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date"),
    *("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"),
)


def string_to_sign(account: str, request: Request) -> str:
    values = dict(request.headers)
    if "ocp-date" in values:
        values["date"] = ""
    standard = [values.get(name, "") for name in _SIGNED]
    own = "".join(f"{name}:{values[name].strip()}\n" for name in sorted(values) if name.startswith("ocp-"))
    query = "".join(f"\n{name.lower()}:{value}" for name, value in sorted(request.query_params.items()))
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return "\n".join([request.method, *standard]) + f"\n{own}/{account}{path}{query}"


def is_signed(account: str, keys: Iterable[str], request: Request) -> bool:
    """Whether ``Authorization: SharedKey ACCOUNT:SIGNATURE`` was made with one of the account's keys."""
    name, _, signature = request.headers.get("authorization", "").partition(" ")[2].partition(":")
    text = string_to_sign(account, request).encode()
    made = (base64.b64encode(hmac.new(base64.b64decode(key), text, hashlib.sha256).digest()).decode() for key in keys)
    return name.lower() == account.lower() and any(hmac.compare_digest(signature, one) for one in made)
