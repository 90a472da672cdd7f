"""The ``identity`` block of a resource: principals are made, echoed and removed with it.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.store import Resource

USER_ASSIGNED = "Microsoft.ManagedIdentity/userAssignedIdentities"


def apply_identity(call: Call, resource: Resource) -> None:
    """Replace the sent block by what Azure answers; an absent one leaves what stood (inferred).

    400 FailedIdentityOperation for a user-assigned identity that is not there.
    """
    sent: Json | None = resource.body.get("identity")
    if sent is None:
        if call.existing is not None and "identity" in call.existing.body:
            resource.body["identity"] = call.existing.body["identity"]
        return
    kinds = {kind.strip().lower() for kind in str(sent.get("type", "None")).split(",")}
    directory = call.resources.world.directory
    block: Json = {"type": sent.get("type", "None")}
    if "systemassigned" in kinds:
        principal = directory.create_managed_identity(resource.id, call.tenant_id)
        block |= {"principalId": principal.object_id, "tenantId": call.tenant_id}
    else:
        directory.delete_managed_identity(resource.id)
    if "userassigned" in kinds:
        block["userAssignedIdentities"] = {
            identity_id: _assigned(call, resource, identity_id)
            for identity_id, value in (sent.get("userAssignedIdentities") or {}).items()
            if value is not None or call.method == "PUT"
        }
        if not block["userAssignedIdentities"]:
            raise bad_request(
                "InvalidIdentityValues",
                f"Invalid value for the identities '{resource.id}'. The 'UserAssigned' identity type requires at least "
                "one user-assigned identity in 'UserAssignedIdentities'.",
            )
    resource.body["identity"] = block


def _assigned(call: Call, resource: Resource, identity_id: str) -> Json:
    identity = call.resources.store.get(identity_id)
    if identity is None:
        raise bad_request(
            "FailedIdentityOperation",
            f"Identity operation for resource '{resource.id}' failed with error 'Failed to perform resource identity "
            "operation. Status: 'BadRequest'. "
            'Response: \'{"error":{"code":"BadRequest","message":"Resource '
            f"'{identity_id}' was not found.\"}}}}'.",
        )
    call.require_linked(f"{USER_ASSIGNED}/assign/action", identity.id)
    return {key: identity.properties[key] for key in ("principalId", "clientId")}
