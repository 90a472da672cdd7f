"""Who exists in the sandbox's Entra tenants: subscriptions, the engineer, and the managed identities that ARM made."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.model import Principal, Standing
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import ServicePrincipal

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged#owner
_OWNER_ROLE = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_NAMESPACE = uuid.UUID("6b1ba2b4-95f9-4d8a-8a1c-d4c9a0c4b7f1")  # of the names that the sandbox derives, nothing else

_SUBSCRIPTION = "subscription"
_SERVICE_PRINCIPAL = "service-principal"  # by object id
_OBJECT_ID_OF_CLIENT = "service-principal-of-client"
_OBJECT_ID_OF_RESOURCE = "service-principal-of-resource"
_ENGINEER = "engineer"


@dataclass(frozen=True, slots=True)
class Account:
    """A service principal as the directory keeps it.

    ``tenant_id`` is None for the engineer, who is in every tenant under one object id (on Azure an application has
    another one in each tenant; one is enough here and lets an environment be rehearsed in its own tenant).
    """

    object_id: str
    client_id: str
    tenant_id: str | None
    display_name: str
    secret_sha256: str | None = None
    resource_id: str | None = None

    def has_secret(self, secret: str) -> bool:
        return self.secret_sha256 is not None and hmac.compare_digest(self.secret_sha256, secret_hash(secret))


class EntraDirectory:
    """``world.Directory`` over the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- tenants and subscriptions -----------------------------------------------------------------------------------

    def tenant_of(self, subscription_id: str) -> str | None:
        document = self._store.document(_SUBSCRIPTION, subscription_id)
        return document["tenant_id"] if document else None

    def subscriptions(self) -> Mapping[str, str]:
        return {key: body["tenant_id"] for key, body in self._store.documents(_SUBSCRIPTION)}

    def subscription_name(self, subscription_id: str) -> str | None:
        document = self._store.document(_SUBSCRIPTION, subscription_id)
        return document["display_name"] if document else None

    def knows_tenant(self, tenant_id: str) -> bool:
        return tenant_id.lower() in self.subscriptions().values()

    def core_quotas(self, subscription_id: str) -> Mapping[str, int]:
        document = self._store.document(_SUBSCRIPTION, subscription_id) or {}
        granted: Mapping[str, int] = document.get("core_quotas", {})
        return granted

    def standing(self, subscription_id: str, vantage: str) -> Standing:
        """Where the machines of a vantage stand, as the subscription's settings say."""
        document = self._store.document(_SUBSCRIPTION, subscription_id.lower()) or {}
        said = document.get("standings", {}).get(vantage, {})
        return Standing(tuple(said.get("addresses", ())), said.get("region"))

    def add_subscription(
        self,
        subscription_id: str,
        tenant_id: str,
        display_name: str,
        core_quotas: Mapping[str, int] | None = None,
        standings: Mapping[str, Standing] | None = None,
    ) -> None:
        """Make a subscription known and its engineer Owner of it; idempotent. Settings stay where none are given."""
        subscription_id, tenant_id = subscription_id.lower(), tenant_id.lower()
        document = self._store.document(_SUBSCRIPTION, subscription_id) or {}
        granted = dict(self.core_quotas(subscription_id) if core_quotas is None else core_quotas)
        places: Json = document.get("standings", {})
        if standings is not None:
            places = {name: asdict(standing) for name, standing in standings.items()}
        with self._store.transaction():
            self._store.put_document(
                _SUBSCRIPTION,
                subscription_id,
                {
                    "tenant_id": tenant_id,
                    "display_name": display_name,
                    "core_quotas": granted,
                    "standings": places,
                },
            )
            assignment = _owner_assignment(subscription_id, self.engineer().object_id)
            if self._store.get(assignment.id) is None:
                self._store.put(assignment)

    # -- principals --------------------------------------------------------------------------------------------------

    def engineer(self) -> Account:
        document = self._store.document(_ENGINEER, _ENGINEER)
        assert document is not None, "the engineer is made when the daemon starts"
        account = self.account(document["object_id"])
        assert account is not None
        return account

    def ensure_engineer(self, secret: str) -> Account:
        """The application that stands for the person at the keyboard; the store keeps a hash of its secret only."""
        document = self._store.document(_ENGINEER, _ENGINEER) or {
            "object_id": str(uuid.uuid4()),
            "client_id": str(uuid.uuid4()),
        }
        account = Account(document["object_id"], document["client_id"], None, "sandbox engineer", secret_hash(secret))
        with self._store.transaction():
            self._store.put_document(_ENGINEER, _ENGINEER, document)
            self._put(account)
        return account

    def account(self, object_id: str) -> Account | None:
        document = self._store.document(_SERVICE_PRINCIPAL, object_id)
        return Account(**document) if document else None

    def account_of_client(self, client_id: str, tenant_id: str) -> Account | None:
        """The service principal of an application in one tenant."""
        document = self._store.document(_OBJECT_ID_OF_CLIENT, client_id)
        account = self.account(document["object_id"]) if document else None
        return account if account and account.tenant_id in (None, tenant_id.lower()) else None

    def account_of_resource(self, resource_id: str) -> Account | None:
        """The principal of a user-assigned identity, or of a resource's system-assigned one."""
        document = self._store.document(_OBJECT_ID_OF_RESOURCE, normal_id(resource_id))
        return self.account(document["object_id"]) if document else None

    def principal(self, object_id: str) -> Principal | None:
        account = self.account(object_id)
        if account is None:
            return None
        return Principal(
            account.object_id, account.tenant_id or "", "ServicePrincipal", account.client_id, account.display_name
        )

    def create_managed_identity(self, resource_id: str, tenant_id: str) -> ServicePrincipal:
        account = self.account_of_resource(resource_id)
        if account is None:
            name = resource_id.rstrip("/").rsplit("/", 1)[-1]
            account = Account(
                str(uuid.uuid4()), str(uuid.uuid4()), tenant_id.lower(), name, resource_id=normal_id(resource_id)
            )
            with self._store.transaction():
                self._put(account)
                self._store.put_document(
                    _OBJECT_ID_OF_RESOURCE, normal_id(resource_id), {"object_id": account.object_id}
                )
        return ServicePrincipal(account.object_id, account.client_id)

    def delete_managed_identity(self, resource_id: str) -> None:
        account = self.account_of_resource(resource_id)
        if account is None:
            return
        with self._store.transaction():
            self._store.delete_document(_OBJECT_ID_OF_RESOURCE, normal_id(resource_id))
            self._store.delete_document(_OBJECT_ID_OF_CLIENT, account.client_id)
            self._store.delete_document(_SERVICE_PRINCIPAL, account.object_id)

    def _put(self, account: Account) -> None:
        body: dict[str, Any] = {name: getattr(account, name) for name in Account.__slots__}
        self._store.put_document(_SERVICE_PRINCIPAL, account.object_id, body)
        self._store.put_document(_OBJECT_ID_OF_CLIENT, account.client_id, {"object_id": account.object_id})


def _owner_assignment(subscription_id: str, object_id: str) -> Resource:
    scope = f"/subscriptions/{subscription_id}"
    name = str(uuid.uuid5(_NAMESPACE, f"owner {subscription_id} {object_id}"))
    kind = "Microsoft.Authorization/roleAssignments"
    body = {
        "id": f"{scope}/providers/{kind}/{name}",
        "name": name,
        "type": kind,
        "properties": {
            "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{_OWNER_ROLE}",
            "principalId": object_id,
            "principalType": "ServicePrincipal",
            "scope": scope,
        },
    }
    return Resource(id=body["id"], type=kind, body=body)  # type: ignore[arg-type]


def normal_id(resource_id: str) -> str:
    """A resource id as a key: with one leading slash, in lower case."""
    return "/" + resource_id.strip("/").lower()


def secret_hash(secret: str) -> str:
    """Enough for a secret of 256 random bits; a password would need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
