"""The table of mutations: its coverage is the committed one, and no area is left out."""

from __future__ import annotations

from collections import Counter

from tests.mutations.platform_table import DOCUMENT, HARMS, MUTATIONS, coverage, sample
from toolkit.checks.causes import CAUSES
from toolkit.smoke.registry import CHECKS

ENOUGH = 150


def test_the_coverage_is_the_committed_one() -> None:
    """.venv/bin/python -c 'from tests.mutations.platform_table import *; DOCUMENT.write_text(coverage(MUTATIONS))'"""
    assert DOCUMENT.read_text(encoding="utf-8") == coverage(MUTATIONS)


def test_there_are_enough_of_every_harm_and_each_names_a_check_and_a_cause() -> None:
    assert len(MUTATIONS) >= ENOUGH
    assert {one.harm for one in MUTATIONS} == set(HARMS)
    assert {one.check for one in MUTATIONS} <= {check.id for check in CHECKS}
    assert {one.cause for one in MUTATIONS} <= set(CAUSES)
    assert [name for name, times in Counter(one.name for one in MUTATIONS).items() if times > 1] == []


def test_the_sample_has_one_of_each_area() -> None:
    assert {one.area for one in sample()} == {one.area for one in MUTATIONS}


def test_every_check_of_the_closed_world_is_seen_red() -> None:
    from toolkit.smoke.checks.exact import CHECKS as EXACT

    never = {check.id for check in EXACT} - {one.check for one in MUTATIONS}
    assert never == {
        *("network-perimeter", "network-ways-out"),  # the environment has none
        "state-groups",  # a group that is gone is a run's first line; what is untidy on one is governance-tidy's
        "identity-exact",  # one that was made again is another: tests/mutations/test_platform.py, last of all
        "workspace-environments-exact",  # a version of an environment cannot be changed
        "batch-nothing-added",  # certificates, which Batch retired in 2024, and applications, which are hygiene
    }
