"""The commands that ``toolkit bootstrap`` prints for GitHub and Azure DevOps."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from toolkit.protection import Deployment, as_text, protection_steps

GOLDEN = Path(__file__).with_name("protection.golden.sh")
PROD = Deployment(
    name="prod",
    protected=True,
    tenant_id="aaaaaaaa-0000-4000-8000-000000000001",
    subscription_id="aaaaaaaa-0000-4000-8000-000000000002",
    ci_client_id="aaaaaaaa-0000-4000-8000-000000000003",
    plan_client_id="aaaaaaaa-0000-4000-8000-000000000004",
    github_repository="contoso/ml-platform",
)
DEV = Deployment("dev", False, PROD.tenant_id, PROD.subscription_id, PROD.ci_client_id, PROD.plan_client_id, None)


def test_the_whole_text() -> None:
    """``UPDATE_GOLDEN=1 pytest …`` writes the file anew: read the difference before you commit it."""
    text = as_text(protection_steps(PROD))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_without_a_repository_github_is_left_out() -> None:
    assert {step.platform for step in protection_steps(DEV)} == {"azure-devops"}


def test_only_a_protected_environment_asks_for_approval() -> None:
    assert "Approval" in as_text(protection_steps(PROD))
    assert "Approval" not in as_text(protection_steps(DEV))


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What gh and az would get: the whole text run by a real shell, with programs that only write their input down."""
    folder = tmp_path_factory.mktemp("shell")
    programs, log = folder / "bin", folder / "log"
    programs.mkdir()
    recorder = (
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        "arguments = sys.argv[1:]\n"
        "piped = '-' in arguments or '/dev/stdin' in arguments\n"
        "entry = {'program': os.path.basename(sys.argv[0]), 'arguments': arguments, "
        "'input': sys.stdin.read() if piped else ''}\n"
        f"open({str(log)!r}, 'a').write(json.dumps(entry) + '\\n')\n"
        "print(4711)\n"
    )
    for name in ("gh", "az"):
        (programs / name).write_text(recorder)
        (programs / name).chmod(0o755)
    done = subprocess.run(
        ["sh", "-eu"],
        input=as_text(protection_steps(PROD)),
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_the_shell_makes_valid_documents_of_it(calls: list[dict[str, object]]) -> None:
    documents = [json.loads(str(call["input"])) for call in calls if call["input"]]
    assert [document.get("name") for document in documents] == [None, None, "azure-prod", "azure-prod-plan"]
    environment, branch, connection, _ = documents
    assert environment["reviewers"] == [{"type": "User", "id": 4711}]
    assert environment["deployment_branch_policy"]["protected_branches"] is True
    assert branch["enforce_admins"] is True
    assert connection["authorization"]["parameters"]["serviceprincipalid"] == PROD.ci_client_id
    assert connection["serviceEndpointProjectReferences"][0]["projectReference"] == {"id": "4711", "name": "my-project"}


def test_az_rest_gets_valid_bodies(calls: list[dict[str, object]]) -> None:
    bodies = []
    for call in calls:
        arguments = call["arguments"]
        assert isinstance(arguments, list)
        if arguments[0] == "rest":
            bodies.append(json.loads(arguments[arguments.index("--body") + 1]))
    environment, check = bodies
    assert environment == {"name": "prod"}
    assert check["resource"] == {"type": "environment", "id": "4711"}
    assert check["settings"]["approvers"] == [{"id": "4711"}]


def test_ci_and_plans_are_different_identities(calls: list[dict[str, object]]) -> None:
    variables = {}
    for call in calls:
        arguments = call["arguments"]
        assert isinstance(arguments, list)
        if arguments[:2] == ["variable", "set"]:
            variables[arguments[2]] = arguments[-1]
    assert variables == {
        "AZURE_TENANT_ID": PROD.tenant_id,
        "AZURE_SUBSCRIPTION_ID": PROD.subscription_id,
        "AZURE_CLIENT_ID": PROD.ci_client_id,
        "AZURE_PLAN_CLIENT_ID_PROD": PROD.plan_client_id,
    }
