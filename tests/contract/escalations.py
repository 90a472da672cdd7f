"""What somebody who has taken over CI would try, to have more than CI has; for test_ci_identity.py.

Each is one request to Azure Resource Manager, with the status and the code that Azure answers:
https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ROLES = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
DEPLOYMENTS = "Microsoft.Resources/deployments"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
FILE_CONTRIBUTOR = "69566ab7-960f-475b-8e7c-b3118f30c6bd"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
FACTORY_CONTRIBUTOR = "673868aa-7521-48a0-acc6-0f60742d39f5"
IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"

DENIED = (403, "AuthorizationFailed")
# A template that holds what its sender may not write: Azure-Samples/azure-search-openai-demo issue 242.
NOT_DEPLOYED = (400, "InvalidTemplateDeployment")


@dataclass(frozen=True)
class Place:
    """Where CI stands: the bootstrap's and the platform's outputs, and the subscription."""

    subscription: str
    made: dict[str, Any]
    platform: dict[str, Any]

    @property
    def ci(self) -> str:
        return str(self.made["ci_identity"]["principal_id"])

    @property
    def stranger(self) -> str:
        return str(self.made["probe_identities"]["nobody"]["principal_id"])

    @property
    def group(self) -> str:
        return str(self.made["platform_resource_group_id"])


Request = tuple[str, str, str, dict[str, Any] | None]  # method, resource id, api-version, body
Attempt = Callable[[Place], Request]


def assigned(
    role: str, to: Callable[[Place], str], at: Callable[[Place], str], kind: str = "ServicePrincipal", **more: str
) -> Attempt:
    def request(place: Place) -> Request:
        properties = {
            "roleDefinitionId": f"{place.subscription}/providers/{DEFINITIONS}/{role}",
            "principalId": to(place),
            "principalType": kind,
            **more,
        }
        return "PUT", f"{at(place)}/providers/{ROLES}/{uuid.uuid4()}", "2022-04-01", {"properties": properties}

    return request


def assigned_key(role: str, to: Callable[[Place], str], at: Callable[[Place], str]) -> Attempt:
    """The same of a custom role of the bootstrap."""
    return lambda place: assigned(place.made["custom_roles"][role].rsplit("/", 1)[-1], to, at)(place)


def own_condition(key: str = "ci_platform_access", **changes: Any) -> Attempt:
    """CI's own right to assign roles, or another assignment of its, written again with another condition."""

    def request(place: Place) -> Request:
        held = place.made["role_assignments"][key]
        properties = {
            "roleDefinitionId": held["role_definition_id"],
            "principalId": held["principal_id"],
            "principalType": "ServicePrincipal",
            **changes,
        }
        return "PUT", held["id"], "2022-04-01", {"properties": properties}

    return request


def identity(name: str, **body: Any) -> Attempt:
    return lambda p: ("PUT", p.made["service_identities"][name]["id"], "2023-01-31", {"location": "westeurope", **body})


def credential(of: Callable[[Place], str]) -> Attempt:
    """Another issuer's token opens the identity."""
    trust = {"issuer": "https://example.org", "subject": "me", "audiences": ["api://AzureADTokenExchange"]}
    return lambda p: ("PUT", f"{of(p)}/federatedIdentityCredentials/mine", "2023-01-31", {"properties": trust})


def role_definition(key: str | None, *actions: str) -> Attempt:
    def request(place: Place) -> Request:
        path = f"{place.subscription}/providers/{DEFINITIONS}/{uuid.uuid4()}"
        if key is not None:
            path = f"{place.group}/providers/{DEFINITIONS}/{place.made['custom_roles'][key].rsplit('/', 1)[-1]}"
        properties = {
            "roleName": "Mine",
            "type": "CustomRole",
            "assignableScopes": [place.group],
            "permissions": [{"actions": list(actions), "notActions": [], "dataActions": [], "notDataActions": []}],
        }
        return "PUT", path, "2022-04-01", {"properties": properties}

    return request


def attached(of: Callable[[Place], str]) -> Attempt:
    """A resource of one's own that acts as an identity of others."""

    def request(place: Place) -> Request:
        body = {
            "location": "westeurope",
            "properties": {},
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {of(place): {}}},
        }
        return "PUT", f"{place.group}/providers/Microsoft.DataFactory/factories/adf-mine", "2018-06-01", body

    return request


def deployment(at: str, resource: dict[str, Any]) -> Request:
    """A template of one resource: what its sender may not write, no deployment of theirs writes either."""
    template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [resource]}
    properties = {"mode": "Incremental", "template": template}
    return "PUT", f"{at}/providers/{DEPLOYMENTS}/mine", "2024-03-01", {"properties": properties}


def deployed(at: Callable[[Place], str], type_: str, name: str) -> Attempt:
    return lambda place: deployment(at(place), {"type": type_, "apiVersion": "2023-01-31", "name": name})


def deployed_owner(place: Place) -> Request:
    _, path, version, body = assigned(OWNER, me, group)(place)
    name = path.rsplit("/", 1)[-1]
    return deployment(place.group, {"type": ROLES, "apiVersion": version, "name": name, **(body or {})})


def nested(place: Place) -> Request:
    """A deployment of the platform's group, where CI may make what it likes, that holds one of another group."""
    inner = deployed(state_group, "Microsoft.Storage/storageAccounts", "stmine")(place)[3]
    where = state_group(place).rsplit("/", 1)[-1]
    return deployment(
        place.group,
        {"type": DEPLOYMENTS, "apiVersion": "2024-03-01", "name": "inner", "resourceGroup": where, **(inner or {})},
    )


def deleted(of: Callable[[Place], str], version: str) -> Attempt:
    return lambda p: ("DELETE", of(p), version, None)


def me(place: Place) -> str:
    return place.ci


def stranger(place: Place) -> str:
    return place.stranger


def group(place: Place) -> str:
    return place.group


def state_group(place: Place) -> str:
    return str(place.made["state_resource_group_id"])


def output(name: str) -> Callable[[Place], str]:
    return lambda place: str(place.platform[name])


def made_identity(name: str) -> Callable[[Place], str]:
    return lambda place: str(place.made["service_identities"][name]["id"])


def probe(name: str) -> Callable[[Place], str]:
    return lambda place: str(place.made["probe_identities"][name]["id"])


def held(key: str) -> Callable[[Place], str]:
    return lambda place: str(place.made["role_assignments"][key]["id"])


ESCALATIONS: dict[str, tuple[Attempt, tuple[int, str]]] = {
    "Owner to itself": (assigned(OWNER, me, group), DENIED),
    "User Access Administrator to itself": (assigned(ACCESS_ADMINISTRATOR, me, group), DENIED),
    "the right to assign roles, without a condition, to a stranger": (
        assigned(RBAC_ADMINISTRATOR, stranger, group),
        DENIED,
    ),
    "Key Vault Administrator to itself": (assigned(VAULT_ADMINISTRATOR, me, output("key_vault_id")), DENIED),
    "Key Vault Administrator to a stranger": (
        assigned(VAULT_ADMINISTRATOR, stranger, output("key_vault_id")),
        DENIED,
    ),
    "Key Vault Secrets User to itself": (assigned(SECRETS_USER, me, output("key_vault_id")), DENIED),
    "Contributor of the group to a stranger": (assigned(CONTRIBUTOR, stranger, group), DENIED),
    "Contributor to itself, beside the one that it has": (
        assigned(CONTRIBUTOR, me, output("storage_account_id")),
        DENIED,
    ),
    "Storage Blob Data Owner to itself": (
        assigned(BLOB_OWNER, me, output("pointer_storage_account_id")),
        DENIED,
    ),
    "Storage Blob Data Owner to a group": (
        assigned(BLOB_OWNER, lambda _: str(uuid.uuid4()), output("pointer_storage_account_id"), "Group"),
        DENIED,
    ),
    "the factory to a group that the operator did not name": (
        assigned(FACTORY_CONTRIBUTOR, lambda _: str(uuid.uuid4()), output("data_factory_id"), "Group"),
        DENIED,
    ),
    "a role to a person who is not the operator": (
        assigned(SECRETS_USER, lambda _: str(uuid.uuid4()), output("key_vault_id"), "User"),
        DENIED,
    ),
    "a role to a service principal that says it is a group": (
        assigned(SECRETS_USER, stranger, output("key_vault_id"), "Group"),
        DENIED,
    ),
    "a role beside the platform's group": (assigned(SECRETS_USER, stranger, lambda p: p.subscription), DENIED),
    "the right over an identity to itself": (assigned(IDENTITY_OPERATOR, me, made_identity("workspace")), DENIED),
    "Storage Blob Data Contributor to itself, on another account": (
        assigned(BLOB_CONTRIBUTOR, me, output("lake_storage_account_id")),
        DENIED,
    ),
    "Storage Blob Data Contributor to itself, on its own accounts too": (
        assigned(BLOB_CONTRIBUTOR, me, output("pointer_storage_account_id")),
        DENIED,
    ),
    "secrets to a group that nobody named": (
        assigned(SECRETS_USER, lambda _: str(uuid.uuid4()), output("key_vault_id"), "Group"),
        DENIED,
    ),
    "the names of secrets to a service principal that is no probe": (
        assigned(VAULT_READER, stranger, output("key_vault_id")),
        DENIED,
    ),
    "the file share to a service principal": (
        assigned(FILE_CONTRIBUTOR, stranger, output("storage_account_id")),
        DENIED,
    ),
    "running pipelines to a service principal": (
        assigned_key("data_factory_operator", stranger, output("data_factory_id")),
        DENIED,
    ),
    "its own data role without the condition": (own_condition("ci_platform_data"), DENIED),
    "its own condition left out": (own_condition(), DENIED),
    "its own condition replaced by one that lets everything through": (
        own_condition(
            condition=f"((!(ActionMatches{{'{ROLES}/write'}})) OR (ActionMatches{{'{ROLES}/write'}}))",
            conditionVersion="2.0",
        ),
        DENIED,
    ),
    "its own condition in another version of the language": (
        own_condition(condition="(true)", conditionVersion="1.0"),
        DENIED,
    ),
    "its own conditional right removed": (deleted(held("ci_platform_access"), "2022-04-01"), DENIED),
    "a federated credential on the workspace's identity": (credential(made_identity("workspace")), DENIED),
    "a federated credential on the Functions host's identity": (credential(made_identity("function")), DENIED),
    "a federated credential of its own": (credential(lambda p: str(p.made["ci_identity"]["id"])), DENIED),
    "the workspace's identity written again": (identity("workspace", tags={"owner": "me"}), DENIED),
    "the workspace's identity removed, for one of the same name": (
        deleted(made_identity("workspace"), "2023-01-31"),
        DENIED,
    ),
    "a resource that acts as a probe": (attached(probe("writer")), (403, "LinkedAuthorizationFailed")),
    "Owner to itself, by a deployment": (deployed_owner, NOT_DEPLOYED),
    "an identity of the bootstrap's group, by a deployment there": (
        deployed(state_group, IDENTITIES, "id-mine"),
        NOT_DEPLOYED,
    ),
    "a script as somebody else, by a deployment in the bootstrap's group": (
        deployed(state_group, "Microsoft.Resources/deploymentScripts", "mine"),
        NOT_DEPLOYED,
    ),
    "an account in the bootstrap's group, by a deployment inside one": (nested, NOT_DEPLOYED),
    "a custom role that is wider": (role_definition("private_endpoint_approver", "*"), DENIED),
    "a custom role that is new": (role_definition(None, "*"), DENIED),
}


# What is left to somebody with CI until the operator names the platform's identities (service_principal_ids): an
# identity that CI makes, and acts as by a federated credential, with a role of the platform's services. docs/adr/0008
UNTIL_SEALED: dict[str, Attempt] = {
    "secrets to an identity of its own": assigned(SECRETS_USER, stranger, output("key_vault_id")),
    "the lake to an identity of its own": assigned(BLOB_CONTRIBUTOR, stranger, output("lake_storage_account_id")),
    "pointers to an identity of its own": assigned(BLOB_CONTRIBUTOR, stranger, output("pointer_storage_account_id")),
    "what the lake holds to an identity of its own": assigned(BLOB_READER, stranger, output("lake_storage_account_id")),
    "a role on the group to an identity of its own": assigned(READER, stranger, group),
}
