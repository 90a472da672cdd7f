"""The doctor's checks: ids, order, what they depend on, and the page that explains them."""

from __future__ import annotations

from collections import Counter

import pytest

from toolkit.doctor.fixes import FIXES
from toolkit.doctor.registry import CATEGORIES, CHECKS, REGISTRY
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.smoke.explain import explain, sections

PAGE = find_project().root / "docs" / "doctor.md"
# They say what will be done, and cannot fail.
ONLY_TELL = {"names-deleted-logs", "names-deleted-workspace"}


def test_ids_are_unique_and_categories_in_order() -> None:
    assert [one for one, count in Counter(check.id for check in CHECKS).items() if count > 1] == []
    assert list(dict.fromkeys(check.category for check in CHECKS)) == list(CATEGORIES)


def test_a_check_comes_after_what_it_depends_on_or_runs_beside_it() -> None:
    by_id = {check.id: check for check in CHECKS}

    def path(name: str, above: tuple[str, ...] = ()) -> None:
        assert name not in above, f"a circle: {' -> '.join((*above, name))}"
        for one in by_id[name].depends:
            path(one, (*above, name))

    for check in CHECKS:
        path(check.id)
        weak = [one for one in check.depends if by_id[one].severity != "fatal" and check.severity == "fatal"]
        assert weak == [], check.id


def test_the_page_has_every_check_and_no_other() -> None:
    told = sections(PAGE.read_text(encoding="utf-8"))
    assert list(told) == [check.id for check in CHECKS]
    for check in CHECKS:
        said = explain(check, PAGE)
        assert said.proves, check.id
        assert check.anchor == f"docs/doctor.md#{check.id}"
        if check.id not in ONLY_TELL:
            assert said.failure, check.id
            assert said.fix, check.id


def test_what_is_mended_is_a_check_that_fails() -> None:
    assert set(FIXES) <= {check.id for check in CHECKS}


def test_a_wrong_word_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown check 'quota-core'") as caught:
        REGISTRY.select(only=["quota-core"])
    assert caught.value.hint == "did you mean quota-cores? toolkit doctor ENV --list shows them"
