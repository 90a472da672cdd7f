"""conftest, another engine of Rego, gives the same verdicts as ours on every example of every policy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolkit.guard.document import policy_input
from toolkit.guard.engine import judge
from toolkit.guard.examples import FACTS, Example, examples, plan_of
from toolkit.guard.policies import OWN, Policy, load_policies
from toolkit.toolchain.cache import cache_root

pytestmark = [pytest.mark.contract, pytest.mark.slow]

CONFTEST = "github.com/open-policy-agent/conftest@v0.71.1"


@pytest.fixture(scope="module")
def conftest() -> str:
    """The one on PATH, or built from its Go module: minutes, once."""
    if found := shutil.which("conftest"):
        return found
    kept = cache_root() / "conftest-0.71.1"
    if not (kept / "conftest").is_file():
        go = shutil.which("go")
        if go is None:
            pytest.skip("no conftest, and no go to build it with")
        built = subprocess.run(
            [go, "install", CONFTEST], env={**os.environ, "GOBIN": str(kept)}, capture_output=True, text=True
        )
        if built.returncode != 0:
            pytest.skip(f"no conftest: {CONFTEST} cannot be built here: {built.stderr[-300:]}")
    return str(kept / "conftest")


def cases() -> list[tuple[Policy, Example]]:
    return [(policy, example) for policy in load_policies((OWN,), ROOT) for example in examples(policy)]


def test_both_engines_say_the_same(conftest: str, tmp_path: Path) -> None:
    policies = load_policies((OWN,), ROOT)
    ours: dict[str, set[tuple[str, str]]] = {}
    for number, (_, example) in enumerate(cases()):
        facts = replace(FACTS, **{k: tuple(v) if isinstance(v, list) else v for k, v in example.facts.items()})
        plan = plan_of(example)
        report = judge(plan, policies, facts, example.root, (), date(1970, 1, 1), example.allowed)
        given, addresses = policy_input(plan, facts, example.root, example.allowed)
        file = tmp_path / f"{number:03}.json"
        file.write_text(json.dumps({**given, "addresses": addresses}))
        ours[str(file)] = {(one.policy.id, one.address) for one in report.refused}
    done = subprocess.run(
        [conftest, "test", "--policy", str(OWN), "--output", "json", *ours], capture_output=True, text=True
    )
    results = json.loads(done.stdout)
    theirs = {
        one["filename"]: {
            (failure["metadata"]["policy"], failure["metadata"]["address"]) for failure in one.get("failures") or []
        }
        for one in results
    }
    assert theirs == ours
    assert len(ours) > 90
    assert sum(map(len, ours.values())) > 100
