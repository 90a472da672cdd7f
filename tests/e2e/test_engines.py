"""Every engine on every version of azapi at hand, and an environment that changes hands between two engines."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from tests.e2e.conftest import Toolkit
from tests.e2e.engines import ENGINES, engine, named, what_it_is
from tests.e2e.providers import MIRRORS, mirror, version

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def start_anew(toolkit: Toolkit, environment: str = "local") -> None:
    toolkit.ok("sandbox", "reset", "--yes")
    shutil.rmtree(toolkit.project / ".toolkit" / environment, ignore_errors=True)


@pytest.mark.parametrize("which", MIRRORS)
@pytest.mark.parametrize("program", ENGINES)
def test_bootstraps_applies_plans_empty_and_proves_it(
    toolkit: Toolkit, program: str, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**engine(program), **mirror(which)}
    start_anew(toolkit)
    started = time.monotonic()
    toolkit.ok("apply", "local", "--no-smoke", **settings)
    applied = time.monotonic()
    again = toolkit("plan", "local", "--json", **settings)
    assert again.code == 0, f"a second apply would change something: {again.out}\n{again.err}"
    planned = time.monotonic()
    report = toolkit.ok("smoke", "local", "--json", **settings).json
    proved = time.monotonic()
    assert report["summary"]["failed"] == 0
    assert report["summary"]["passed"] >= 14
    ran = json.loads(max((toolkit.project / ".toolkit/local/evidence").glob("*/versions.json")).read_text())
    found = what_it_is(program)
    assert ran["engine"] == found.engine.title
    kept = toolkit.project / ".toolkit" / "local" / found.engine.lock_file
    assert f'provider "{found.engine.registry}/azure/azapi"' in kept.read_text()
    with capsys.disabled():
        print(
            f"\n{named(program)}, azapi {version(toolkit, 'local', kept.name)}: {again.json['resources']} resources, "
            f"bootstrap and apply {applied - started:.0f} s, second plan {planned - applied:.0f} s, smoke "
            f"{proved - planned:.0f} s, {report['summary']['passed']} checks passed"
        )


def test_an_environment_changes_hands_only_when_it_is_told_to(toolkit: Toolkit) -> None:
    terraform, opentofu = engine("found"), engine("opentofu")
    start_anew(toolkit)
    toolkit.ok("apply", "local", "--no-smoke", **terraform)
    for mine, other in ((terraform, opentofu), (opentofu, terraform)):
        for command in ("plan", "apply", "destroy", "bootstrap"):
            refused = toolkit(command, "local", **other)
            assert refused.code == 4, (command, refused.err)
            assert "toolkit env switch-engine local" in refused.err
        bundle = str(toolkit.project / "bundle")
        shutil.rmtree(bundle, ignore_errors=True)
        assert toolkit("plan", "local", "--out", bundle, **mine).code == 0
        moved = toolkit.ok("env", "switch-engine", "local", "--json", **other).json
        assert moved["moved"] == ["bootstrap", "platform"]
        foreign = toolkit("apply", "local", "--plan", bundle, **other)
        assert (foreign.code, "neither applies the other's plans" in foreign.err) == (4, True)
        again = toolkit("plan", "local", "--json", **other)
        assert again.code == 0, again.out
        assert toolkit.ok("env", "switch-engine", "local", "--json", **other).json["moved"] == []
    # Back where it began, the first engine goes on as if nothing had been.
    assert "no changes" in toolkit.ok("bootstrap", "local", **terraform).out.lower()
    toolkit.ok("destroy", "local", **terraform)


def test_another_machine_that_moved_it_is_noticed_before_anything_is_written(toolkit: Toolkit) -> None:
    """This folder was initialised before that, so that nothing makes it look at the state before it plans."""
    terraform, opentofu = engine("found"), engine("opentofu")
    start_anew(toolkit)
    toolkit.ok("apply", "local", "--no-smoke", **opentofu)
    mine, kept = toolkit.project / ".toolkit/local/work", toolkit.project / "kept"
    for here, there in ((opentofu, terraform), (terraform, opentofu)):
        assert toolkit("plan", "local", **here).code == 0
        shutil.copytree(mine, kept, symlinks=True)
        toolkit.ok("env", "switch-engine", "local", **there)
        shutil.rmtree(mine)
        shutil.move(kept, mine)
        common = toolkit.project / "envs" / "common.tfvars"
        before = common.read_text()
        assert '"ml-platform-team"' in before
        common.write_text(before.replace('"ml-platform-team"', '"another-team"'))
        try:
            refused = toolkit("apply", "local", "--no-smoke", **here)
        finally:
            common.write_text(before)
        assert refused.code in (1, 4), refused.out
        assert "toolkit env switch-engine local" in refused.err
