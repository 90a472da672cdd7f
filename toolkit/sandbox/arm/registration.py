"""Which resource providers a subscription has registered, for providers.py and for types that need those of others."""

from __future__ import annotations

from toolkit.sandbox.store import Store

KIND = "arm-provider"

# Registered in every new subscription.
ALWAYS_REGISTERED = (
    "Microsoft.ADHybridHealthService",
    "Microsoft.Authorization",
    "Microsoft.Billing",
    "Microsoft.ClassicSubscription",
    "Microsoft.Commerce",
    "Microsoft.Consumption",
    "Microsoft.CostManagement",
    "Microsoft.Features",
    "Microsoft.MarketplaceOrdering",
    "Microsoft.Portal",
    "Microsoft.ResourceGraph",
    "Microsoft.Resources",
    "Microsoft.SerialConsole",
    "Microsoft.Support",
)
ALWAYS = frozenset(name.lower() for name in ALWAYS_REGISTERED)


def is_registered(store: Store, subscription_id: str, namespace: str) -> bool:
    return namespace.lower() in ALWAYS or store.document(KIND, f"{subscription_id}/{namespace}".lower()) is not None
