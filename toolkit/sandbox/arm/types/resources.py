"""Microsoft.Resources: resource groups."""

from __future__ import annotations

from toolkit.sandbox.arm.resource_type import LongRunning, ResourceType

RESOURCES: tuple[ResourceType, ...] = (
    ResourceType(
        "Microsoft.Resources/resourceGroups",
        first_api_version="2015-11-01",
        place="subscription",
        missing=("ResourceGroupNotFound", "Resource group '{name}' could not be found."),
        missing_delete_status=404,
        long_running=LongRunning(delete=60, headers=("Location",)),
    ),
)
