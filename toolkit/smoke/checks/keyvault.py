"""Key Vault's data plane. Network rules are looked at before roles, and ARM roles such as Owner count for nothing here.

https://learn.microsoft.com/azure/key-vault/general/rbac-guide, https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from toolkit.azure.clients import VAULT_API_VERSION
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.checks.model import Check, Facts
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denial

_OUTPUTS = ("key_vault_uri", "probe_identities")
_TOO_MANY = "rbac-probes-minimal names the role assignment that lets it: delete that"
# Need not exist: without the role Azure refuses before it looks (inferred).
_SECRET = "toolkit-smoke-value"  # noqa: S105


def metadata_can_be_listed(context: Context) -> Facts:
    """Key Vault Reader lists names and attributes, never values."""
    return {"secrets_on_first_page": _secrets(context)}


def listing_is_refused_for_the_role(context: Context) -> Facts:
    return expect_denial(
        context, lambda: _secrets(context), ("vault-role",), "listing secrets without a role", if_allowed=_TOO_MANY
    )


def value_is_refused_for_the_role(context: Context) -> Facts:
    def read() -> None:
        with context.actor.vault(context.output("key_vault_uri")) as client:
            client.get(f"/secrets/{_SECRET}", {"api-version": VAULT_API_VERSION})

    return expect_denial(
        context,
        read,
        ("vault-role",),
        "reading a secret's value",
        if_allowed=_TOO_MANY,
        got_through=("not-found",),
    )


def listing_is_refused_by_the_network(context: Context) -> Facts:
    kinds = ("vault-connection",) if context.environment.public_network_access.key_vault == "Disabled" else ()
    return expect_denial(
        context,
        lambda: _secrets(context),
        (*kinds, "vault-firewall"),
        "listing secrets from outside the network",
        if_allowed="close the vault: publicNetworkAccess and networkAcls.defaultAction (toolkit apply does)",
        got_through=("vault-role",),
    )


def _secrets(context: Context) -> int:
    with context.actor.vault(context.output("key_vault_uri")) as client:
        page = client.get("/secrets", {"api-version": VAULT_API_VERSION, "maxresults": "5"})
    return len(page.get("value") or [])


CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="keyvault-vnet-list",
        category="keyvault",
        title="Inside the network the reader lists the vault's secrets",
        function=metadata_can_be_listed,
        vantage="vnet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        depends=("dns-vault-private",),
        controls=("NS-2", "AC-3"),
    ),
    Check(
        id="keyvault-reader-value-denied",
        category="keyvault",
        title="The reader may not read a secret's value, for its role",
        function=value_is_refused_for_the_role,
        vantage="vnet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-vault-private",),
        controls=("PA-7", "AC-6", "DP-8"),
    ),
    Check(
        id="keyvault-nobody-denied",
        category="keyvault",
        title="An identity without a role may not even list, inside the network",
        function=listing_is_refused_for_the_role,
        vantage="vnet",
        identity="nobody",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-vault-private",),
        controls=("PA-7", "AC-3", "DP-8"),
    ),
    Check(
        id="keyvault-internet-denied",
        category="keyvault",
        title="Outside the network the vault refuses even its reader",
        function=listing_is_refused_by_the_network,
        vantage="internet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
)
