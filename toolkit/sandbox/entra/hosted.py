"""Tokens of the identities that a resource carries: ``world.HostedIdentities``."""

from __future__ import annotations

from toolkit.sandbox.entra import resources
from toolkit.sandbox.entra.directory import EntraDirectory, normal_id
from toolkit.sandbox.entra.errors import EntraError
from toolkit.sandbox.entra.tokens import EntraTokens
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import NoIdentity


class ResourceIdentities:
    """The service that hosts a resource asks for the tokens; the resource's ``identity`` says which identities it has.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
    """

    def __init__(self, directory: EntraDirectory, tokens: EntraTokens) -> None:
        self._directory = directory
        self._tokens = tokens

    def token(self, owner: Resource, resource: str, identity_id: str | None = None) -> str:
        identity = owner.body.get("identity") or {}
        if identity_id is None:
            if "systemassigned" not in str(identity.get("type", "")).lower():
                raise NoIdentity(f"'{owner.name}' has no system-assigned identity")
            account = self._directory.account_of_resource(owner.id)
        else:
            assigned = {normal_id(key) for key in identity.get("userAssignedIdentities") or {}}
            if normal_id(identity_id) not in assigned:
                raise NoIdentity(f"the identity {identity_id} is not assigned to '{owner.name}'")
            account = self._directory.account_of_resource(identity_id)
        if account is None:
            raise NoIdentity(f"the identity of '{owner.name}' is gone")
        tenant = account.tenant_id or self._directory.tenant_of(owner.id.split("/")[2]) or ""
        try:
            audience = resources.audience_of_resource(resource, tenant)
        except EntraError as error:
            raise NoIdentity(str(error)) from None
        return self._tokens.issue(account, tenant, audience, by="2")
