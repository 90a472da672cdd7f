"""The table of regions, and the names that people write for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.regions import available_regions, find_region, logical_regions, nearest_region, regions

ROOT = Path(__file__).parents[2]


def test_the_table_is_whole() -> None:
    table = regions()
    assert len(table) > 50
    for name, region in table.items():
        assert name == region.name == region.display_name.replace(" ", "").lower()
        assert region.category in ("Recommended", "Other")
        assert region.geography
        assert region.geography_group
        assert region.physical_location
        assert -90 <= float(region.latitude) <= 90
        assert -180 <= float(region.longitude) <= 180
        assert region.zones in (0, 3)
        assert region.paired != name
    assert not set(table) & set(logical_regions())
    assert list(table) == sorted(table)


def test_recommended_regions_have_zones_and_the_ones_on_request_do_not() -> None:
    # https://learn.microsoft.com/azure/reliability/regions-overview: zones are what makes a region recommended.
    assert [name for name, region in regions().items() if region.category == "Recommended" and not region.zones] == []
    assert [name for name, region in regions().items() if region.by_request and region.zones] == []
    assert set(available_regions()) == {name for name, region in regions().items() if not region.by_request}


@pytest.mark.parametrize("written", ["westeurope", "West Europe", " WEST  EUROPE "])
def test_a_region_is_found_by_name_and_by_display_name(written: str) -> None:
    region = find_region(written)
    assert region is not None
    assert (region.name, region.paired, region.physical_location) == ("westeurope", "northeurope", "Netherlands")


@pytest.mark.parametrize(
    ("written", "meant"), [("westeuropa", "westeurope"), ("East US2", None), ("swedencentrl", "swedencentral")]
)
def test_a_wrong_name_has_a_nearest_one(written: str, meant: str | None) -> None:
    assert (find_region(written) is None) is (meant is not None)
    assert meant is None or nearest_region(written) == meant


def test_nothing_is_near_to_nonsense() -> None:
    assert nearest_region("atlantis-9") is None
