"""What is applied when something must not be created yet: all that does not need it, with the real Terraform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.terraform.conftest import Seen
from tests.unit.terraform.test_applying import environment, run  # noqa: F401
from toolkit.errors import ExitCode, ToolkitError
from toolkit.terraform import applying
from toolkit.terraform.applying import apply_plan
from toolkit.terraform.planning import make_plan
from toolkit.terraform.recovery import PASTS, Past
from toolkit.terraform.session import Session
from toolkit.terraform.targets import configured, dependents

CONFIGURATION = """
resource "terraform_data" "container" {
  for_each = toset(["held", "made"])
  input    = each.key
}

locals { containers = { for name, one in terraform_data.container : name => one.id } }

resource "terraform_data" "role" { input = local.containers["made"] }

module "behind" {
  source     = "./child"
  depends_on = [terraform_data.role]
}

module "beside" { source = "./child" }

resource "terraform_data" "free" {}

output "free" { value = terraform_data.free.id }
"""
HELD = 'terraform_data.container["held"]'


class Hold(Past):
    def to_hold(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        created = [item for item in document["resource_changes"] if item["change"]["actions"] == ["create"]]
        return {item["address"]: "restore it" for item in created if item["address"] == HELD}


@pytest.fixture
def holding(run: Session, monkeypatch: pytest.MonkeyPatch) -> Session:  # noqa: F811
    (run.folder("platform").path / "main.tf").write_text(CONFIGURATION, encoding="utf-8")
    assert run.runner("platform").run("init", input=False).returncode == 0
    monkeypatch.setattr(applying, "PASTS", (*PASTS, Hold()))
    # No Azure is asked for what the other pasts look for: this plan has nothing of it.
    return run


def planned(session: Session) -> list[str]:
    return [change.address for change in make_plan(session).summary.changes]


def test_all_is_applied_that_does_not_need_what_is_held(
    holding: Session, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ToolkitError, match=r"1 resource is left out:\n  restore it") as caught:
        apply_plan(holding, make_plan(holding))
    assert caught.value.exit_code == ExitCode.FAILED
    assert caught.value.hint is not None
    assert "toolkit apply local" in caught.value.hint
    left = ["module.behind.terraform_data.b", HELD, "terraform_data.role"]
    assert sorted(planned(holding)) == sorted(left)
    assert not [note for note in seen.notes if "argeting" in note]

    with pytest.raises(ToolkitError, match="restore it"):  # nothing else is left
        apply_plan(holding, make_plan(holding))
    monkeypatch.setattr(applying, "PASTS", PASTS)
    apply_plan(holding, make_plan(holding))
    assert planned(holding) == []


def test_dependents_in_a_graph() -> None:
    graph = """digraph {
        "[root] a.x (expand)" -> "[root] provider[\\"registry.terraform.io/azure/azapi\\"]"
        "[root] local.ids (expand)" -> "[root] module.m.output.ids (expand)"
        "[root] module.m.output.ids (expand)" -> "[root] a.x (expand)"
        "[root] b.y (expand)" -> "[root] local.ids (expand)"
        "[root] c.z (expand)" -> "[root] d.w (expand)"
    }"""
    assert dependents(graph, {"a.x"}) == {"module.m.output.ids", "local.ids", "b.y"}
    assert dependents(graph, {"c.z"}) == set()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ('module.a["x.y"].azapi_resource.this["a]b"]', "module.a.azapi_resource.this"),
        ("module.a[0].azapi_resource.this[12]", "module.a.azapi_resource.this"),
        (r'a.b["quoted \" here"]', "a.b"),
        ("a.b", "a.b"),
    ],
)
def test_addresses_without_keys(address: str, expected: str) -> None:
    assert configured(address) == expected
