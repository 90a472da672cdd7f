"""Which rules decide about a resource: what is asked of Azure, and what follows from the answer."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.perimeters import obeyed

GROUP = "/subscriptions/s/resourceGroups/g/providers"
ACCOUNT = target_of(f"{GROUP}/Microsoft.Storage/storageAccounts/st")
REGISTRY = target_of(f"{GROUP}/Microsoft.ContainerRegistry/registries/acr")
NSP = f"{GROUP}/Microsoft.Network/networkSecurityPerimeters/nsp"


class Azure:
    """Answers of Azure Resource Manager: a status is a refusal."""

    def __init__(self, access: str | None, memberships: Any, resource: int = 200) -> None:
        self.access, self.memberships, self.status = access, memberships, resource
        self.asked: list[str] = []

    def get(self, url: str, query: dict[str, str]) -> Any:
        self.asked.append(url)
        _refuse(self.status)
        return {"properties": {"publicNetworkAccess": self.access}}

    def list(self, url: str, query: dict[str, str]) -> Any:
        self.asked.append(url)
        if isinstance(self.memberships, int):
            _refuse(self.memberships)
        return [{"properties": one} for one in self.memberships]


def _refuse(status: int) -> None:
    if status >= 400:
        error = HttpResponseError("refused")
        error.status_code = status
        raise error


def member(mode: str) -> dict[str, Any]:
    return {
        "networkSecurityPerimeter": {"id": NSP},
        "profile": {"name": "platform"},
        "resourceAssociation": {"name": "st", "accessMode": mode},
    }


def decided(azure: Azure, target: Target = ACCOUNT) -> tuple[Target, list[str]]:
    said: list[str] = []
    client: Any = azure
    return obeyed(client, target, said.append), said


@pytest.mark.parametrize(
    ("access", "mode", "through"),
    [
        ("Enabled", "Enforced", True),
        ("Disabled", "Enforced", True),
        (None, "Enforced", True),
        ("SecuredByPerimeter", "Learning", True),
        ("Enabled", "Learning", False),
        ("Enabled", "Audit", False),
    ],
)
def test_the_perimeter_decides_where_it_is_enforced(access: str | None, mode: str, through: bool) -> None:
    target, said = decided(Azure(access, [member(mode)]))
    assert (target.member == ACCOUNT) is through
    assert target.id == (f"{NSP}/profiles/platform" if through else ACCOUNT.id)
    assert said == (["the perimeter nsp of storage account st decides, and not its own rules"] if through else [])


def test_who_may_not_read_it_is_told() -> None:
    target, said = decided(Azure("Enabled", 403))
    assert target == ACCOUNT
    assert said == ["whether storage account st obeys a perimeter is not known: this identity may not read that"]


@pytest.mark.parametrize("azure", [Azure("Enabled", []), Azure("Enabled", 404), Azure("Enabled", [], resource=404)])
def test_without_a_perimeter_its_own_rules_decide(azure: Azure) -> None:
    assert decided(azure) == (ACCOUNT, [])


def test_what_cannot_be_a_member_is_not_asked() -> None:
    azure = Azure("Enabled", 500)
    assert decided(azure, REGISTRY) == (REGISTRY, [])
    assert azure.asked == []


def test_another_refusal_is_not_passed_over() -> None:
    with pytest.raises(HttpResponseError):
        decided(Azure("Enabled", 500))
