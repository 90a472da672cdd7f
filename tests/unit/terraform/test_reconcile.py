"""A plan of now against one that was agreed to."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import RefusedError
from toolkit.terraform.reconcile import reconcile, refuse_more

A, B = "azapi_resource.a", "azapi_resource.b"


def change(address: str, actions: list[str], before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "address": address,
        "mode": "managed",
        "type": "azapi_resource",
        "change": {"actions": actions, "before": before, "after": after, **more},
    }


def plan(*changes: dict[str, Any], outputs: tuple[str, ...] = ()) -> dict[str, Any]:
    made = {name: {"actions": ["update"], "before": 1, "after": 2} for name in outputs}
    return {"resource_changes": list(changes), "output_changes": made}


def body(**properties: Any) -> dict[str, Any]:
    return {"type": "Microsoft.X/things@2024-01-01", "body": {"properties": properties}}


CREATE = change(A, ["create"], None, body(size=1), after_unknown={"id": True, "output": True})
UPDATE = change(A, ["update"], body(size=1, tls="1.0"), body(size=2, tls="1.2"))
DELETE = change(B, ["delete"], body(size=1), None)
NOTHING = change(A, ["no-op"], body(size=1), body(size=1))


@pytest.mark.parametrize("one", [CREATE, UPDATE, DELETE], ids=["create", "update", "delete"])
def test_the_same_is_the_same(one: dict[str, Any]) -> None:
    found = reconcile(plan(one), plan(one))
    assert (len(found.same), found.gone, found.more) == (1, (), ())
    refuse_more(found, "local")


@pytest.mark.parametrize(
    ("agreed", "fresh", "gone"),
    [
        (plan(CREATE, DELETE), plan(DELETE), f"create {A}"),
        (plan(CREATE, DELETE), plan(), f"create {A}"),
        (plan(UPDATE), plan(NOTHING), f"update {A}"),
        # Somebody has set one of the two meanwhile.
        (
            plan(UPDATE),
            plan(change(A, ["update"], body(size=1, tls="1.2"), body(size=2, tls="1.2"))),
            "body.properties.tls",
        ),
        (plan(UPDATE, outputs=("x", "y")), plan(UPDATE, outputs=("x",)), None),
    ],
)
def test_less_goes_on_and_says_what_is_done_already(agreed: Any, fresh: Any, gone: str | None) -> None:
    found = reconcile(agreed, fresh)
    assert found.smaller
    if gone:
        assert any(gone in one for one in found.gone), found


def test_what_was_to_be_found_out_may_be_known_by_now() -> None:
    unknown = change(A, ["create"], None, body(size=1), after_unknown={"body": {"properties": {"key": True}}})
    known = change(A, ["create"], None, body(size=1, key={"uri": "https://x"}))
    assert reconcile(plan(unknown), plan(known)).smaller
    found = reconcile(plan(known), plan(unknown))
    assert not found.smaller


@pytest.mark.parametrize(
    ("agreed", "fresh", "said"),
    [
        (plan(), plan(CREATE), f"create {A}"),
        (plan(NOTHING), plan(UPDATE), f"update {A}"),
        (plan(UPDATE), plan(change(A, ["delete", "create"], body(size=1), body(size=2))), "which was to update"),
        (plan(CREATE), plan(UPDATE), "which was to create"),
        (plan(CREATE), plan(change(A, ["create"], None, body(size=2))), "body.properties.size gets another value"),
        (plan(CREATE), plan(change(A, ["create"], None, body(size=1, more=1))), "body.properties.more is set"),
        (
            plan(UPDATE),
            plan(change(A, ["update"], body(size=1, tls="1.0"), body(size=3, tls="1.2"))),
            "size gets another",
        ),
        (
            plan(UPDATE),
            plan(change(A, ["update"], body(size=1, tls="1.0", x=1), body(size=2, tls="1.2", x=None))),
            "x is set",
        ),
        (plan(UPDATE), plan(UPDATE, outputs=("x",)), "change the output x"),
        (
            plan(change(A, ["update"], body(rules=["a"]), body(rules=["a", "b"]))),
            plan(change(A, ["update"], body(rules=["a"]), body(rules=["a", "c"]))),
            "body.properties.rules gets another value",
        ),
    ],
)
def test_more_is_refused_and_named_without_a_value(agreed: Any, fresh: Any, said: str) -> None:
    found = reconcile(agreed, fresh)
    with pytest.raises(RefusedError) as caught:
        refuse_more(found, "local")
    assert said in caught.value.message
    assert "nothing was changed in local" in caught.value.message


def test_what_a_provider_answers_is_no_difference() -> None:
    before, after = {**body(size=1), "output": {"a": 1}}, {**body(size=2), "output": {"a": 2}}
    again = {**body(size=2), "output": {"a": 3}}
    assert reconcile(plan(change(A, ["update"], before, after)), plan(change(A, ["update"], before, again))).smaller
