"""Which failed actions have nothing left to act on."""

from __future__ import annotations

from typing import Any

from toolkit.terraform.events import Diagnostic
from toolkit.terraform.recovery.missing_target import actions_without_target

TRIGGER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf/triggers/daily"


def change(address: str, *actions: str, kind: str = "azapi_resource_action", when: str = "destroy") -> dict[str, Any]:
    before = {"resource_id": TRIGGER, "when": when} if actions[0] != "create" else None
    return {"address": address, "type": kind, "change": {"actions": list(actions), "before": before}}


def failure(code: str = "ResourceNotFound", status: str = "404: 404 Not Found", target: str = TRIGGER) -> Diagnostic:
    """As azapi words it."""
    return Diagnostic(
        "error",
        "Failed to perform action",
        f'performing action stop of "Resource: (ResourceId \\"{target}\\" / Api Version \\"2018-06-01\\")": POST '
        f"https://management.azure.com{target}/stop\n----\nRESPONSE {status}\nERROR CODE: {code}\n----\n{{}}",
    )


def test_an_action_of_a_destroy_on_what_is_gone() -> None:
    document = {"resource_changes": [change("a.stop", "delete", "create"), change("b.stop", "delete")]}
    assert actions_without_target([failure()], document) == ["a.stop", "b.stop"]
    assert actions_without_target([failure("ResourceGroupNotFound")], document) == ["a.stop", "b.stop"]
    assert actions_without_target([failure(target=TRIGGER.upper())], document) == ["a.stop", "b.stop"]


def test_whatever_else_fails_stays() -> None:
    document = {"resource_changes": [change("a.stop", "delete")]}
    assert actions_without_target([], document) == []
    assert actions_without_target([failure("AuthorizationFailed", "403: 403 Forbidden")], document) == []
    assert actions_without_target([failure(target=TRIGGER + "2")], document) == []


def test_only_actions_that_a_destroy_performs() -> None:
    for other in (
        change("a.start", "delete", when="apply"),
        change("a.stop", "create"),
        change("a.stop", "update"),
        change("a.trigger", "delete", kind="azapi_resource"),
    ):
        assert actions_without_target([failure()], {"resource_changes": [other]}) == []
