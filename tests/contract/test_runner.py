"""The runner over the sandbox, with the real Terraform, azapi and azurerm backend: what goes wrong, what comes next.

The tests of one module share a project and run in the order in which they stand here: each begins where one ended.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import copy_project
from tests.unit.terraform.conftest import wait_for
from toolkit.sandbox import client

pytestmark = pytest.mark.contract

TOOLKIT = [sys.executable, "-m", "toolkit"]


@dataclass
class Project:
    """The command line in a project of its own."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / ".toolkit" / "local"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TOOLKIT_PROJECT": str(self.root)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TOOLKIT, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
        log = self.root / "stderr.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [*TOOLKIT, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                text=True,
            )
        return process, log

    def start_until(self, condition: Callable[[str], bool], *arguments: str) -> subprocess.Popen[str]:
        process, log = self.start(*arguments)
        wait_for(lambda: condition(log.read_text()) or process.poll() is not None, 120)
        assert process.poll() is None, log.read_text()
        return process

    def terraform_pid(self) -> int:
        return int(json.loads((self.state / "lock.json").read_text())["terraform"]["pid"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = copy_project(tmp_path_factory.mktemp("runner"))
    try:
        yield Project(root)
    finally:
        client.stop(root)


def created(text: str, at_least: int) -> bool:
    return text.count(" create ") >= at_least


class TestBootstrap:
    def test_killed_in_the_middle_of_its_apply_it_is_completed(self, project: Project) -> None:
        process = project.start_until(lambda text: created(text, 10), "bootstrap", "local")
        terraform = project.terraform_pid()
        process.kill()
        os.killpg(terraform, signal.SIGKILL)
        process.wait()
        assert "its state is in the account now" in project.ok("bootstrap", "local")

    def test_again_it_changes_nothing(self, project: Project) -> None:
        assert project.ok("bootstrap", "local").startswith("No changes: local is bootstrapped (")
        assert not list((project.state / "work" / "bootstrap").glob("terraform.tfstate*"))

    def test_killed_after_the_move_of_its_state_the_leftover_is_dropped(self, project: Project) -> None:
        """The window between the migration and the removal of the local file, put back by hand."""
        folder = project.state / "work" / "bootstrap"
        pulled = self._state(project)
        (folder / "terraform.tfstate").write_text(json.dumps(pulled))
        assert project.ok("bootstrap", "local").startswith("No changes: ")
        assert not (folder / "terraform.tfstate").exists()

    def test_a_state_of_somebody_elses_bootstrap_is_not_overwritten(self, project: Project) -> None:
        folder = project.state / "work" / "bootstrap"
        (folder / "terraform.tfstate").write_text(json.dumps({**self._state(project), "lineage": "another"}))
        done = project.run("bootstrap", "local")
        assert done.returncode == 1
        assert "two different states of the bootstrap" in done.stderr
        (folder / "terraform.tfstate").unlink()

    def test_backend_names_that_bootstrap_does_not_make_are_refused_before_anything_is_made(
        self, project: Project
    ) -> None:
        path = project.root / "envs" / "local" / "backend.hcl"
        right = path.read_text()
        path.write_text(right.replace('storage_account_name = "st', 'storage_account_name = "xx'))
        try:
            done = project.run("bootstrap", "local")
        finally:
            path.write_text(right)
        assert done.returncode == 3
        assert "does not name what terraform/bootstrap makes" in done.stderr

    @staticmethod
    def _state(project: Project) -> dict[str, object]:
        """The state as it is in the account."""
        from toolkit.environment import connect, load_environment
        from toolkit.project import Project as Checkout
        from toolkit.terraform.state import BOOTSTRAP_KEY, StateStore, read_backend

        environment = load_environment("local", Checkout(project.root))
        store = StateStore(connect(environment), read_backend(environment).with_key(BOOTSTRAP_KEY))
        state: dict[str, object] = json.loads(store.download())
        return state


class TestApply:
    def test_a_second_run_is_refused_and_an_interrupt_stops_the_first_in_order(self, project: Project) -> None:
        process = project.start_until(lambda text: created(text, 5), "apply", "local", "--no-smoke")
        second = project.run("plan", "local")
        assert second.returncode == 4
        assert f"local is in use by process {process.pid}" in second.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
        assert "the lock of the state is released" in (project.root / "stderr.log").read_text()

    def test_terraform_and_toolkit_killed_the_next_apply_frees_the_lock_and_adopts_what_was_made(
        self, project: Project
    ) -> None:
        process = project.start_until(lambda text: created(text, 5), "apply", "local", "--no-smoke")
        terraform = project.terraform_pid()
        process.kill()
        os.killpg(terraform, signal.SIGKILL)
        process.wait()
        done = project.run("apply", "local", "--no-smoke")
        assert done.returncode == 0, done.stderr
        assert "freeing its lock" in done.stderr
        assert project.ok("apply", "local", "--no-smoke").startswith("No changes: local matches its configuration (")
        assert not (project.state / "interrupted.json").exists()

    def test_outputs_are_kept_and_the_same_as_those_of_the_state(self, project: Project) -> None:
        kept = json.loads(project.ok("outputs", "local", "--json"))
        assert kept["environment"] == "local"
        assert json.loads(project.ok("outputs", "local", "--json", "--refresh")) == kept
        assert f"export PLATFORM_KEY_VAULT_NAME={kept['key_vault_name']}\n" in project.ok(
            "outputs", "local", "--format", "dotenv"
        )

    def test_plan_says_0_without_changes_and_2_with_some(self, project: Project) -> None:
        plan = project.run("plan", "local", "--json")
        assert (plan.returncode, json.loads(plan.stdout)["changes_present"]) == (0, False)
        with (project.root / "envs" / "common.tfvars").open("a") as file:
            file.write("# a comment\n")
        tags = project.root / "envs" / "local" / "terraform.tfvars"
        tags.write_text(tags.read_text().replace("daily_quota_gb = 1", "daily_quota_gb = 2"))
        plan = project.run(
            "plan", "local", "--json", "--out", str(project.root / "plan"), "--markdown", str(project.root / "p.md")
        )
        summary = json.loads(plan.stdout)
        assert (plan.returncode, summary["summary"]["update"]) == (2, 1)
        assert summary["changes"][0]["attributes"] == ["body.properties.workspaceCapping.dailyQuotaGb"]
        assert "**1 to update**" in (project.root / "p.md").read_text()

    def test_a_handed_over_plan_is_for_one_environment_and_applied_once(self, project: Project) -> None:
        bundle = str(project.root / "plan")
        other = project.run("apply", "dev@sandbox", "--plan", bundle)
        assert other.returncode == 4
        assert "was made for the environment local, not dev@sandbox" in other.stderr
        assert "1 to update" in project.ok("apply", "local", "--no-smoke", "--plan", bundle)
        stale = project.run("apply", "local", "--no-smoke", "--plan", bundle)
        assert stale.returncode == 4
        assert "the saved plan is stale" in stale.stderr
        with (project.root / "plan" / "plan.tfplan").open("ab") as file:
            file.write(b"x")
        changed = project.run("apply", "local", "--no-smoke", "--plan", bundle)
        assert changed.returncode == 4
        assert "checksum differs" in changed.stderr

    def test_a_lock_of_somebody_else_is_named_with_the_command_that_frees_it(self, project: Project) -> None:
        """A Terraform stopped by SIGKILL leaves its lease; the record that would prove it to be ours is taken away."""
        process = project.start_until(lambda text: "terraform plan" in text, "plan", "local")
        wait_for(lambda: self._refreshing(project), 60)
        terraform = project.terraform_pid()
        process.kill()
        os.killpg(terraform, signal.SIGKILL)
        process.wait()
        (project.state / "lock.json").unlink()
        refused = project.run("plan", "local")
        assert refused.returncode == 1
        assert "the state of local is locked" in refused.stderr
        lock = refused.stderr.split("--force-unlock ")[1].split()[0]
        assert project.run("plan", "local", "--force-unlock", lock).returncode == 0

    def test_a_lease_that_is_no_terraforms_is_broken_by_the_command_that_is_printed(self, project: Project) -> None:
        with self._state_blob(project) as blob:
            blob.acquire_lease()
            refused = project.run("plan", "local")
            assert refused.returncode == 1
            assert "somebody who is no Terraform holds a lease on the blob of the state of local" in refused.stderr
            assert "force-unlock" not in refused.stderr
            self._break_as_told(blob, refused.stderr)
        project.ok("plan", "local")

    def test_a_lease_over_a_record_that_terraform_left_is_found_out_when_its_lock_cannot_be_freed(
        self, project: Project
    ) -> None:
        """Terraform's lease was broken by hand, which leaves its record on the blob, and another taken."""
        lock = {"ID": "0b2c8d3e-0000-4000-8000-000000000000", "Who": "somebody@else", "Created": "2026-01-01T00:00:00Z"}
        record = base64.b64encode(json.dumps(lock).encode()).decode()
        with self._state_blob(project) as blob:
            blob.set_blob_metadata({"terraformlockid": record})
            blob.acquire_lease()
            refused = project.run("plan", "local")
            assert "the state of local is locked" in refused.stderr
            assert f"--force-unlock {lock['ID']}" in refused.stderr
            refused = project.run("plan", "local", "--force-unlock", lock["ID"])
            assert refused.returncode == 1
            self._break_as_told(blob, refused.stderr)
        project.ok("plan", "local")

    @staticmethod
    @contextmanager
    def _state_blob(project: Project) -> Iterator[Any]:
        from azure.storage.blob import BlobServiceClient

        from toolkit.azure.credentials import runner_credential
        from toolkit.environment import connect, load_environment
        from toolkit.project import Project as Checkout
        from toolkit.terraform.state import read_backend

        environment = load_environment("local", Checkout(project.root))
        connection, backend = connect(environment), read_backend(environment)
        options = connection.runner.client_options
        with BlobServiceClient(backend.account_url, runner_credential(connection), **options) as service:
            yield service.get_blob_client(backend.container_name, backend.key)

    @staticmethod
    def _break_as_told(blob: Any, stderr: str) -> None:
        """Do with the SDK what the printed command says: it has to name exactly this blob."""
        from azure.storage.blob import BlobLeaseClient

        command = " ".join(stderr.split()).split("az storage blob lease break ")[1].split()
        names = dict(zip(command[:8:2], command[1:8:2], strict=True))
        assert names == {
            "--account-name": blob.account_name,
            "--container-name": blob.container_name,
            "--blob-name": blob.blob_name,
            "--auth-mode": "login",
        }
        BlobLeaseClient(blob).break_lease()

    @staticmethod
    def _refreshing(project: Project) -> bool:
        """Whether the Terraform that runs now holds the lock of the state: only then does it refresh."""
        terraform = json.loads((project.state / "lock.json").read_text())["terraform"]
        return bool(terraform) and "refresh_start" in Path(terraform["log"]).read_text()


class TestDestroy:
    def test_it_announces_and_does_the_purges_and_apply_works_again(self, project: Project) -> None:
        done = project.run("destroy", "local", "--json")
        assert done.returncode == 0, done.stderr
        steps = json.loads(done.stdout)["steps"]
        assert [step.split(" ")[0] for step in steps] == ["purge", "purge"]
        assert not (project.state / "purge.json").exists()
        assert project.run("outputs", "local").returncode == 1
        assert "Nothing to destroy" in project.ok("destroy", "local")
        assert "Applied: local" in project.ok("apply", "local", "--no-smoke")

    def test_a_purge_that_is_owed_is_done_by_the_next_run_and_never_to_what_is_there_again(
        self, project: Project
    ) -> None:
        outputs = json.loads(project.ok("outputs", "local", "--json"))
        owed = {"kind": "workspace", "resource_id": outputs["machine_learning_workspace_id"], "location": "westeurope"}
        (project.state / "purge.json").write_text(json.dumps([owed]))
        done = project.run("apply", "local", "--no-smoke")
        assert "is there again: left alone" in done.stderr
        assert project.ok("apply", "local", "--no-smoke").startswith("No changes: ")


class TestState:
    def test_from_a_place_that_the_firewall_refuses_init_gives_the_reason_and_the_way_out(
        self, project: Project
    ) -> None:
        folder = project.root / "envs" / "far"
        folder.mkdir()
        for name in ("backend.hcl", "terraform.tfvars"):
            (folder / name).write_text((project.root / "envs" / "local" / name).read_text())
        text = (project.root / "envs" / "local" / "env.toml").read_text()
        old = next(line for line in text.splitlines() if line.startswith("vantages"))
        (folder / "env.toml").write_text(text.replace(old, 'vantages = ["adf-managed"]'))
        for command in ("bootstrap", "apply"):
            done = project.run(command, "far")
            assert done.returncode == 1
            assert "the firewall of the state account refuses this machine's address" in done.stderr
            assert "state_ip_rules" in done.stderr
        shutil.rmtree(folder)  # it would share local's state

    @pytest.mark.slow
    def test_after_a_reset_apply_begins_anew_and_survives_the_death_of_the_sandbox(self, project: Project) -> None:
        """Cut off, Terraform can neither save its state nor free the lock: both are made good by the next run.

        How long Terraform, azapi and the backend go on retrying is theirs to decide: 15 s or minutes were seen.
        """
        project.ok("sandbox", "reset", "--yes")
        text = "terraform plan (platform)"
        process = project.start_until(
            lambda log: text in log and created(log.rpartition(text)[2], 5), "apply", "local", "--no-smoke"
        )
        daemon = json.loads((project.root / ".toolkit" / "sandbox" / "sandbox.json").read_text())["pid"]
        os.kill(daemon, signal.SIGKILL)
        assert process.wait(900) == 1
        assert "nothing answers at the proxy" in (project.root / "stderr.log").read_text()
        done = project.run("apply", "local", "--no-smoke")
        assert done.returncode == 0, done.stderr
        assert "saved the state that the last apply could not save" in done.stderr
        assert project.ok("apply", "local", "--no-smoke").startswith("No changes: ")
