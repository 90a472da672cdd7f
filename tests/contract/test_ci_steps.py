"""The files of ci/ against the sandbox, step by step: each script as it stands, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, SandboxForTests, copy_project
from tests.contract.ci_systems import AzureJob, GitHubJob, load, machine, template
from tests.contract.leases import Place, a_place
from tests.contract.test_blob_keyvault_dns import LOCATION
from toolkit.environment import Environment, load_environment
from toolkit.firewall.kinds import target_of
from toolkit.firewall.leases import Leases
from toolkit.firewall.targets import state_target
from toolkit.project import Project
from toolkit.sandbox import client
from toolkit.sandbox.client import Sandbox
from toolkit.terraform.outputs import save_outputs
from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract

REPOSITORY, RUN = "example-org/ml-platform", "4711"
OF_GITHUB = {
    "GITHUB_RUN_ID": RUN,
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_REPOSITORY": REPOSITORY,
    "GITHUB_JOB": "train",
    "RUNNER_NAME": "GitHub Actions 1",
}
OF_AZURE = {
    "BUILD_BUILDID": "815",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/example-org/",
    "SYSTEM_TEAMPROJECT": "ml-platform",
    "SYSTEM_JOBID": "12f1170f-54f2-53f3-20dd-22fc7dff55f9",
    "AGENT_JOBNAME": "train",
}


class Estate:
    """A closed account, a closed vault and a closed account of states, and machines with a clone of the project."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.folder = place, folder
        self.sandbox: Sandbox = client.ensure_running(place.sandbox.connection.environment.project.root)
        suffix = uuid.uuid4().hex[:8]
        self.backend = {"resource_group_name": f"rg-state-{suffix}", "storage_account_name": f"sttf{suffix}"}
        group = f"/subscriptions/{place.sandbox.subscription_id}/resourceGroups/{self.backend['resource_group_name']}"
        place.platform.put(group, "2021-04-01", {"location": LOCATION})
        self.first = self.clone("first", known=True)
        acls = {"defaultAction": "Deny", "bypass": "None", "ipRules": []}
        body = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        self.state = state_target(self.first).id
        place.platform.put(self.state, "2023-05-01", {**body, "properties": {"networkAcls": acls}})

    def clone(self, name: str, *, known: bool) -> Environment:
        """A machine's checkout. ``known``: the outputs of the platform were read there."""
        root = copy_project(self.folder / name)
        (root / "ci").symlink_to(ROOT / "ci")
        (root / ".toolkit").mkdir()
        (root / ".toolkit" / "sandbox").symlink_to(self.sandbox.state_dir)
        more = {"container_name": "tfstate", "key": "platform.tfstate", "use_azuread_auth": "true"}
        lines = [f'{key} = "{value}"' for key, value in {**self.backend, **more}.items()]
        (root / "envs" / "local" / "backend.hcl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        environment = load_environment("local", Project(root))
        if known:
            platform = {
                "resource_group_id": self.place.platform.group,
                "storage_account_id": self.place.account,
                "key_vault_id": self.place.vault,
            }
            save_outputs(environment, platform)
        return environment

    @property
    def leases(self) -> Leases:
        leases = self.place.leases()
        targets = [*self.place.targets, target_of(self.state)]
        return Leases(leases.client, targets, leases.probe, leases.folder, print)

    @property
    def denied(self) -> list[bool]:
        leases = self.leases
        return [leases.probe.refusal(target) is not None for target in leases.targets]

    @property
    def rules(self) -> list[Any]:
        return [self.place.platform.send("GET", target.id, "2023-05-01" if "Storage" in target.id else "2023-07-01")[
            "properties"
        ]["networkAcls"] for target in self.leases.targets]  # fmt: skip


@pytest.fixture(scope="module")
def estate(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield Estate(place, tmp_path_factory.mktemp("machines"))


@pytest.fixture(autouse=True)
def as_before(estate: Estate) -> Iterator[None]:
    """After each job: no lease, the rules are those of before, and everything denies again from here."""
    before = estate.rules
    assert estate.denied == [True, True, True]
    yield
    assert estate.leases.journal.read() == []
    assert estate.rules == before
    assert estate.denied == [True, True, True]


def github(estate: Estate, environment: Environment, **more: str) -> GitHubJob:
    token = estate.sandbox.github_run(REPOSITORY, RUN, "in_progress")["GITHUB_TOKEN"]
    contexts = {"github": {"token": token}, "matrix": {"environment": "local"}, "vars": {}}
    return GitHubJob(environment.project.root, {**machine(), **OF_GITHUB, **more}, contexts)


def azure(estate: Estate, environment: Environment, **more: str) -> AzureJob:
    token = estate.sandbox.azure_pipelines_build("example-org/ml-platform", "815", "inProgress")["SYSTEM_ACCESSTOKEN"]
    variables = {"System.AccessToken": token}
    return AzureJob(environment.project.root, {**machine(), **OF_AZURE, **more}, variables)


def show(estate: Estate) -> str:
    """A step's script that fails unless this runner is let in: what the platform's account says to somebody unknown."""
    url = f"https://{estate.place.platform.account}.blob.core.windows.net/?comp=list"
    return "\n".join([
        'eval "$(toolkit sandbox env)"',
        f'code=$(curl -s -o "$TMPDIR/answer" -w "%{{http_code}}" -H "x-ms-version: 2023-11-03" "{url}")',
        '! grep -q AuthorizationFailure "$TMPDIR/answer" && test "$code" = 401',
    ])  # fmt: skip


def documented(number: int) -> Any:
    """A whole job of docs/firewall.md, for the sandbox's environment."""
    section = (ROOT / "docs" / "firewall.md").read_text(encoding="utf-8").partition("## In CI")[2].partition("\n## ")[0]
    blocks = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    document = yaml.safe_load(blocks[number].replace("environment: dev", "environment: local"))
    return document["jobs"]


def write_upload(estate: Estate) -> None:
    script = estate.first.project.root / "upload.sh"
    script.write_text(f"#!/usr/bin/env bash\nset -e\n{show(estate)}\n", encoding="utf-8")
    script.chmod(0o755)


class TestGitHub:
    def test_the_job_of_the_documentation(self, estate: Estate, tmp_path: Path) -> None:
        write_upload(estate)
        job = github(estate, estate.first, TMPDIR=str(tmp_path))
        outputs = job.run(documented(0)["publish"])
        assert [(ran.name, ran.code) for ran in job.ran] == [
            ("Open the lease", 0),
            ("Upload", 0),
            ("Close the lease", 0),
        ], job.ran
        assert f"lease {outputs['lease-id']} is closed" in job.ran[-1].output

    def test_a_lease_is_closed_when_a_step_between_was_killed(self, estate: Estate) -> None:
        job = github(estate, estate.first)
        targets = {"environment": "local", "targets": "storage vault"}
        outputs = job.run(
            {
                "steps": [
                    {"id": "lease", "uses": "./ci/github/firewall-lease", "with": targets},
                    {"name": "between", "run": "kill -9 $$"},
                    {"name": "after", "run": "echo reached"},
                    {"uses": "./ci/github/firewall-close", "if": "always()", "with": {"environment": "local"}},
                ],
                "outputs": {name: f"${{{{ steps.lease.outputs.{name} }}}}" for name in ("lease-id", "addresses")},
            }
        )
        assert [(ran.name, ran.code) for ran in job.ran] == [
            ("Open the lease", 0),
            ("between", -signal.SIGKILL),
            ("Close the lease", 0),
        ], job.ran
        assert len(outputs["lease-id"]) == 16
        assert outputs["addresses"] == "203.0.113.10"
        assert f"lease {outputs['lease-id']} is closed" in job.ran[-1].output

    def test_another_job_closes_by_id_without_knowing_the_platform(self, estate: Estate) -> None:
        opening = github(estate, estate.first)
        outputs = opening.uses("firewall-lease", environment="local")
        assert not opening.failed, opening.ran
        assert estate.denied == [False, True, False]
        other = estate.clone("other", known=False)
        closing = github(estate, other, GITHUB_JOB="clean-up", RUNNER_NAME="GitHub Actions 2")
        closing.uses("firewall-close", environment="local")  # nothing of this job's own
        assert estate.denied == [False, True, False]
        closing.uses("firewall-close", environment="local", **{"lease-id": outputs["lease-id"]})
        assert not closing.failed, closing.ran
        # The opening job's copy is closed by its own close, which finds nothing more to do.
        opening.uses("firewall-close", environment="local")
        assert not opening.failed, opening.ran

    def test_a_job_that_was_killed_while_it_opened_closes_what_it_had(self, estate: Estate) -> None:
        """No output says which lease that is."""
        job = github(estate, estate.first)

        def killed(process: subprocess.Popen[str]) -> None:
            assert wait_until(lambda: estate.leases.journal.read() != [], 60)
            os.killpg(process.pid, signal.SIGKILL)

        job.while_running = killed
        outputs = job.uses("firewall-lease", environment="local", state="false")
        assert (job.failed, outputs["lease-id"]) == (True, "")
        job.while_running = None
        job.uses("firewall-close", environment="local")
        assert job.ran[-1].code == 0, job.ran

    def test_a_sweep_closes_what_a_run_left(self, estate: Estate) -> None:
        left = github(estate, estate.first)
        outputs = left.uses("firewall-lease", environment="local")
        copies = estate.first.state_dir / "leases"
        for copy in copies.glob("*.json"):
            copy.unlink()  # the runner is gone, with all that it kept
        sweeper = github(estate, estate.clone("sweeper", known=True), GITHUB_RUN_ID="4712", GITHUB_JOB="sweep")
        token = estate.sandbox.github_run(REPOSITORY, RUN, "completed")["GITHUB_TOKEN"]
        sweeper.contexts["github"] = {"token": token}
        sweeper.run(load(ROOT / "ci" / "github" / "firewall-sweep.yml")["jobs"]["sweep"])
        assert not sweeper.failed, sweeper.ran
        assert f"lease {outputs['lease-id']} of GitHub run 4711.1" in sweeper.ran[-1].output
        assert "::warning title=toolkit::" in sweeper.ran[-1].output

    @pytest.mark.parametrize(
        "given",
        [
            "$(touch pwned)",
            *(
                pytest.param(x, marks=pytest.mark.slow)
                for x in ("local; touch pwned", "l`touch pwned`", '"; touch pwned;"')
            ),
        ],
    )
    def test_an_input_is_no_code(self, estate: Estate, given: str) -> None:
        job = github(estate, estate.first)
        for name in ("firewall-lease", "firewall-close"):
            job.uses(name, environment=given)
        job.uses("firewall-lease", environment="local", targets=given, state="false")
        assert [ran.code for ran in job.ran] == [3, 3, 3], job.ran
        assert not list(estate.folder.rglob("pwned"))


class TestAzurePipelines:
    def test_the_job_of_the_documentation(self, estate: Estate, tmp_path: Path) -> None:
        write_upload(estate)
        job = azure(estate, estate.first, TMPDIR=str(tmp_path))
        (publish,) = documented(1)
        steps: list[Any] = []
        for step in publish["steps"]:
            path = ROOT / step["template"] if "template" in step else None
            steps += template(path, **step["parameters"])["steps"] if path else [step]
        job.run(steps)
        assert [(ran.name, ran.code) for ran in job.ran] == [
            ("Open a firewall lease", 0),
            ("Upload", 0),
            ("Close the firewall lease", 0),
        ], job.ran
        lease = job.variables["firewallLease.lease_id"]
        assert job.variables["firewallLease.addresses"] == "203.0.113.10"
        assert f"lease {lease} is closed" in job.ran[-1].output

    @pytest.mark.slow
    def test_a_lease_is_closed_when_a_step_between_was_killed(self, estate: Estate) -> None:
        job = azure(estate, estate.first)
        between = {"bash": "kill -9 $$", "displayName": "between"}
        path = ROOT / "ci" / "azure-pipelines" / "firewall-lease.yml"
        job.run(template(path, environment="local", serviceConnection="c", steps=[between])["steps"])
        assert [(ran.name, ran.code) for ran in job.ran] == [
            ("Open a firewall lease", 0),
            ("between", -signal.SIGKILL),
            ("Close the firewall lease", 0),
        ], job.ran

    @pytest.mark.slow
    def test_a_sweep_closes_what_a_build_left(self, estate: Estate) -> None:
        left = azure(estate, estate.first)
        path = ROOT / "ci" / "azure-pipelines"
        left.run(template(path / "firewall-lease.yml", environment="local", serviceConnection="c")["steps"][:1])
        for copy in (estate.first.state_dir / "leases").glob("*.json"):
            copy.unlink()
        sweeper = azure(estate, estate.clone("azure-sweeper", known=True), BUILD_BUILDID="816", SYSTEM_JOBID="another")
        ended = estate.sandbox.azure_pipelines_build("example-org/ml-platform", "815", "completed")
        sweeper.variables["System.AccessToken"] = ended["SYSTEM_ACCESSTOKEN"]
        environments = [{"name": "local", "serviceConnection": "c"}]
        (job,) = template(path / "firewall-sweep.yml", environments=environments)["jobs"]
        sweeper.run(job["steps"])
        assert not sweeper.failed, sweeper.ran
        lease = left.variables["firewallLease.lease_id"]
        why = "Azure Pipelines build 815 of ml-platform has ended"
        assert (
            "warning",
            f"lease {lease} of {owner_of(left)} was left open, and is closed now: {why}",
        ) in sweeper.issues


def owner_of(job: AzureJob) -> str:
    return f"Azure Pipelines build {job.environ['BUILD_BUILDID']} of ml-platform, train {job.environ['SYSTEM_JOBID']}"
