"""Resources that are there already and are what the plan would make: taken into the state, with import blocks.

A killed run may have made them and lost its state with its disk; an interrupt makes azapi cancel a request that Azure
carries out all the same; somebody may have made a container in the portal. Two things prove that it is the same one:

* its id, of which Azure has only one: azapi refuses to create a resource whose id exists;
* its scope, role and principal: Azure refuses a second assignment of the same and names the first
  (https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---unable-to-create-a-role-assignment-with-the-same-scope-role-and-principal).
  It is then replaced by the one with the plan's name.

What is taken over is updated to what the configuration says; what that would replace is refused when it holds state or
data (:mod:`toolkit.terraform.losses`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from toolkit.terraform.events import Diagnostic
from toolkit.terraform.recovery.past import Failed, Mended, Past

# azapi 1.x writes "A resource", 2.x "a resource".
_EXISTS = re.compile(r'\ba resource with the ID "([^"]+)"\s+already exists', re.IGNORECASE)
_ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments/"
_ASSIGNED = re.compile(
    rf'ResourceId \\?"([^"\\]+){_ASSIGNMENTS}.*ERROR CODE: RoleAssignmentExists'
    r".*existing role assignment is ([0-9a-f]{32})",  # without dashes
    re.IGNORECASE | re.DOTALL,
)
_SHOWN = 5


class ExistingResource(Past):
    def after_failure(self, failed: Failed) -> Mended | None:
        existing = already_existing(failed.errors)
        if not existing:
            return None
        shown, more = sorted(existing)[:_SHOWN], len(existing) - _SHOWN
        names = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
        number = "1 resource exists" if len(existing) == 1 else f"{len(existing)} resources exist"
        return Mended(
            f"{number} already, with the very id (or scope, role and principal) that the plan says, and "
            f"{'is' if len(existing) == 1 else 'are'} taken into the state: {names}; planning again and going on",
            imports=existing,
        )


def already_existing(errors: Sequence[Diagnostic]) -> dict[str, str]:
    """Address and resource id of everything that is there already."""
    found: dict[str, str] = {}
    for error in errors:
        if error.address is None:
            continue
        if match := _EXISTS.search(error.detail):
            found[error.address] = match[1]
        elif match := _ASSIGNED.search(error.detail):
            found[error.address] = f"{match[1]}{_ASSIGNMENTS}{uuid.UUID(match[2])}"
    return found
