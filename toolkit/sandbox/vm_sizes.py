"""Sizes of virtual machines that the sandbox offers, and the cores of each family that a subscription has.

Families and cores: https://learn.microsoft.com/azure/virtual-machines/sizes/overview, spelt as Azure Machine Learning's
usages spell them (https://learn.microsoft.com/rest/api/azureml/virtual-machine-sizes/list). The limits are inferred:
Azure gives every subscription its own, and to most none of a GPU family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VmSize:
    """One size: its quota is counted in cores (vCPUs) of its family."""

    name: str
    family: str
    cores: int
    gpus: int = 0


VM_SIZES: tuple[VmSize, ...] = (
    VmSize("Standard_D2s_v3", "standardDSv3Family", 2),
    VmSize("Standard_D4s_v3", "standardDSv3Family", 4),
    VmSize("Standard_DS3_v2", "standardDSv2Family", 4),
    VmSize("Standard_D2s_v5", "standardDSv5Family", 2),
    VmSize("Standard_D4s_v5", "standardDSv5Family", 4),
    VmSize("Standard_D8s_v5", "standardDSv5Family", 8),
    VmSize("Standard_D16s_v5", "standardDSv5Family", 16),
    VmSize("Standard_E4s_v5", "standardESv5Family", 4),
    VmSize("Standard_E8s_v5", "standardESv5Family", 8),
    VmSize("Standard_F4s_v2", "standardFSv2Family", 4),
    VmSize("Standard_F8s_v2", "standardFSv2Family", 8),
    VmSize("Standard_NC4as_T4_v3", "standardNCASv3_T4Family", 4, gpus=1),
    VmSize("Standard_NC8as_T4_v3", "standardNCASv3_T4Family", 8, gpus=1),
    VmSize("Standard_NC16as_T4_v3", "standardNCASv3_T4Family", 16, gpus=1),
    VmSize("Standard_NC64as_T4_v3", "standardNCASv3_T4Family", 64, gpus=4),
    VmSize("Standard_NC24ads_A100_v4", "standardNCADSA100v4Family", 24, gpus=1),
)
TOTAL_DEDICATED = "TotalDedicatedCores"
TOTAL_LOW_PRIORITY = "TotalLowPriorityCores"
_TOTALS = {TOTAL_DEDICATED: 300, TOTAL_LOW_PRIORITY: 100}
_DEFAULT_LIMIT = 100

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(size.family for size in VM_SIZES))
QUOTA_NAMES: tuple[str, ...] = (*_TOTALS, *FAMILIES)


def vm_size(name: str) -> VmSize | None:
    """Names of sizes have no case: Batch's are sent in capitals."""
    return next((size for size in VM_SIZES if size.name.lower() == name.lower()), None)


def limits(granted: Mapping[str, int]) -> dict[str, int]:
    """Cores by the quota's name; ``granted`` is what the subscription was given instead."""
    graphics = {size.family for size in VM_SIZES if size.gpus}
    return {**_TOTALS, **{family: 0 if family in graphics else _DEFAULT_LIMIT for family in FAMILIES}, **granted}
