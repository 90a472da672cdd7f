"""Resource provider registration.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, not_found
from toolkit.sandbox.arm.locations import shown
from toolkit.sandbox.arm.registration import ALWAYS, ALWAYS_REGISTERED, KIND, is_registered
from toolkit.sandbox.arm.registry import REGISTRY
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.store import Store

# Namespaces that can be registered although no type of theirs is modelled: other services need them to be (for example
# Event Grid for storage event triggers, https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger).
REGISTRABLE = (
    "GitHub.Network",
    "Microsoft.AlertsManagement",
    "Microsoft.App",
    "Microsoft.CognitiveServices",
    "Microsoft.Compute",
    "Microsoft.ContainerInstance",
    "Microsoft.ContainerService",
    "Microsoft.DevOpsInfrastructure",
    "Microsoft.EventGrid",
    "Microsoft.Notebooks",
    "Microsoft.PolicyInsights",
    "Microsoft.Relay",
    "Microsoft.Security",
)
_NAMES = {name.lower(): name for name in (*ALWAYS_REGISTERED, *REGISTRABLE, *(type_.namespace for type_ in REGISTRY))}


class Providers:
    def __init__(self, store: Store) -> None:
        self._store = store

    def require(self, subscription_id: str, namespace: str) -> None:
        """409 MissingSubscriptionRegistration; azcore and azure-mgmt-core register by themselves when they read
        its quoted name."""
        if self._registered(subscription_id, namespace):
            return
        name = _NAMES.get(namespace.lower(), namespace)
        message = (
            f"The subscription is not registered to use namespace '{name}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions."
        )
        code = "MissingSubscriptionRegistration"
        raise ArmError(409, code, message, details=[{"code": code, "target": name, "message": message}])

    def register(self, subscription_id: str, namespace: str) -> Json:
        name = self._name(namespace)
        self._store.put_document(KIND, f"{subscription_id}/{name}", {"namespace": name})
        return self.show(subscription_id, name)

    def unregister(self, subscription_id: str, namespace: str) -> Json:
        name = self._name(namespace)
        self._store.delete_document(KIND, f"{subscription_id}/{name}")
        return self.show(subscription_id, name)

    def show(self, subscription_id: str, namespace: str) -> Json:
        name = self._name(namespace)
        free = name.lower() in ALWAYS
        conditions = conditions_of(self._store, subscription_id)
        return {
            "id": f"/subscriptions/{subscription_id}/providers/{name}",
            "namespace": name,
            "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
            "registrationState": "Registered" if self._registered(subscription_id, name) else "NotRegistered",
            "resourceTypes": [
                {
                    "resourceType": type_.type.split("/", 1)[1],
                    "locations": shown(type_, conditions.lacking(type_.type)),
                    "apiVersions": [type_.first_api_version],
                    "capabilities": "None",
                }
                for type_ in REGISTRY
                if type_.namespace.lower() == name.lower()
            ],
        }

    def list(self, subscription_id: str) -> list[Json]:
        return [self.show(subscription_id, name) for name in sorted(_NAMES.values())]

    def _registered(self, subscription_id: str, namespace: str) -> bool:
        return is_registered(self._store, subscription_id, namespace)

    def _name(self, namespace: str) -> str:
        name = _NAMES.get(namespace.lower())
        if name is None:
            raise not_found("InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        return name
