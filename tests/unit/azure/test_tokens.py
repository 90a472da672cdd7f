"""A token is asked for once for each service, and again when it is needed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.credentials import AccessToken

from toolkit.azure.tokens import OneToken


class Slow:
    """Answers once everybody who might ask has had the chance to."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.lifetime = lifetime
        self.go = threading.Event()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append(scopes)
        token = f"{len(self.asked)} of {scopes[0]}"
        self.go.wait(20)
        return AccessToken(token, int(time.time() + self.lifetime))


def test_many_threads_get_one_token_per_service() -> None:
    slow = Slow()
    one = OneToken(slow)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(one.get_token, scope) for scope in ("arm", "storage") * 4]
        slow.go.set()
    assert sorted(slow.asked) == [("arm",), ("storage",)]
    assert len({future.result().token for future in found}) == 2


def test_what_ends_soon_and_what_is_challenged_is_asked_for_anew() -> None:
    soon = Slow(lifetime=200)
    soon.go.set()
    one = OneToken(soon)
    assert one.get_token("arm").token != one.get_token("arm").token
    lasting = Slow()
    lasting.go.set()
    one = OneToken(lasting)
    first = one.get_token_info("arm").token
    assert one.get_token_info("arm", options={"claims": "{}"}).token != first
    assert one.get_token("arm", claims=None, enable_cae=True).token == first
