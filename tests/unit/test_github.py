"""Repositories and their subjects: what env.toml may say, what GitHub says, and the two side by side."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from toolkit import github
from toolkit.errors import UsageError

PLAIN, WITH_IDS = github.parse_repository("octo/ml"), github.parse_repository("octo@55/ml@821")


def test_both_forms_of_a_repository() -> None:
    assert (PLAIN.full_name, PLAIN.prefix) == ("octo/ml", "repo:octo/ml")
    assert (WITH_IDS.full_name, WITH_IDS.prefix) == ("octo/ml", "repo:octo@55/ml@821")


@pytest.mark.parametrize(
    "text", ["ml", "octo/ml/x", "octo@55/ml", "octo/ml@821", "octo@x/ml@821", "https://github.com/octo/ml", "@1/ml@2"]
)
def test_what_is_no_repository(text: str) -> None:
    with pytest.raises(ValueError):
        github.parse_repository(text)


@pytest.mark.parametrize(
    ("repository", "template", "context", "subject"),
    [
        (PLAIN, None, github.environment_context("prod"), "repo:octo/ml:environment:prod"),
        (WITH_IDS, None, github.environment_context("prod"), "repo:octo@55/ml@821:environment:prod"),
        (WITH_IDS, None, github.PULL_REQUEST, "repo:octo@55/ml@821:pull_request"),
        (PLAIN, None, github.branch_context("release/1"), "repo:octo/ml:ref:refs/heads/release/1"),
        (PLAIN, "repository_id:821:{context}", github.PULL_REQUEST, "repository_id:821:pull_request"),
        (PLAIN, None, github.environment_context("prod:eu"), "repo:octo/ml:environment:prod%3Aeu"),
    ],
)
def test_subjects(repository: github.Repository, template: str | None, context: str, subject: str) -> None:
    assert github.subject(repository, template, context) == subject


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, answers: dict[str, Any]) -> None:
    """A ``gh`` on PATH that answers ``gh api PATH`` from a table, and 1 for anything else."""
    (folder / "answers.json").write_text(json.dumps(answers))
    program = folder / "gh"
    program.write_text(
        "#!/usr/bin/env python3\nimport json, sys\n"
        f"answers = json.load(open({str(folder / 'answers.json')!r}))\n"
        "path = sys.argv[2]\nassert sys.argv[1] == 'api'\n"
        "sys.exit(1) if path not in answers else print(json.dumps(answers[path]))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


REPO, ORGANISATION = (f"{path}/actions/oidc/customization/sub" for path in ("repos/octo/ml", "orgs/octo"))
NEW = {"use_default": True, "use_immutable_subject": False, "sub_claim_prefix": "repo:octo@55/ml@821"}


@pytest.mark.parametrize(
    ("answers", "template", "setting"),
    [
        ({REPO: {"use_default": True}}, "repo:octo/ml:{context}", 'github_repository = "octo/ml"'),
        ({REPO: NEW}, "repo:octo@55/ml@821:{context}", 'github_repository = "octo@55/ml@821"'),
        (
            {REPO: {**NEW, "use_default": False, "include_claim_keys": ["repo", "context", "job_workflow_ref"]}},
            "repo:octo@55/ml@821:{context}:job_workflow_ref:{job_workflow_ref}",
            'github_subject = "repo:octo@55/ml@821:{context}:job_workflow_ref:{job_workflow_ref}"',
        ),
        (
            {REPO: {"use_default": False}, ORGANISATION: {"include_claim_keys": ["repository_id", "context"]}},
            "repository_id:{repository_id}:{context}",
            'github_subject = "repository_id:{repository_id}:{context}"',
        ),
        ({REPO: {"use_default": False}}, "repo:octo/ml:{context}", 'github_repository = "octo/ml"'),
    ],
)
def test_what_github_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any], template: str, setting: str
) -> None:
    stand_in(monkeypatch, tmp_path, answers)
    form = github.read_form(PLAIN)
    assert form is not None
    assert (form.template, form.setting) == (template, setting)


def test_a_new_repository_named_the_old_way_is_refused_with_the_line_to_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, tmp_path, {REPO: NEW})
    said: list[str] = []
    with pytest.raises(
        UsageError, match=r"envs/dev/env.toml: jobs of octo/ml have subjects like repo:octo@55/ml@821"
    ) as caught:
        github.check_form(PLAIN, None, "envs/dev/env.toml", said.append)
    assert 'write github_repository = "octo@55/ml@821"' in (caught.value.hint or "")
    github.check_form(WITH_IDS, None, "envs/dev/env.toml", said.append)
    assert said == []


def test_a_customised_subject_fits_with_any_other_claims(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = ["repository_id", "context"]
    stand_in(monkeypatch, tmp_path, {REPO: {"use_default": False, "include_claim_keys": keys}})
    github.check_form(PLAIN, "repository_id:821:{context}", "env.toml", lambda line: None)
    with pytest.raises(UsageError):
        github.check_form(PLAIN, "repo:octo/ml:{context}", "env.toml", lambda line: None)


@pytest.mark.parametrize("installed", [True, False])
def test_where_github_cannot_be_asked_the_command_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool
) -> None:
    if installed:
        stand_in(monkeypatch, tmp_path, {})  # nobody is signed in
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    github.check_form(PLAIN, None, "envs/dev/env.toml", said.append)
    assert len(said) == 1
    assert "gh api repos/octo/ml/actions/oidc/customization/sub" in said[0]


def test_the_token_beside_what_is_trusted() -> None:
    message = (
        "AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:a@1/b@2:x'."
    )
    assert github.side_by_side(message, ["repo:a/b:x (ci)"], "the identities trust") == (
        "  the token's subject:  repo:a@1/b@2:x\n  the identities trust: repo:a/b:x (ci)"
    )
    assert github.side_by_side("AADSTS7000215: Invalid client secret provided.", [], "trusted") is None
