"""Azure's regions: their names, where they are, which has availability zones and which is paired with which.

The table (regions.json) holds the public cloud as ``az account list-locations`` answered in March 2026, without
Microsoft's own canary and stage regions. The list is documented at
https://learn.microsoft.com/azure/reliability/regions-list, and Microsoft publishes the answer itself in
https://github.com/Azure/terraform-azurerm-avm-utl-regions (modules/cached-data).

``by_request`` are regions for disaster recovery within a country: a subscription must ask before anything can be made
there (https://learn.microsoft.com/troubleshoot/azure/general/region-access-request-process), and Azure leaves them out
of what is available when it refuses a resource group (https://github.com/MicrosoftDocs/executable-docs/issues/74).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.errors import nearest

GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Region:
    """One physical region. ``zones`` is how many availability zones it has, 0 when it has none."""

    name: str
    display_name: str
    category: str  # Recommended or Other
    geography: str
    geography_group: str
    physical_location: str
    latitude: str
    longitude: str
    paired: str | None
    zones: int
    by_request: bool


@cache
def regions() -> Mapping[str, Region]:
    """Every physical region by its name, in the order of the names."""
    return {row["name"]: Region(**row) for row in _table()["physical"]}


@cache
def logical_regions() -> Mapping[str, str]:
    """Display names of what Azure lists beside regions although nothing, or only what is global, is placed there."""
    names: dict[str, str] = _table()["logical"]
    return names


@cache
def available_regions() -> tuple[str, ...]:
    """The names of the regions that an ordinary subscription may use."""
    return tuple(name for name, region in regions().items() if not region.by_request)


def region_name(text: str) -> str:
    """The name that Azure makes of what was written: ``West Europe`` is ``westeurope``."""
    return "".join(text.split()).lower()


def find_region(text: str) -> Region | None:
    """The region with this name or display name."""
    return regions().get(region_name(text))


def nearest_region(text: str) -> str | None:
    """The region that somebody may have meant, for a hint."""
    return nearest(region_name(text), regions())


@cache
def _table() -> Any:
    return json.loads(Path(__file__).with_name("regions.json").read_text(encoding="utf-8"))
