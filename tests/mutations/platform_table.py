"""Every way in which the platform is broken here: one literal table by area, and a sample for each run of the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tests.mutations import table_access, table_data, table_factory, table_network, table_services, table_wider
from tests.mutations.breaking import Broken, Harm, Mutation
from toolkit.checks.model import Check
from toolkit.live.harm import FATAL
from toolkit.smoke.context import Context
from toolkit.smoke.registry import CHECKS
from toolkit.smoke.run import run

MUTATIONS: tuple[Mutation, ...] = (
    *table_network.TABLE,
    *table_access.TABLE,
    *table_data.TABLE,
    *table_factory.TABLE,
    *table_services.TABLE,
    *table_wider.TABLE,
)
HARMS: tuple[Harm, ...] = ("breach", "outage", "data-loss", "blindness", "cost", "hygiene")
DOCUMENT = Path(__file__).parents[2] / "docs" / "mutations.md"

_HEAD = """# Mutations

How many ways of breaking the platform the tests try, by area and harm. `tests/mutations/` has each of them with the
check that must see it and its cause. Of every row exactly that is tested: the named check fails with that cause,
nothing else turns red but what the row allows, and the platform is green again afterwards. All of them run in
`make test-full`, one of each area in `make test`.

"""


def coverage(mutations: Iterable[Mutation]) -> str:
    """The table of docs/mutations.md."""
    found = Counter((one.area, one.harm) for one in mutations)
    areas = list(dict.fromkeys(area for area, _ in found))
    lines = [f"| area | {' | '.join(HARMS)} | all |", f"|---|{'---|' * (len(HARMS) + 1)}"]
    for area in areas:
        row = [found[area, harm] for harm in HARMS]
        lines.append(f"| {area} | {' | '.join(str(n or '') for n in row)} | {sum(row)} |")
    totals = [sum(found[area, harm] for area in areas) for harm in HARMS]
    lines.append(f"| **all** | {' | '.join(str(n) for n in totals)} | {sum(totals)} |")
    return _HEAD + "\n".join(lines) + "\n"


def sample() -> list[Mutation]:
    """The first of each area: the whole harness on every run of the tests, in less than a minute."""
    first: dict[str, Mutation] = {}
    for one in MUTATIONS:
        first.setdefault(one.area, one)
    return list(first.values())


# What reads the control plane: seconds less than with the data planes, which the whole table is run with.
QUICK = tuple(check for check in CHECKS if check.vantage is None)


def assert_seen(broken: Broken, one: Mutation, checks: Sequence[Check[Context]] = CHECKS) -> None:
    platform = broken.platform
    with one.break_(broken):
        result = run(platform.connection, platform.outputs, checks, patience=0)
    failed = {each.check.id: each for each in result.results if each.outcome == "FAIL"}
    assert one.check in failed, f"not seen; failed: {sorted(failed)}"
    assert failed[one.check].cause == one.cause, failed[one.check].reason
    assert failed[one.check].hint
    assert result.green is (one.harm not in FATAL), {name: each.reason for name, each in failed.items()}
    others = {n: e.reason for n, e in failed.items() if n != one.check and not any(fnmatchcase(n, a) for a in one.also)}
    assert others == {}, others
    after = run(platform.connection, platform.outputs, [each for each in checks if each.id in failed], patience=0)
    assert {each.check.id: each.reason for each in after.results if each.outcome != "PASS"} == {}
