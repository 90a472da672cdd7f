"""Actions for the time when a resource is destroyed, on something that somebody has deleted in the meantime.

A data factory's started trigger is stopped by an azapi_resource_action with ``when = "destroy"``. Such a resource is
never read, so that Terraform cannot learn that there is nothing left to stop, and its destroy fails with 404 for ever
(https://registry.terraform.io/providers/Azure/azapi/latest/docs/resources/resource_action). It has nothing to do any
more: it leaves the state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from toolkit.terraform.events import Diagnostic
from toolkit.terraform.recovery.past import Failed, Mended, Past
from toolkit.terraform.runner import FLAG

_GONE = re.compile(r'ResourceId \\?"([^"\\]+)\\?".*RESPONSE 404\b.*ERROR CODE: \w*NotFound', re.DOTALL)


class MissingTarget(Past):
    def after_failure(self, failed: Failed) -> Mended | None:
        gone = actions_without_target(failed.errors, failed.document)
        if not gone:
            return None
        failed.session.run(failed.root, "state rm", *gone, no_color=FLAG)
        return Mended(f"somebody has deleted what {', '.join(gone)} would have ended; planning again and going on")


def actions_without_target(errors: Sequence[Diagnostic], document: dict[str, Any]) -> list[str]:
    """The addresses of those actions that the plan ``document`` was to destroy, and could not for want of a target.

    Told by the resource's id: Terraform names no address with what fails while a resource is destroyed.
    """
    missing = {match[1].lower() for error in errors if (match := _GONE.search(error.detail))}
    return sorted(
        item["address"]
        for item in document["resource_changes"]
        if item["type"] == "azapi_resource_action"
        and "delete" in item["change"]["actions"]
        and (before := item["change"]["before"] or {}).get("when") == "destroy"
        and str(before.get("resource_id", "")).lower() in missing
    )
