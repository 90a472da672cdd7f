"""The resources that Entra hands out tokens for: their identifiers, as clients name them."""

from __future__ import annotations

from toolkit.sandbox.entra.errors import bad_scope, unknown_resource

_DEFAULT = "/.default"

# Identifier URIs and application ids of Azure's own resources. A client's spelling (trailing slash or not) becomes the
# token's audience: https://learn.microsoft.com/entra/identity-platform/scopes-oidc#trailing-slash-and-default
KNOWN = (
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://storage.azure.com",
    "https://vault.azure.net",
    "https://ml.azure.com",
    "https://batch.core.windows.net",
    "https://monitor.azure.com",
    "https://datafactory.azure.com",
    "https://graph.microsoft.com",
)
# A storage account may be named instead of all of storage:
# https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory#microsoft-authentication-library-msal
KNOWN_SUFFIXES = (".blob.core.windows.net",)


def audience_of_scope(scope: str, tenant: str) -> str:
    """The audience for the ``scope`` parameter of the v2.0 endpoint; OpenID scopes beside it are ignored."""
    for item in scope.split():
        if item.endswith(_DEFAULT):
            return audience_of_resource(item.removesuffix(_DEFAULT), tenant)
    raise bad_scope(scope)


def audience_of_resource(resource: str, tenant: str) -> str:
    """The audience for a resource identifier: itself, when it is known."""
    plain = resource.rstrip("/").lower()
    if plain in KNOWN or (plain.startswith("https://") and plain.endswith(KNOWN_SUFFIXES)):
        return resource
    raise unknown_resource(resource, tenant)
