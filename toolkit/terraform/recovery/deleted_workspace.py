"""Soft-deleted machine learning workspaces whose names a plan wants: purged, since they cannot be recovered.

A workspace that was deleted by hand, or with its resource group, keeps its name for 14 days. Recovering is no choice
here: "not supported" for workspaces with user-assigned identities only, as this platform's are, and an operation of the
portal: no stable version of the REST reference has it, nor a list of deleted workspaces. So the plan says what will be
done, and the apply does it when Azure says that there is one. A workspace with an identity of its own is a person's.
https://learn.microsoft.com/azure/machine-learning/concept-soft-delete?view=azureml-api-2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.records import Json
from toolkit.terraform.plan import azure_type
from toolkit.terraform.recovery.owed_purge import PurgeStep, pending, purge
from toolkit.terraform.recovery.past import Failed, Mended, Past
from toolkit.terraform.session import Session

_WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
_REFUSAL = "Soft-deleted workspace exists"
_SECONDS = 300.0  # (inferred) until Azure has freed the name


class DeletedWorkspace(Past):
    def announcements(self, session: Session, document: Json) -> Sequence[str]:
        purged = {step.resource_id.lower() for step in pending(session.environment)}
        return [
            f"the machine learning workspace {step.name} was deleted outside of Terraform: what Azure keeps of it is "
            "purged, since a workspace with user-assigned identities only cannot be recovered"
            for step in _created(document).values()
            if step.resource_id.lower() not in purged and step.resource_id.lower() in _gone(document)
        ]

    def after_failure(self, failed: Failed) -> Mended | None:
        created = _created(failed.document)
        refused = {error.address for error in failed.errors if _REFUSAL in f"{error.summary} {error.detail}"}
        steps = [step for address, step in created.items() if address in refused]
        pause = failed.waits.next(_SECONDS, _REFUSAL) if steps else None
        if pause is None:
            return None
        purge(failed.session.connection, steps, failed.session.observer.step)
        names = ", ".join(step.name for step in steps)
        return Mended(
            f"Azure kept a deleted workspace under the name {names}, which cannot be recovered and is purged; planning "
            f"again and going on in {pause:.0f} s",
            pause=pause,
        )


def _created(document: Json) -> dict[str, PurgeStep]:
    """The workspaces with user-assigned identities only that a plan creates, by address."""
    found: dict[str, PurgeStep] = {}
    for item in document.get("resource_changes", []):
        after: dict[str, Any] = item["change"].get("after") or {}
        if (
            item["type"] != "azapi_resource"
            or azure_type(after) != _WORKSPACE
            or "create" not in item["change"]["actions"]
        ):
            continue
        if [block.get("type") for block in after.get("identity") or []] == ["UserAssigned"]:
            id_ = f"{after['parent_id']}/providers/{_WORKSPACE}/{after['name']}"
            found[item["address"]] = PurgeStep("workspace", id_, str(after.get("location", "")))
    return found


def _gone(document: Json) -> frozenset[str]:
    """Ids, in lower case, of what the state knew and Terraform did not find."""
    return frozenset(
        str((item["change"].get("before") or {}).get("id", "")).lower()
        for item in document.get("resource_drift", [])
        if item["change"]["actions"] == ["delete"]
    )
