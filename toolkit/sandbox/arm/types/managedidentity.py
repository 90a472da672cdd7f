"""Microsoft.ManagedIdentity: user-assigned identities and their federated credentials.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations (at most 20 credentials,
a pair of issuer and subject only once per identity).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

from toolkit.sandbox.arm.errors import bad_request, conflict
from toolkit.sandbox.arm.resource_type import Call, ResourceType
from toolkit.sandbox.store import Resource

_CREDENTIALS = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
_MOST_CREDENTIALS = 20


def _identity(call: Call, resource: Resource) -> None:
    principal = call.resources.world.directory.create_managed_identity(resource.id, call.tenant_id)
    resource.properties.update(tenantId=call.tenant_id, principalId=principal.object_id, clientId=principal.client_id)


def _forget(call: Call, resource: Resource) -> None:
    # Role assignments stay and name a principal that is gone, as on Azure ("Identity not found" in the portal):
    # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
    call.resources.world.directory.delete_managed_identity(resource.id)


def _credential(call: Call, resource: Resource) -> None:
    sent = resource.properties
    for name in ("issuer", "subject", "audiences"):
        if not sent.get(name):
            raise bad_request("BadRequest", f"The property '{name}' of the federated identity credential is required.")
    if len(sent["audiences"]) != 1:
        raise bad_request("BadRequest", "Exactly one audience is allowed in a federated identity credential.")
    others = [
        c for c in call.resources.store.under(call.id.parent_id, _CREDENTIALS) if c.id.lower() != resource.id.lower()
    ]
    if call.creating and len(others) >= _MOST_CREDENTIALS:
        raise bad_request(
            "BadRequest", f"Too many federated identity credentials: at most {_MOST_CREDENTIALS} per identity."
        )
    if any(c.properties["issuer"] == sent["issuer"] and c.properties["subject"] == sent["subject"] for c in others):
        raise conflict("Conflict", "Issuer and subject combination already exists for this Managed Identity.")


MANAGEDIDENTITY: tuple[ResourceType, ...] = (
    ResourceType(
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        first_api_version="2015-08-31-preview",
        provisioning_state=False,
        on_put=_identity,
        on_delete=_forget,
    ),
    ResourceType(
        _CREDENTIALS,
        first_api_version="2022-01-31-preview",
        place="child",
        location="none",
        provisioning_state=False,
        validate=_credential,
    ),
)
