"""Durations come back as Azure writes them."""

from __future__ import annotations

import pytest

from toolkit.sandbox.arm.durations import canonical
from toolkit.sandbox.arm.errors import ArmError


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("PT120S", "PT2M"),
        ("PT90S", "PT1M30S"),
        ("PT600S", "PT10M"),
        ("PT3600S", "PT1H"),
        ("PT60M", "PT1H"),
        ("PT1H30M", "PT1H30M"),
        ("PT86400S", "P1D"),
        ("P1DT3661S", "P1DT1H1M1S"),
        ("PT24H", "P1D"),
        ("PT0S", "PT0S"),
    ],
)
def test_the_largest_units_are_used(sent: str, returned: str) -> None:
    assert canonical(sent) == returned
    assert canonical(returned) == returned


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "120", "PT2", "2M", "PT-2M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ArmError):
        canonical(text)
