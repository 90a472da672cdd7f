"""Retries and adoption in an apply, with the real Terraform and a hook that fails as Azure does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.terraform.conftest import CHILD, CONFIGURATION, Seen
from toolkit.environment import Connection, Environment, Operator, Vantage, load_environment
from toolkit.errors import RefusedError, ToolkitError
from toolkit.project import Project
from toolkit.terraform import applying
from toolkit.terraform.applying import apply_plan
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.lock import lock_environment
from toolkit.terraform.outputs import state_outputs
from toolkit.terraform.planning import import_blocks, load_plan, make_plan
from toolkit.terraform.recovery.existing_resource import already_existing
from toolkit.terraform.session import Session
from toolkit.terraform.state import Backend
from toolkit.toolchain.provider import Provider
from toolkit.toolchain.terraform import ensure_terraform
from toolkit.waiting import steadily


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    folder = tmp_path / "project" / "envs" / "local"
    folder.mkdir(parents=True)
    source = Path(__file__).parents[3] / "envs" / "local" / "env.toml"
    (folder / "env.toml").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "project" / "terraform").mkdir()
    return load_environment("local", Project(tmp_path / "project"))


@pytest.fixture
def run(environment: Environment, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session on a configuration without a provider, initialised, with waits of no length."""
    monkeypatch.setattr(applying, "_BACK_OFF", steadily(0.0))
    connection = Connection(environment, {"internet": Vantage("internet", {})}, Operator("id", "Group"))
    backend = Backend("rg", "st", "tfstate", "platform.tfstate", "t", "s")
    with lock_environment(environment, "test", seen) as lock:
        one = Session(connection, seen, lock, ensure_terraform(), Provider("1.15.0", None, False, "none"), backend)
        folder = one.folder("platform").path
        (folder / "child").mkdir(parents=True)
        (folder / "child" / "main.tf").write_text(CHILD, encoding="utf-8")
        (folder / "main.tf").write_text(CONFIGURATION, encoding="utf-8")
        assert one.runner("platform").run("init", input=False).returncode == 0
        yield one


def set_hook(run: Session, command: str) -> None:
    content = json.dumps({"hook": command})
    (run.folder("platform").path / "hook.auto.tfvars.json").write_text(content, encoding="utf-8")


def test_an_error_that_goes_away_is_planned_again_and_continued(run: Session, seen: Seen, tmp_path: Path) -> None:
    done = tmp_path / "done"
    set_hook(run, f"[ -e {done} ] || {{ touch {done}; echo AnotherOperationInProgress; exit 1; }}")
    assert apply_plan(run, make_plan(run)) == {"value": "one"}
    [note] = seen.notes
    assert note.startswith("another operation on the same or a related resource is in progress")
    assert "terraform_data.slow" in note
    assert make_plan(run).summary.empty


def test_a_condition_that_is_not_fulfilled_yet_is_waited_for_in_the_apply_and_in_the_plan_of_its_rest(
    run: Session, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first known after apply only, the second time at plan: what it waits for has come at the third."""
    arrived = tmp_path / "arrived"
    (run.folder("platform").path / "endpoint.tf").write_text(
        'resource "terraform_data" "endpoint" {\n  input = terraform_data.a.id\n  lifecycle {\n    precondition {\n'
        f'      condition     = terraform_data.a.id != "" && fileexists("{arrived}")\n'
        '      error_message = "x has no live connection from the managed private endpoint y: apply again."\n'
        "    }\n  }\n}\n"
    )
    note = seen.note

    def arriving(text: str) -> None:
        note(text)
        if len(seen.notes) == 2:
            arrived.touch()

    monkeypatch.setattr(seen, "note", arriving)
    plan = make_plan(run)
    assert apply_plan(run, plan) == {"value": "one"}
    assert len(seen.notes) == 2
    assert all("has not reached its target yet (EndpointNotConnected: endpoint.tf:" in text for text in seen.notes)


def test_an_error_that_stays_ends_when_its_budget_is_used_up(
    run: Session, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 200))
    # Its own name of the module: the clock of whoever else looks at one goes on.
    ours = SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=lambda _: None)
    monkeypatch.setattr("toolkit.terraform.applying.time", ours)
    set_hook(run, "echo PrincipalNotFound; exit 1")
    with pytest.raises(ToolkitError, match="PrincipalNotFound"):
        apply_plan(run, make_plan(run))
    assert len(seen.notes) == 2  # 300 s of budget, 200 s a try


def test_any_other_error_is_not_retried(run: Session, seen: Seen) -> None:
    set_hook(run, "echo StorageAccountAlreadyTaken; exit 1")
    with pytest.raises(ToolkitError, match="StorageAccountAlreadyTaken"):
        apply_plan(run, make_plan(run))
    assert seen.notes == []


def test_going_on_never_does_what_was_not_agreed_to(run: Session, tmp_path: Path) -> None:
    """While the first try runs, the configuration grows: what the second plan would add was never shown."""
    more = run.folder("platform").path / "more.tf"
    set_hook(run, f'echo \'resource "terraform_data" "new" {{}}\' > {more}; echo RetryableError; exit 1')
    with pytest.raises(RefusedError, match=r"would create terraform_data\.new") as caught:
        apply_plan(run, make_plan(run))
    assert caught.value.hint == "look at it first: toolkit plan local"


def test_a_replacement_that_made_the_new_one_first_is_ended(run: Session, seen: Seen, tmp_path: Path) -> None:
    """What stands on the new one fails before the old one is deleted: the rest deletes that, and nothing else."""
    text = """
    variable "hook" {}
    resource "terraform_data" "below" {
      triggers_replace = var.hook
      lifecycle { create_before_destroy = true }
    }
    resource "terraform_data" "above" {
      triggers_replace = terraform_data.below.id
      provisioner "local-exec" { command = var.hook }
    }
    """
    (run.folder("platform").path / "main.tf").write_text(text, encoding="utf-8")
    set_hook(run, "true")
    apply_plan(run, make_plan(run))
    done = tmp_path / "done"
    set_hook(run, f"[ -e {done} ] || {{ touch {done}; echo AnotherOperationInProgress; exit 1; }}")
    apply_plan(run, make_plan(run))
    assert len(seen.notes) == 1
    assert make_plan(run).summary.empty


def test_a_stale_plan_is_refused(run: Session) -> None:
    first, second = make_plan(run), make_plan(run)
    apply_plan(run, first)
    with pytest.raises(RefusedError, match="stale"):
        apply_plan(run, second)


def test_a_loaded_plan_that_only_deletes_is_no_destroy(run: Session) -> None:
    """A destroy is deliberate and may lose what holds state; what was merely taken out of the configuration may not."""
    apply_plan(run, make_plan(run))
    (run.folder("platform").path / "main.tf").write_text("", encoding="utf-8")
    loaded = load_plan(run, "platform", make_plan(run).file)
    assert {change.action for change in loaded.summary.changes} == {"delete"}
    assert not loaded.destroy


def test_plan_files_are_private_and_the_newest_are_kept(run: Session, environment: Environment) -> None:
    for _ in range(3):
        assert make_plan(run).file.stat().st_mode & 0o777 == 0o600
    assert len(list((environment.state_dir / "plans").iterdir())) == 3


def test_a_failed_plan_is_one_error_with_file_and_line(run: Session) -> None:
    (run.folder("platform").path / "broken.tf").write_text('output "x" {\n  value = var.nope\n}\n', encoding="utf-8")
    with pytest.raises(ToolkitError, match=r"broken\.tf:2: Reference to undeclared input variable"):
        make_plan(run)


def test_outputs_of_the_state_leave_the_sensitive_ones_out(run: Session) -> None:
    apply_plan(run, make_plan(run))
    assert state_outputs(run) == {"value": "one"}
    assert make_plan(run).known_outputs == {"value": "one"}


@pytest.mark.parametrize("article", ["A", "a"], ids=["azapi 1.15", "azapi 2.12"])
def test_what_exists_with_the_plans_own_id_is_taken_over(article: str) -> None:
    exists = f'{article} resource with the ID "/subscriptions/s/x" already exists - to be managed via Terraform'
    errors = [
        Diagnostic("error", "Resource already exists", exists, "module.a.azapi_resource.one"),
        Diagnostic("error", "Resource already exists", exists, None),
        Diagnostic("error", "Something else", "", "module.a.azapi_resource.other"),
    ]
    assert already_existing(errors) == {"module.a.azapi_resource.one": "/subscriptions/s/x"}


def test_an_assignment_under_another_name_is_found_by_the_id_that_azure_says() -> None:
    """As azapi words it: the name that the plan gives, and Azure's answer with the other one's id without dashes."""
    assignments = "/subscriptions/s/x/providers/Microsoft.Authorization/roleAssignments"
    detail = (
        f'creating/updating Resource: (ResourceId "{assignments}/11111111-2222-3333-4444-555555555555" / Api Version '
        f'"2022-04-01"): PUT https://management.azure.com{assignments}\n----\nRESPONSE 409: 409 Conflict\n'
        'ERROR CODE: RoleAssignmentExists\n----\n{"error": {"code": "RoleAssignmentExists", "message": "The role '
        "assignment already exists. The ID of the existing role assignment is "
        'aaaaaaaabbbbccccddddeeeeeeeeeeee."}}'
    )
    error = Diagnostic("error", "Failed to create/update resource", detail, "azapi_resource.role")
    assert already_existing([error]) == {"azapi_resource.role": f"{assignments}/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"}


def test_the_import_block_has_the_api_version_of_the_plan() -> None:
    after = {"type": "Microsoft.Network/privateDnsZones@2024-06-01"}
    document = {"resource_changes": [{"address": 'm.zone["a.b"]', "change": {"after": after}}]}
    assert import_blocks({'m.zone["a.b"]': "/subscriptions/s/x"}, document) == (
        'import {\n  to = m.zone["a.b"]\n  id = "/subscriptions/s/x?api-version=2024-06-01"\n}\n'
    )
