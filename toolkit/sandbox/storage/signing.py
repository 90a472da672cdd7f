"""Shared Key signatures of the Blob service: made for Azurite, verified for clients.

The string to sign is Microsoft's "Authorize with Shared Key", format of version 2015-02-21 and later:
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from urllib.parse import unquote_plus

Headers = Sequence[tuple[bytes, bytes]]

_SIGNED = (
    b"content-encoding",
    b"content-language",
    b"content-length",
    b"content-md5",
    b"content-type",
    b"date",
    b"if-modified-since",
    b"if-match",
    b"if-none-match",
    b"if-unmodified-since",
    b"range",
)

# Azurite sorts header names with JavaScript's localeCompare, in which "_" < "-" < digits < letters. For the names that
# metadata can have (C# identifiers) Azure's own order, which azure-storage-blob's _shared/authentication.py holds as a
# table, is the same: bytes would put "_" after the digits.
_LOCALE_ORDER = str.maketrans("_-", "\x01\x02")


def string_to_sign(method: str, headers: Headers, account: str, path: str, query: Sequence[tuple[str, str]]) -> str:
    """What is signed for a request: ``path`` as sent (percent-encoded), ``query`` decoded, header names lower-cased."""
    values = {name: value.decode("latin-1") for name, value in headers}
    standard = [values.get(name, "") for name in _SIGNED]
    if standard[2] == "0":
        standard[2] = ""
    if b"x-ms-date" in values:
        standard[5] = ""
    own = sorted(
        (
            (name.decode("latin-1"), value.decode("latin-1").strip())
            for name, value in headers
            if name.startswith(b"x-ms-")
        ),
        key=lambda item: item[0].translate(_LOCALE_ORDER),
    )
    parameters: dict[str, list[str]] = {}
    for name, value in query:
        parameters.setdefault(name.lower(), []).append(value)
    resource = f"/{account}{path}" + "".join(
        f"\n{name}:{','.join(sorted(found))}" for name, found in sorted(parameters.items())
    )
    return "\n".join([method, *standard]) + "\n" + "".join(f"{name}:{value}\n" for name, value in own) + resource


def sign(text: str, key: str) -> str:
    """Base64 of the HMAC-SHA256 of ``text`` with a base64 account key."""
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def matches(signature: str, text: str, keys: Sequence[str]) -> bool:
    """Whether one of the account's keys made ``signature``; compares in constant time."""
    return any(hmac.compare_digest(signature.encode(), sign(text, key).encode()) for key in keys)


def split_query(raw: str, decode: Callable[[str], str] = unquote_plus) -> list[tuple[str, str]]:
    """The parameters of a raw query string in order, decoded; a name without ``=`` has the value ``""``."""
    pairs = (part.partition("=") for part in raw.split("&") if part)
    return [(decode(name), decode(value)) for name, _, value in pairs]
