"""What is published against Git and Terraform, and which runs count as evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adf.parts import Json, factory, linked, wait
from tests.unit.pipelines.factories import git_folder, terraform_state, write
from toolkit.adf.runs import PipelineRun
from toolkit.adf.status import Row, Status, evidence, status, status_document
from toolkit.pipelines.live import read_live
from toolkit.pipelines.model import ARM_TYPES, Factory
from toolkit.pipelines.reading import read_factory

PUBLISHED_AT = "2026-01-10T00:00:00Z"


def live(resources: Json, **of_factory: Any) -> Factory:
    answers = {
        type_.split("/")[-1]: [
            {"name": name, "etag": "x", "properties": {**value, "lastPublishTime": PUBLISHED_AT}}
            for name, value in resources.get(kind, {}).items()
        ]
        for kind, type_ in ARM_TYPES.items()
    }
    return read_live({"name": "adf", "properties": of_factory}, answers.__getitem__)


def run(state: str, day: int, *, debug: bool = False, pipeline: str = "main") -> PipelineRun:
    started = datetime(2026, 1, day, tzinfo=UTC)
    return PipelineRun(f"run-{day}", pipeline, state, "", started, None, None, {}, "Manual", debug)


def rows(found: Status) -> dict[str, Row]:
    return {row.name: row for row in found.rows}


def test_git_and_terraform_own_different_things(tmp_path: Path) -> None:
    git = read_factory(
        git_folder(
            tmp_path / "adf",
            {"pipeline": {**factory(wait(), name="drafted")["pipeline"], **factory(wait())["pipeline"]}},
        )
    )
    published = live(
        {
            "pipeline": {
                **factory(wait())["pipeline"],
                **factory(wait(), name="deployed")["pipeline"],
                **factory(wait(), name="stray")["pipeline"],
            }
        }
    )
    terraform = read_factory(write(tmp_path / "state.json", terraform_state(factory(wait(), name="deployed"))))
    found = rows(status(published, [], git=git, terraform=terraform))
    assert {name: (row.git, row.terraform) for name, row in found.items()} == {
        "main": ("same", None),
        "drafted": ("not published", None),
        "stray": ("only published", None),
        "deployed": (None, "same"),
    }
    assert [name for name, row in found.items() if row.differs] == ["drafted", "stray"]


def test_a_difference_shows_both_values(tmp_path: Path) -> None:
    git = read_factory(git_folder(tmp_path, factory(wait(), concurrency=2, annotations=["a", "b"])))
    found = status(live(factory(wait(), concurrency=5, annotations=["a"])), [], git=git)
    (row,) = found.rows
    assert row.git == "differs"
    assert sorted(row.places) == [
        "$.annotations: git a list of 2, published a list of 1",
        "$.concurrency: git 2, published 5",
    ]
    assert found.differs


def test_what_terraform_does_not_say_is_no_difference_and_what_it_says_is(tmp_path: Path) -> None:
    terraform = read_factory(write(tmp_path / "s.json", terraform_state(linked(annotations=[]))))
    (row,) = status(live(linked(annotations=[], parameters={"p": {}})), [], terraform=terraform).rows
    assert row.terraform == "same"
    (row,) = status(live(linked(annotations=[], type="AzureBlobFS")), [], terraform=terraform).rows
    assert row.places == ("$.type: terraform 'AzureBlobStorage', published 'AzureBlobFS'",)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "none"),
        ([run("Succeeded", 12, debug=True)], "none (1 debug)"),
        ([run("Succeeded", 9)], "none (1 before it was published)"),
        ([run("Succeeded", 9), run("Succeeded", 12, debug=True)], "none (1 before it was published, 1 debug)"),
        ([run("Failed", 12), run("Succeeded", 11), run("Succeeded", 13, debug=True)], "Failed 2026-01-12 00:00"),
        ([run("InProgress", 12)], "none"),
        ([run("Succeeded", 12, pipeline="other")], "none"),
        ([run("Succeeded", 12, pipeline="MAIN")], "Succeeded 2026-01-12 00:00"),
    ],
)
def test_only_runs_of_what_is_published_now_are_evidence(runs: list[PipelineRun], words: str) -> None:
    assert evidence(live(factory(wait())), "main", runs).words == words


def test_a_pipeline_that_is_not_published_has_no_evidence() -> None:
    assert evidence(live({}), "main", [run("Succeeded", 12)]).run is None


def test_the_document_names_the_repository_and_its_commit() -> None:
    repository = {"type": "FactoryGitHubConfiguration", "repositoryName": "r", "lastCommitId": "abc", "other": "x"}
    found = status_document(status(live(factory(wait()), repoConfiguration=repository), [run("Succeeded", 12)]))
    assert found["repository"] == {"type": "FactoryGitHubConfiguration", "repositoryName": "r", "lastCommitId": "abc"}
    assert found["resources"][0]["evidence"]["run"] == "run-12"
    assert not found["differs"]
