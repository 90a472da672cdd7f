"""How a change of a resource's public doors reaches its data plane: later, and not at every front end at once.

Azure Resource Manager answers with the new rules while the service still goes by the old ones. No page says for how
long: people saw 15 seconds (https://github.com/Azure/azure-cli/issues/18415), 20
(https://github.com/hashicorp/terraform-provider-azurerm/issues/2977), and up to minutes for a key vault
(https://github.com/Azure-Samples/azuresandbox/issues/176). That each front end learns it by itself, so that answers
change back and forth meanwhile, is inferred from pipelines that fail at random after their first success (the first).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Final

from toolkit.records import Json
from toolkit.sandbox.store import Resource

# What decides who reaches a resource's public endpoint, by the names that resource types have for it.
DOORS: Final = (
    *("publicNetworkAccess", "networkAcls", "networkRuleSet", "networkProfile", "ipAllowlist"),
    *("ipSecurityRestrictions", "scmIpSecurityRestrictions", "scmIpSecurityRestrictionsUseMain"),
)
# Seconds of Azure's time after which each front end knows, by the profile's name; none: all of them, at once.
ARRIVAL_SECONDS: Final[dict[str, tuple[float, ...]]] = {
    "instant": (),
    "realistic": (20.0,),
    "worst": (40.0, 80.0, 120.0),
}
_CHANGES = "doors"  # in Resource.internal: what is on its way


class FrontEnds:
    """Of all resources. ``clock`` can be put forward: a test need not wait."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead = 0.0
        self._turns: dict[str, Iterator[int]] = {}

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def note(self, resource: Resource, before: Resource | None, profile: str, scale: float) -> None:
        """``resource``, which is about to be stored, was ``before``: keep what its front ends still go by."""
        now = self._now()
        changes = [change for change in resource.internal.get(_CHANGES, []) if max(change["arrives"]) > now]
        arrives = [now + seconds * scale for seconds in ARRIVAL_SECONDS[profile]]
        if before is not None and arrives and doors(before) != doors(resource):
            changes.append({"arrives": arrives, "before": doors(before)})
        resource.internal.pop(_CHANGES, None)
        if changes:
            resource.internal[_CHANGES] = changes

    def properties(self, resource: Resource) -> Json:
        """The properties that the front end goes by whose turn it is: requests go to each of them in turn."""
        changes = resource.internal.get(_CHANGES)
        if not changes:
            return resource.properties
        turn = next(self._turns.setdefault(resource.id.lower(), itertools.count()))
        now = self._now()
        for change in changes:  # the oldest first: what a front end does not know yet hides all that came later
            if change["arrives"][turn % len(change["arrives"])] > now:
                others = {name: value for name, value in resource.properties.items() if name not in DOORS}
                return {**others, **change["before"]}
        return resource.properties

    def _now(self) -> float:
        return self._clock() + self._ahead


def doors(resource: Resource) -> Json:
    return {name: resource.properties[name] for name in DOORS if name in resource.properties}
