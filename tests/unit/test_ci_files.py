"""The files of ci/: what may make them unsafe or never end is looked for in each of them, whoever adds one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.contract.ci_systems import PREPARED, expanded, load

CI = ROOT / "ci"
ACTIONS = sorted(CI.glob("github/*/action.yml"))
WORKFLOWS = sorted(CI.glob("github/*.yml"))
PIPELINES = sorted(CI.glob("azure-pipelines/*.yml"))
EVERY = [*ACTIONS, *WORKFLOWS, *PIPELINES]
# What jobs need at most: to read the code, to sign in, to ask how a run stands.
PERMISSIONS = {"contents": "read", "id-token": "write", "actions": "read"}
TOOLS = Path(sys.executable).parent


def name(path: Path) -> str:
    return str(path.relative_to(CI))


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for each in node:
            yield from nodes(each)


def scripts(path: Path) -> Iterator[str]:
    for node in nodes(load(path)):
        for key in ("run", "bash", "script", "inlineScript"):
            if isinstance(node.get(key), str):
                yield node[key]


def test_there_are_files_of_every_kind() -> None:
    assert (len(ACTIONS), len(WORKFLOWS), len(PIPELINES)) == (2, 1, 2)
    assert {path for path in CI.rglob("*") if path.suffix in (".yml", ".yaml")} == set(EVERY)
    text = (CI / "README.md").read_text(encoding="utf-8")
    for path in EVERY:
        shown = name(path.parent if path.name == "action.yml" else path)
        assert f"`{shown}" in text, f"ci/README.md has no row for {shown}"


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_no_script_holds_what_somebody_else_may_fill_in(path: Path) -> None:
    """An expression or a macro in a script is code: values come through the environment, in quotes."""
    found = list(scripts(path))
    assert found
    for script in found:
        assert "${{" not in script
        assert not re.search(r"\$\([\w.]+\)", script)
        unquoted = re.sub(r'"[^"]*"', "", script)
        # A list of words is split on purpose, with `set -f`; an id that may be missing is quoted inside.
        assert set(re.findall(r"\$\{?\w+[^ ;]*", unquoted)) <= {"$LEASE_TARGETS", "${LEASE_ID:+}"}
        if "$LEASE_TARGETS" in unquoted:
            assert script.startswith("set -euf\n")


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_no_secret_is_named_but_the_jobs_own_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"secrets\.|password|client-?secret", text, re.IGNORECASE)
    assert set(re.findall(r"\$\{\{ (github\.\w+)", text)) <= {"github.token"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_a_workflow_may_little_and_ends(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"].items() <= PERMISSIONS.items()
        assert 0 < job["timeout-minutes"] <= 30
        assert job["concurrency"]["cancel-in-progress"] is False  # a sweep that is cut off leaves a lease half closed
        assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"])


@pytest.mark.parametrize("path", [*ACTIONS, *WORKFLOWS], ids=name)
def test_actions_are_pinned_and_say_which_version_that_is(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\s*-?\s*uses: (?!\./)(\S+)(.*)", line):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", match[1]), line
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", match[2]), line
            assert match[1].startswith(PREPARED), f"{line}: the tests pass over what they know"


@pytest.mark.parametrize("path", PIPELINES, ids=name)
def test_each_step_of_a_pipeline_signs_in_by_its_service_connection_and_ends(path: Path) -> None:
    tasks = [node for node in nodes(load(path)) if node.get("task") == "AzureCLI@2"]
    assert tasks
    for task in tasks:
        assert re.fullmatch(
            r"\$\{\{ (parameters|environment)\.serviceConnection \}\}", task["inputs"]["azureSubscription"]
        )
        assert task["env"]["SYSTEM_ACCESSTOKEN"] == "$(System.AccessToken)"
    jobs = [node for node in nodes(load(path)) if "job" in node]
    for node in jobs or tasks:
        assert 0 < node["timeoutInMinutes"] <= 30


def test_a_lease_is_closed_whatever_became_of_the_steps_between() -> None:
    steps = load(CI / "azure-pipelines" / "firewall-lease.yml")["steps"]
    assert steps[1] == "${{ parameters.steps }}"
    assert steps[-1]["condition"] == "always()"
    assert "firewall close" in steps[-1]["inputs"]["inlineScript"]


def test_zizmor_finds_nothing() -> None:
    files = [str(path) for path in (*ACTIONS, *WORKFLOWS)]
    done = subprocess.run(
        [str(TOOLS / "zizmor"), "--offline", "--pedantic", "--no-progress", *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("completed") == len(files)


@pytest.mark.parametrize(
    ("kind", "files"), [("github-actions", ACTIONS), ("github-workflows", WORKFLOWS), ("azure-pipelines", PIPELINES)]
)
def test_the_schemas_are_kept(tmp_path: Path, kind: str, files: list[Path]) -> None:
    """Azure Pipelines' knows no template expressions, and some values as text only: its files are filled in before."""
    given = []
    for path in files:
        text = json.dumps(filled(path)) if kind == "azure-pipelines" else path.read_text(encoding="utf-8")
        given.append(tmp_path / f"{len(given)}.yml")
        given[-1].write_text(text, encoding="utf-8")
    command = ["--regex-variant", "nonunicode", "--builtin-schema", f"vendor.{kind}", *map(str, given)]
    done = subprocess.run([str(TOOLS / "check-jsonschema"), *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def filled(path: Path) -> Any:
    document = load(path)
    defaults = {one["name"]: one.get("default", "given") for one in document.get("parameters", [])}
    if "steps" in defaults:
        defaults["steps"] = [{"bash": "true"}]
    without = {key: value for key, value in document.items() if key != "parameters"}
    return as_text(expanded(without, defaults))


def as_text(node: Any) -> Any:
    if isinstance(node, dict):
        of_a_job = {key: str(value) for key, value in node.items() if "job" in node and type(value) is int}
        return {key: as_text(value) for key, value in node.items()} | of_a_job
    if isinstance(node, list):
        return [as_text(each) for each in node]
    return str(node).lower() if isinstance(node, bool) else node


def test_yaml_is_read_as_it_is_written() -> None:
    """GitHub's key `on` is true in YAML 1.1, which this reader has; nothing else of the files is."""
    for path in EVERY:
        assert {
            key for node in nodes(yaml.safe_load(path.read_text())) for key in node if not isinstance(key, str)
        } <= {True}
