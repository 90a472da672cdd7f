"""Key Vault's data plane. Network rules are looked at before roles, and ARM roles such as Owner count for nothing here.

https://learn.microsoft.com/azure/key-vault/general/rbac-guide, https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from toolkit.azure.clients import STORAGE_SCOPE, VAULT_API_VERSION
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.accounts import asking
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denial, expect_denials

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


def reader_changes_nothing(context: Context) -> Facts:
    """Each operation on a secret or key that is not there, or with a body that the vault would refuse next."""
    uri, name = context.output("key_vault_uri").rstrip("/"), f"toolkit-smoke-{context.run.id[-8:]}"
    query = f"?api-version={VAULT_API_VERSION}"
    with context.actor.vault(uri) as client:
        calls = {
            what: asking(client, method, f"{uri}{path}{query}", {"Content-Type": "application/json"}, body)
            for what, (method, path, body) in {
                "writing a secret": ("PUT", f"/secrets/{name}", b"{}"),
                "deleting a secret": ("DELETE", f"/secrets/{name}", b""),
                "restoring a deleted secret": ("POST", f"/deletedsecrets/{name}/recover", b""),
                "purging a deleted secret": ("DELETE", f"/deletedsecrets/{name}", b""),
                "making a key": ("POST", f"/keys/{name}/create", b"{}"),
                "deleting a key": ("DELETE", f"/keys/{name}", b""),
                "purging a deleted key": ("DELETE", f"/deletedkeys/{name}", b""),
            }.items()
        }
        return expect_denials(
            context, calls, ("vault-role",), if_allowed=_TOO_MANY, got_through=("not-found", "bad-request")
        )


def nobody_lists_anything(context: Context) -> Facts:
    uri = context.output("key_vault_uri").rstrip("/")
    with context.actor.vault(uri) as client:
        calls = {
            f"listing {what}": asking(client, "GET", f"{uri}/{what}?api-version={VAULT_API_VERSION}")
            for what in ("keys", "deletedsecrets", "deletedkeys")
        }
        return expect_denials(context, calls, ("vault-role",), if_allowed=_TOO_MANY)


def anonymous_is_refused(context: Context) -> Facts:
    return _token_refused(context, None, "listing secrets without a token")


def other_audience_is_refused(context: Context) -> Facts:
    return _token_refused(context, STORAGE_SCOPE, "listing secrets with a token for storage")


def _token_refused(context: Context, scope: str | None, what: str) -> Facts:
    uri = context.output("key_vault_uri").rstrip("/")
    with context.actor.rest(scope) as client:
        return expect_denial(
            context,
            asking(client, "GET", f"{uri}/secrets?api-version={VAULT_API_VERSION}"),
            ("token",),
            what,
            if_allowed="who answers that is not Azure Key Vault: see what the vault's name resolves to",
            got_through=("vault-role",),
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
        id="keyvault-nobody-keys-denied",
        category="keyvault",
        title="An identity without a role lists no keys, and nothing that was deleted",
        function=nobody_lists_anything,
        vantage="vnet",
        identity="nobody",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-vault-private",),
        controls=("PA-7", "AC-3", "DP-8"),
    ),
    Check(
        id="keyvault-reader-change-denied",
        category="keyvault",
        title="The reader may not write, delete, restore or purge secrets and keys",
        function=reader_changes_nothing,
        vantage="vnet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-vault-private",),
        controls=("PA-7", "AC-6", "DP-8"),
    ),
    Check(
        id="keyvault-anonymous-denied",
        category="keyvault",
        title="The vault refuses who does not sign in",
        function=anonymous_is_refused,
        vantage="vnet",
        identity="anonymous",
        outputs=("key_vault_uri",),
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-vault-private",),
        controls=("IM-1", "AC-3"),
    ),
    Check(
        id="keyvault-audience-denied",
        category="keyvault",
        title="The vault refuses a token that is meant for storage",
        function=other_audience_is_refused,
        vantage="vnet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-vault-private",),
        controls=("IM-1", "IA-5"),
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
