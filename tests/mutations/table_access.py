"""Roles, identities and their trust, the states' account: what a person breaks there, and the check that sees it."""

from __future__ import annotations

from tests.mutations.breaking import (
    ACCESS_ADMINISTRATOR,
    ACR_PUSH,
    BLOB_CONTRIBUTOR,
    BLOB_OWNER,
    BLOB_READER,
    CONTRIBUTOR,
    OWNER,
    READER,
    SECRETS_USER,
    STRANGER,
    VAULT_ADMINISTRATOR,
    Broken,
    Mutation,
    adds,
    appends,
    cuts,
    edited,
    grants,
    removes,
    sets,
)
from tests.mutations.table_network import DOORS, REGISTRY, STORAGE, VAULT
from toolkit.records import Json

ROLE = "Microsoft.Authorization/roleDefinitions"
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
TRUST = f"{IDENTITY}/federatedIdentityCredentials"
BLOBS = f"{STORAGE}/blobServices"
CONTAINER = f"{BLOBS}/containers"
ISSUER = "https://token.actions.githubusercontent.com"
STATES = ("state-*", "identity-*", "rbac-*")
ROLES = ("rbac-*", "storage-*", "keyvault-*", "registry-*", "adf-*", "workspace-*", "batch-*")


def group(broken: Broken) -> str:
    return broken.group


def subscription(broken: Broken) -> str:
    return broken.subscription


def state_group(broken: Broken) -> str:
    return broken.state_group


def at(type_: str, part: str = "") -> Scope:
    return lambda broken: broken.one(type_, part).id


def assignment_of(broken: Broken, principal: str, role: str) -> str:
    who = broken.principal(principal)
    return next(
        one.id
        for one in broken.manifest.of(ASSIGNMENT)
        if one.body["properties"]["principalId"] == who and one.body["properties"]["roleDefinitionId"].endswith(role)
    )


def revoked(principal: str, role: str) -> Break:
    return lambda broken: broken.platform.deleted(assignment_of(broken, principal, role), "2022-04-01")


def without_condition(principal: str, role: str) -> Break:
    def break_(broken: Broken) -> AbstractContextManager[None]:
        found = assignment_of(broken, principal, role)
        one = next(each for each in broken.manifest.of(ASSIGNMENT) if each.id == found)

        def edit(document: Json) -> None:
            document["properties"].update(condition=None, conditionVersion=None)

        return edited(broken, one, edit)

    return break_


def permits(role: str, **lists: list[str]) -> Break:
    """A custom role permits more."""

    def edit(document: Json) -> None:
        for name, more in lists.items():
            document["properties"]["permissions"][0][name] += more

    def break_(broken: Broken) -> AbstractContextManager[None]:
        one = next(o for o in broken.manifest.of(ROLE) if o.body["properties"]["roleName"].startswith(role))
        return edited(broken, one, edit)

    return break_


def trust(identity: str, subject: str, issuer: str = ISSUER) -> Break:
    body = {"properties": {"issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}}
    return adds("federatedIdentityCredentials/mine", "2023-01-31", body, below=IDENTITY, part=f"-{identity}")


from collections.abc import Callable  # noqa: E402
from contextlib import AbstractContextManager  # noqa: E402

from tests.mutations.breaking import Break  # noqa: E402

Scope = Callable[[Broken], str]

TABLE: tuple[Mutation, ...] = (
    # -- roles: too much
    Mutation(
        "CI owns the subscription", "roles", "breach", grants("ci", OWNER, subscription), "rbac-exact", "extra", ROLES
    ),
    Mutation(
        "the plan's identity owns the subscription",
        "roles",
        "breach",
        grants("plan", OWNER, subscription),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the factory owns all blobs of the subscription",
        "roles",
        "breach",
        grants("factory", BLOB_OWNER, subscription),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the plan's identity contributes to the group",
        "roles",
        "breach",
        grants("plan", CONTRIBUTOR, group),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the clusters write the pointers",
        "roles",
        "breach",
        grants("compute", BLOB_CONTRIBUTOR, at(STORAGE, "/stcp")),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the batch nodes read secrets",
        "roles",
        "breach",
        grants("batch-nodes", SECRETS_USER, at(VAULT)),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the function administers the vault",
        "roles",
        "breach",
        grants("function", VAULT_ADMINISTRATOR, at(VAULT)),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the reader writes",
        "roles",
        "breach",
        grants("reader", BLOB_CONTRIBUTOR, at(CONTAINER, "/smoke")),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "nobody reads the group", "roles", "breach", grants("nobody", READER, group), "rbac-exact", "extra", ROLES
    ),
    Mutation(
        "CI reads the lake",
        "roles",
        "breach",
        grants("ci", BLOB_READER, at(STORAGE, "/dls")),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "the workspace's identity on the states",
        "roles",
        "breach",
        grants("workspace", BLOB_READER, at(CONTAINER, "/tfstate")),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "an identity in another group",
        "roles",
        "breach",
        grants("factory", CONTRIBUTOR, lambda b: other_group(b)),
        "rbac-elsewhere",
        "extra",
        ROLES,
    ),
    # -- strangers
    *(
        Mutation(
            f"a stranger: {what}",
            "strangers",
            "breach",
            grants(STRANGER, role, scope, kind),
            "rbac-exact",
            "extra",
            ROLES,
        )
        for what, role, scope, kind in (
            ("owner of the group", OWNER, group, "User"),
            ("contributor of the group", CONTRIBUTOR, group, "ServicePrincipal"),
            ("reader of the group", READER, group, "Group"),
            ("access administrator of the group", ACCESS_ADMINISTRATOR, group, "User"),
            ("owner of the states' group", OWNER, state_group, "User"),
            ("reads the states", BLOB_READER, at(CONTAINER, "/tfstate"), "User"),
            ("reads the lake", BLOB_READER, at(STORAGE, "/dls"), "ServicePrincipal"),
            ("reads secrets", SECRETS_USER, at(VAULT), "User"),
            ("pushes images", ACR_PUSH, at(REGISTRY), "ServicePrincipal"),
            ("writes a container", BLOB_CONTRIBUTOR, at(CONTAINER, "/raw"), "User"),
        )
    ),
    Mutation(
        "a stranger owns the subscription",
        "strangers",
        "breach",
        grants(STRANGER, OWNER, subscription, "User"),
        "rbac-above",
        "extra",
        ROLES,
    ),
    Mutation(
        "a stranger owns all blobs of the subscription",
        "strangers",
        "breach",
        grants(STRANGER, BLOB_OWNER, subscription, "User"),
        "rbac-above",
        "extra",
        ROLES,
    ),
    # -- roles: too little, and conditions
    Mutation(
        "the factory may not read pointers",
        "roles",
        "outage",
        revoked("factory", BLOB_READER),
        "rbac-exact",
        "absent",
        ROLES,
    ),
    Mutation(
        "CI may not write the states",
        "roles",
        "outage",
        revoked("ci", BLOB_CONTRIBUTOR),
        "rbac-exact",
        "absent",
        (*ROLES, *STATES),
    ),
    Mutation(
        "CI may not make the platform",
        "roles",
        "outage",
        revoked("ci", CONTRIBUTOR),
        "rbac-exact",
        "absent",
        (*ROLES, *STATES),
    ),
    Mutation(
        "the plan's identity may not read",
        "roles",
        "outage",
        revoked("plan", READER),
        "rbac-exact",
        "absent",
        (*ROLES, *STATES),
    ),
    Mutation(
        "CI's right to assign roles without its condition",
        "roles",
        "breach",
        without_condition("ci", "f58310d9-a9f6-439a-9e8d-f62e7b41a168"),
        "rbac-exact",
        also=ROLES,
    ),
    Mutation(
        "CI's data right without its condition",
        "roles",
        "breach",
        without_condition("ci", BLOB_CONTRIBUTOR),
        "rbac-exact",
        also=ROLES,
    ),
    # -- custom roles
    Mutation(
        "the firewall operator lists keys",
        "custom roles",
        "breach",
        permits("Storage Firewall Operator", actions=["Microsoft.Storage/storageAccounts/listKeys/action"]),
        "rbac-custom-roles",
    ),
    Mutation(
        "the approver may do everything",
        "custom roles",
        "breach",
        permits("Private Endpoint Approver", actions=["*"]),
        "rbac-custom-roles",
        also=ROLES,
    ),
    Mutation(
        "the preflight reader reads blobs",
        "custom roles",
        "breach",
        permits(
            "Preflight Reader", dataActions=["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"]
        ),
        "rbac-custom-roles",
        also=ROLES,
    ),
    Mutation(
        "the factory's operator writes pipelines",
        "custom roles",
        "breach",
        permits("Data Factory Operator", actions=["Microsoft.DataFactory/factories/pipelines/write"]),
        "rbac-custom-roles",
    ),
    Mutation(
        "the vault operator assigns roles",
        "custom roles",
        "breach",
        permits("Deleted Vault Operator", actions=["Microsoft.Authorization/roleAssignments/write"]),
        "rbac-custom-roles",
        also=ROLES,
    ),
    # -- identities
    *(
        Mutation(
            f"{identity} trusts {what}",
            "federation",
            "breach",
            trust(identity, subject, issuer),
            "identity-federation",
            "extra",
        )
        for identity, what, subject, issuer in (
            ("ci", "another repository", "repo:stranger/repo:environment:local", ISSUER),
            ("ci", "pull requests", "repo:example-org/ml-platform:pull_request", ISSUER),
            ("ci", "another issuer", "system:serviceaccount:ns:sa", "https://oidc.example.org/cluster"),
            ("plan", "a branch", "repo:example-org/ml-platform:ref:refs/heads/feature", ISSUER),
            ("probe-writer", "a tag", "repo:example-org/ml-platform:ref:refs/tags/v1", ISSUER),
            ("workspace", "a repository", "repo:stranger/repo:environment:local", ISSUER),
            ("function", "a repository", "repo:stranger/repo:environment:local", ISSUER),
            ("factory", "a repository", "repo:stranger/repo:environment:local", ISSUER),
            ("compute", "a repository", "repo:stranger/repo:environment:local", ISSUER),
            ("batch-nodes", "a repository", "repo:stranger/repo:environment:local", ISSUER),
        )
    ),
    Mutation(
        "CI's subject is another repository's",
        "federation",
        "breach",
        sets(TRUST, "-ci/federatedidentitycredentials/github-local", subject="repo:stranger/repo:environment:local"),
        "identity-federation",
    ),
    Mutation(
        "CI trusts nobody",
        "federation",
        "outage",
        removes(TRUST, "-ci/federatedidentitycredentials/github-local"),
        "identity-federation",
        "absent",
    ),
    Mutation(
        "the probes trust nobody",
        "federation",
        "outage",
        removes(TRUST, "-probe-reader/federatedidentitycredentials/github-local"),
        "identity-federation",
        "absent",
        ("*",),
    ),
    Mutation(
        "an identity of somebody's in the states' group",
        "identities",
        "breach",
        adds(
            "STATE/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine",
            "2023-01-31",
            {"location": "westeurope"},
        ),
        "governance-nothing-else",
        "extra",
    ),
    # -- the states' account
    *(
        Mutation(
            f"the states' account {what}",
            "state",
            "breach",
            sets(STORAGE, "/sttf", **values),
            check,
            also=(*STATES, *DOORS),
        )
        for what, check, values in (
            ("takes keys", "state-account", {"allowSharedKeyAccess": True}),
            ("allows anonymous containers", "state-account", {"allowBlobPublicAccess": True}),
            ("speaks TLS 1.0", "state-account", {"minimumTlsVersion": "TLS1_0"}),
            ("answers plain http", "state-account", {"supportsHttpsTrafficOnly": False}),
            ("opens to everybody", "state-account", {"networkAcls__defaultAction": "Allow"}),
            ("lets trusted services in", "state-account", {"networkAcls__bypass": "AzureServices"}),
            ("speaks SFTP", "state-account", {"isSftpEnabled": True}),
            ("copies anywhere", "state-account", {"allowCrossTenantReplication": True}),
            ("has local users", "state-account", {"isLocalUserEnabled": True}),
        )
    ),
    Mutation(
        "an address is let in to the states",
        "state",
        "breach",
        appends(STORAGE, "/sttf", "properties.networkAcls.ipRules", {"value": "93.184.216.34", "action": "Allow"}),
        "state-account",
        also=DOORS,
    ),
    Mutation(
        "the runner's address is shut out of the states",
        "state",
        "outage",
        cuts(STORAGE, "/sttf", "properties.networkAcls.ipRules"),
        "state-account",
    ),
    Mutation(
        "states without versions",
        "state",
        "data-loss",
        sets(BLOBS, "/sttfmlplocal094da/blobservices/default", isVersioningEnabled=False),
        "state-recovery",
    ),
    Mutation(
        "states are kept for a day",
        "state",
        "data-loss",
        sets(BLOBS, "/sttfmlplocal094da/blobservices/default", deleteRetentionPolicy__days=1),
        "state-recovery",
    ),
    Mutation(
        "deleted states are gone",
        "state",
        "data-loss",
        sets(BLOBS, "/sttfmlplocal094da/blobservices/default", deleteRetentionPolicy={"enabled": False}),
        "state-recovery",
    ),
    Mutation(
        "a deleted container of states is gone",
        "state",
        "data-loss",
        sets(BLOBS, "/sttfmlplocal094da/blobservices/default", containerDeleteRetentionPolicy={"enabled": False}),
        "state-recovery",
    ),
    Mutation(
        "any site's scripts read the states",
        "state",
        "breach",
        sets(
            BLOBS,
            "/sttfmlplocal094da/blobservices/default",
            cors={
                "corsRules": [
                    {
                        "allowedOrigins": ["*"],
                        "allowedMethods": ["GET"],
                        "allowedHeaders": ["*"],
                        "exposedHeaders": ["*"],
                        "maxAgeInSeconds": 1,
                    }
                ]
            },
        ),
        "state-recovery",
    ),
    Mutation(
        "a rule deletes states",
        "state",
        "data-loss",
        adds(
            "managementPolicies/default",
            "2023-05-01",
            {
                "properties": {
                    "policy": {
                        "rules": [
                            {
                                "enabled": True,
                                "name": "gone",
                                "type": "Lifecycle",
                                "definition": {
                                    "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 1}}},
                                    "filters": {"blobTypes": ["blockBlob"]},
                                },
                            }
                        ]
                    }
                }
            },
            below=STORAGE,
            part="/sttf",
        ),
        "state-recovery",
        "extra",
    ),
    Mutation(
        "a lock on the states",
        "state",
        "outage",
        adds(
            "providers/Microsoft.Authorization/locks/mine",
            "2020-05-01",
            {"properties": {"level": "ReadOnly"}},
            below=STORAGE,
            part="/sttf",
        ),
        "state-ways-in",
        "extra",
        ("governance-*",),
    ),
    Mutation(
        "a vault beside the states",
        "state",
        "breach",
        adds(
            "STATE/providers/Microsoft.Network/networkSecurityGroups/mine",
            "2024-01-01",
            {"location": "westeurope", "properties": {}},
        ),
        "governance-nothing-else",
        "extra",
    ),
)


def other_group(broken: Broken) -> str:
    """A resource group of somebody's, which stays: role assignments need one."""
    group_id = f"{broken.subscription}/resourceGroups/rg-of-somebody"
    broken.platform.call("PUT", group_id, "2024-03-01", {"location": "westeurope"})
    return group_id
