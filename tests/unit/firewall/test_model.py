"""A lease's parts: what is written down where, and what it goes back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from toolkit.firewall.model import Lease, Owner, added, needed
from toolkit.processes import ProcessId

NOW = datetime(2026, 11, 26, tzinfo=UTC)
PLATFORM, STATE = "/subscriptions/s/resourcegroups/platform", "/subscriptions/s/resourcegroups/state"
ONE, OTHER = f"{PLATFORM}/providers/t/a/one", f"{STATE}/providers/t/a/other"


def a_lease() -> Lease:
    lease = Lease.new(Owner("tests", "host", ProcessId(0, "")), timedelta(hours=1), NOW)
    return lease.holding(ONE, "203.0.113.1", ours=True).holding(OTHER, "203.0.113.1", ours=False)


def test_its_parts_make_it_whole() -> None:
    lease = a_lease().seeing(OTHER, {"203.0.113.9"})
    parts = [lease.part(group) for group in lease.written_in()]
    assert [(set(part.holds), part.groups) for part in parts] == [
        ({ONE}, (PLATFORM, STATE)),
        ({OTHER}, (PLATFORM, STATE)),
    ]
    again = [Lease.from_json(part.as_json()) for part in parts]
    assert again == parts
    assert again[0].joined(again[1]).as_json() == {**lease.as_json(), "groups": [PLATFORM, STATE]}


def test_it_goes_back_to_what_it_held_and_the_rest_is_still_a_lease_s() -> None:
    standing = a_lease()
    wider = standing.holding(ONE, "203.0.113.2", ours=True).holding(
        f"{PLATFORM}/providers/t/a/new", "203.0.113.1", ours=True
    )
    back = wider.back_to(standing)
    for target in wider.holds:
        assert needed([back], target) == needed([standing], target)
        assert added([back], target) == added([wider], target)
    assert back.addresses == standing.addresses
