"""Azure's equality: what is the same in other words is no difference, and everything else is one."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.live.compare import Difference, differences
from toolkit.live.meant import digest

TYPE = "Microsoft.Storage/storageAccounts"


def found(meant: Any, live: Any, *, type_: str = TYPE, whole: bool = True) -> list[Difference]:
    return list(differences(type_, {"properties": meant}, {"properties": live}, whole=whole))


@pytest.mark.parametrize(
    ("meant", "live"),
    [
        ({"a": "Enabled"}, {"a": "enabled"}),
        ({"id": "/subscriptions/S/providers/x/Vaults/v"}, {"id": "/subscriptions/s/providers/X/vaults/V"}),
        ({"a": "https://x.example/"}, {"a": "https://x.example"}),
        ({"a": None, "b": [], "c": {}, "d": "", "e": False, "f": "None"}, {}),
        ({}, {"a": None, "b": [], "c": {"d": None}, "e": False, "f": "Disabled", "g": 0}),
        ({"list": ["a", "b"]}, {"list": ["B", "a"]}),
        (
            {"list": [{"name": "a", "x": 1}, {"name": "b", "x": 2}]},
            {"list": [{"name": "B", "x": 2}, {"name": "a", "x": 1}]},
        ),
        ({"key": digest("s3cret")}, {"key": "s3cret"}),
        ({"a": 1}, {"a": 1, "creationTime": "2026-01-01", "provisioningState": "Succeeded", "primaryLocation": "x"}),
    ],
)
def test_the_same_in_other_words(meant: Any, live: Any) -> None:
    assert found(meant, live) == []


@pytest.mark.parametrize(
    ("meant", "live", "path"),
    [
        ({"a": "Deny"}, {"a": "Allow"}, "properties.a"),
        ({"a": True}, {}, "properties.a"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "properties.a.b"),
        ({"list": ["a"]}, {"list": ["a", "b"]}, "properties.list"),
        ({"list": [{"name": "a"}]}, {"list": [{"name": "a"}, {"name": "b"}]}, "properties.list[b]"),
        ({"list": [{"name": "a"}, {"name": "b"}]}, {"list": [{"name": "a"}]}, "properties.list[b]"),
        ({"list": [{"name": "a", "x": 1}]}, {"list": [{"name": "a", "x": 2}]}, "properties.list[a].x"),
        ({"list": [{"x": 1}]}, {"list": [{"x": 2}]}, "properties.list[0].x"),
        ({}, {"isSftpEnabled": True}, "properties.isSftpEnabled"),
        ({}, {"rules": [{"name": "mine"}]}, "properties.rules"),
        ({"text": "@pipeline().RunId"}, {"text": "@pipeline().runid"}, "properties.text"),
        ({"key": digest("s3cret")}, {"key": "other"}, "properties.key"),
    ],
)
def test_a_difference_is_named(meant: Any, live: Any, path: str) -> None:
    assert [one.path for one in found(meant, live)] == [path]


def test_what_a_part_leaves_unsaid_is_somebody_elses() -> None:
    assert found({"a": 1}, {"a": 1, "rules": [{"name": "mine"}]}, whole=False) == []
    assert len(found({"a": 1}, {"a": 2}, whole=False)) == 1
