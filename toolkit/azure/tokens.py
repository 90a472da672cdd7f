"""One token for each identity and service, however many checks want one at the same time."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential

# As azure-core's own policy renews them (BearerTokenCredentialPolicy, _need_new_token).
_LEFT_SECONDS = 300


class OneToken:
    """A credential that keeps what another one gave. A challenge with claims is always answered anew.

    azure-identity keeps tokens too, but lets every thread that finds none ask for its own.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential: Any = credential
        self._locks: dict[object, threading.Lock] = defaultdict(threading.Lock)
        self._tokens: dict[object, AccessTokenInfo] = {}
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        info = self.get_token_info(*scopes, options={k: v for k, v in options.items() if v})
        return AccessToken(info.token, info.expires_on)

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        wanted = dict(options or {})
        if wanted.get("claims"):
            return self._ask(scopes, wanted)
        key = (scopes, wanted.get("tenant_id"))
        with self._lock:
            own = self._locks[key]
        with own:
            known = self._tokens.get(key)
            if known is None or known.expires_on - time.time() < _LEFT_SECONDS:
                known = self._tokens[key] = self._ask(scopes, wanted)
            return known

    def _ask(self, scopes: tuple[str, ...], options: dict[str, Any]) -> AccessTokenInfo:
        if hasattr(self._credential, "get_token_info"):
            info: AccessTokenInfo = self._credential.get_token_info(*scopes, options=options)
            return info
        token = self._credential.get_token(*scopes, **options)
        return AccessTokenInfo(token.token, token.expires_on)

    def close(self) -> None:
        if close := getattr(self._credential, "close", None):
            close()
