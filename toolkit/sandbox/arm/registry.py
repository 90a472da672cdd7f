"""Every resource type that the sandbox models, in one place. A type is found by its exact name, lower-cased.

To add one: write its row (``resource_type.ResourceType``) in the file of its namespace under ``types/`` and put that
file's tuple here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.sandbox.arm.ids import ResourceId
from toolkit.sandbox.arm.resource_type import Answer, ResourceType
from toolkit.sandbox.arm.types import containerregistry, keyvault, storage
from toolkit.sandbox.arm.types.additions import ADDITIONS
from toolkit.sandbox.arm.types.authorization import AUTHORIZATION
from toolkit.sandbox.arm.types.batch import BATCH
from toolkit.sandbox.arm.types.connections import CONNECTIONS
from toolkit.sandbox.arm.types.consumption import CONSUMPTION
from toolkit.sandbox.arm.types.containerregistry import CONTAINERREGISTRY
from toolkit.sandbox.arm.types.datafactory import DATAFACTORY
from toolkit.sandbox.arm.types.deleted_accounts import DELETED_ACCOUNTS
from toolkit.sandbox.arm.types.deployments import DEPLOYMENTS
from toolkit.sandbox.arm.types.insights import INSIGHTS
from toolkit.sandbox.arm.types.keyvault import KEYVAULT
from toolkit.sandbox.arm.types.keyvault_keys import KEYVAULT_KEYS
from toolkit.sandbox.arm.types.machinelearningservices import MACHINELEARNINGSERVICES
from toolkit.sandbox.arm.types.managedidentity import MANAGEDIDENTITY
from toolkit.sandbox.arm.types.network import NETWORK
from toolkit.sandbox.arm.types.operationalinsights import OPERATIONALINSIGHTS
from toolkit.sandbox.arm.types.perimeters import PERIMETER_TYPES
from toolkit.sandbox.arm.types.private_dns import PRIVATE_DNS_TYPES
from toolkit.sandbox.arm.types.private_endpoints import PRIVATE_ENDPOINT_TYPES
from toolkit.sandbox.arm.types.resources import RESOURCES
from toolkit.sandbox.arm.types.storage import STORAGE
from toolkit.sandbox.arm.types.web import WEB
from toolkit.sandbox.world import World

REGISTRY: tuple[ResourceType, ...] = (
    *RESOURCES,
    *DEPLOYMENTS,
    *AUTHORIZATION,
    *MANAGEDIDENTITY,
    *NETWORK,
    *PERIMETER_TYPES,
    *PRIVATE_DNS_TYPES,
    *PRIVATE_ENDPOINT_TYPES,
    *STORAGE,
    *DELETED_ACCOUNTS,
    *KEYVAULT,
    *KEYVAULT_KEYS,
    *OPERATIONALINSIGHTS,
    *INSIGHTS,
    *CONTAINERREGISTRY,
    *MACHINELEARNINGSERVICES,
    *DATAFACTORY,
    *BATCH,
    *WEB,
    *CONSUMPTION,
    *CONNECTIONS,
    *ADDITIONS,
)

ProviderAction = Callable[[World, ResourceId, dict[str, Any]], Answer]

# POST /subscriptions/{s}/providers/{namespace}/{action}
PROVIDER_ACTIONS: dict[str, ProviderAction] = {
    "microsoft.storage/checknameavailability": storage.check_name,
    "microsoft.containerregistry/checknameavailability": containerregistry.check_name,
    "microsoft.keyvault/checknameavailability": keyvault.check_name,
}

_BY_TYPE = {type_.type.lower(): type_ for type_ in REGISTRY}


def lookup(type_: str) -> ResourceType | None:
    return _BY_TYPE.get(type_.lower())
