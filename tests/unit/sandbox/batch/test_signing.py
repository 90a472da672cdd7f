"""A key of the account opens it where keys are allowed, and nothing else that looks like one does."""

from __future__ import annotations

import base64
import hashlib
import hmac

from starlette.requests import Request

from toolkit.sandbox.batch.signing import is_signed, string_to_sign

KEY = base64.b64encode(b"k" * 64).decode()
# As the page lays it out: verb, eleven standard headers, headers of its own, the account's path, the query.
SIGNED = "GET" + "\n" * 12 + "ocp-date:Tue, 29 Jul 2014 21:49:13 GMT\n/acct/pools\napi-version:2024-07-01.20.0"


def request(authorization: str) -> Request:
    headers = [(b"ocp-date", b"Tue, 29 Jul 2014 21:49:13 GMT"), (b"authorization", authorization.encode())]
    scope = {"type": "http", "method": "GET", "raw_path": b"/pools", "path": "/pools", "headers": headers}
    return Request({**scope, "query_string": b"api-version=2024-07-01.20.0"})


def signature(key: str) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(key), SIGNED.encode(), hashlib.sha256).digest()).decode()


def test_what_is_signed() -> None:
    assert string_to_sign("acct", request("")) == SIGNED


def test_only_the_accounts_own_key_and_name() -> None:
    other = base64.b64encode(b"o" * 64).decode()
    assert is_signed("acct", [other, KEY], request(f"SharedKey acct:{signature(KEY)}"))
    assert not is_signed("acct", [KEY], request(f"SharedKey acct:{signature(other)}"))
    assert not is_signed("acct", [KEY], request(f"SharedKey other:{signature(KEY)}"))
    assert not is_signed("acct", [], request(f"SharedKey acct:{signature(KEY)}"))
