"""Network security perimeters in Azure Resource Manager: what is taken, what is refused, and what a member loses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm
from tests.unit.sandbox.arm.test_customer_keys import FACTORY, KEY, REGISTRY, STORAGE, ready, write
from tests.unit.sandbox.arm.test_platform import ACCOUNT, NETWORK, VAULT, VNET, make_account, make_network, make_vault

PERIMETER = f"{NETWORK}/networkSecurityPerimeters/nsp-test"
PROFILE = f"{PERIMETER}/profiles/platform"
RULE = f"{PROFILE}/accessRules/inbound"
PLAIN = {"location": "westeurope"}
SUBSCRIPTION_RULE = {"direction": "Inbound", "subscriptions": [{"id": SUB}]}


def association(name: str = "member") -> str:
    return f"{PERIMETER}/resourceAssociations/{name}"


def body(member: str, mode: str | None = None, profile: str = PROFILE) -> Any:
    properties: dict[str, Any] = {"privateLinkResource": {"id": member}, "profile": {"id": profile}}
    return {"properties": {**properties, **({"accessMode": mode} if mode else {})}}


def ranges(number: int) -> list[str]:
    return [f"203.0.{n}.0/24" for n in range(number)]


@pytest.fixture
def perimeter(arm: Arm) -> Arm:
    arm.ok("PUT", PERIMETER, PLAIN)
    arm.ok("PUT", PROFILE, {})
    return arm


def test_made_joined_and_taken_away(perimeter: Arm) -> None:
    make_account(perimeter)
    assert perimeter.ok("GET", PERIMETER)["properties"]["perimeterGuid"]
    assert perimeter.ok("PUT", association(), body(ACCOUNT))["properties"]["accessMode"] == "Learning"
    perimeter.ok("PUT", association(), body(ACCOUNT, "Enforced"))
    assert perimeter.refused("DELETE", PROFILE) == (409, "NspProfileHasAssociations")
    assert perimeter.refused("DELETE", PERIMETER) == (409, "NetworkSecurityPerimeterHasAssociations")
    perimeter.ok("DELETE", association())
    perimeter.ok("DELETE", PROFILE)
    perimeter.ok("DELETE", PERIMETER)


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"addressPrefixes": ["203.0.113.0/24"]}, "InvalidNspAccessRule"),
        ({"direction": "Inbound"}, "InvalidNspAccessRule"),
        ({"direction": "Inbound", "fullyQualifiedDomainNames": ["example.org"]}, "InvalidNspAccessRule"),
        ({"direction": "Outbound", "addressPrefixes": ["203.0.113.0/24"]}, "InvalidNspAccessRule"),
        ({**SUBSCRIPTION_RULE, "addressPrefixes": ["203.0.113.0/24"]}, "InvalidNspAccessRule"),
        ({"direction": "Inbound", "addressPrefixes": ["203.0.113.7/24"]}, "InvalidAddressPrefix"),
        (
            {"direction": "Inbound", "addressPrefixes": ranges(201)},
            "NspAccessRuleLimitExceeded",
        ),
    ],
)
def test_access_rules_that_are_refused(perimeter: Arm, properties: Any, code: str) -> None:
    assert perimeter.refused("PUT", RULE, {"properties": properties}) == (400, code)


@pytest.mark.parametrize("kind", ["serviceTags", "emailAddresses", "phoneNumbers"])
def test_what_is_not_modelled_says_so(perimeter: Arm, kind: str) -> None:
    sent = {"properties": {"direction": "Inbound", kind: ["x"]}}
    assert perimeter.refused("PUT", RULE, sent) == (501, "SandboxNotModelled")


def test_the_elements_of_all_rules_of_a_profile_count(perimeter: Arm) -> None:
    half = {"direction": "Inbound", "addressPrefixes": ranges(101)}
    perimeter.ok("PUT", RULE, {"properties": half})
    perimeter.ok("PUT", RULE, {"properties": half})  # its own are no others
    assert perimeter.refused("PUT", f"{RULE}-2", {"properties": half}) == (400, "NspAccessRuleLimitExceeded")


def test_who_may(perimeter: Arm) -> None:
    """A rule for a subscription wants a right on that subscription, an association one on what it associates."""
    make_account(perimeter)
    contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    who = "99999999-0000-4000-8000-000000000001"
    role = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/{contributor}"
    given = {"principalId": who, "roleDefinitionId": role, "principalType": "ServicePrincipal"}
    for number, scope in enumerate((PERIMETER, RG)):
        assignment = f"{number}1111111-2222-4333-8444-555555555555"
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment}"
        perimeter.ok("PUT", path, {"properties": given})
        sent = {"properties": SUBSCRIPTION_RULE}
        assert perimeter.refused("PUT", RULE, sent, principal=who) == (403, "LinkedAuthorizationFailed")
        if scope == PERIMETER:
            refused = perimeter.refused("PUT", association(), body(ACCOUNT), principal=who)
            assert refused == (403, "LinkedAuthorizationFailed")
    assert perimeter("PUT", association(), body(ACCOUNT), principal=who).status_code < 300
    perimeter.ok("PUT", RULE, {"properties": SUBSCRIPTION_RULE})


def test_associations_that_are_refused(perimeter: Arm) -> None:
    make_account(perimeter)
    make_network(perimeter)
    perimeter.ok("PUT", f"{PERIMETER}-2", PLAIN)
    perimeter.ok("PUT", f"{PERIMETER}-2/profiles/other", {})
    for sent, refused in (
        (body(VNET), (400, "PrivateLinkResourceNotOnboarded")),
        (body(ACCOUNT + "x"), (400, "InvalidResourceReference")),
        (body(ACCOUNT, profile=f"{PERIMETER}-2/profiles/other"), (400, "InvalidNspProfile")),
        (body(ACCOUNT, "Open"), (400, "InvalidAccessMode")),
        (body(ACCOUNT, "Audit"), (501, "SandboxNotModelled")),
    ):
        assert perimeter.refused("PUT", association(), sent) == refused
    perimeter.ok("PUT", association(), body(ACCOUNT))
    again = perimeter.refused("PUT", association("again"), body(ACCOUNT))
    assert again == (409, "PrivateLinkResourceAlreadyAssociated")
    make_vault(perimeter)
    assert perimeter.refused("PUT", association(), body(VAULT)) == (400, "NspAssociationImmutable")


# -- customer-managed keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["Learning", "Enforced"])
@pytest.mark.parametrize("member", [STORAGE, REGISTRY, FACTORY], ids=["storage", "registry", "factory"])
def test_trusted_services_reach_the_vault_of_a_perimeter_in_learning_mode_only(
    perimeter: Arm, member: str, mode: str
) -> None:
    ready(perimeter)
    perimeter.ok("PUT", association("vault"), body(VAULT, mode))
    assert (write(perimeter, member).status_code < 300) == (mode == "Learning")
    perimeter.ok("PUT", RULE, {"properties": SUBSCRIPTION_RULE})
    assert write(perimeter, member).status_code < 300


def test_members_of_one_perimeter_reach_each_other(perimeter: Arm) -> None:
    ready(perimeter)
    assert write(perimeter, STORAGE).status_code < 300
    perimeter.ok("PUT", association("vault"), body(VAULT, "Enforced"))
    assert write(perimeter, STORAGE).status_code == 403
    perimeter.ok("PUT", association(), body(STORAGE, "Enforced"))
    assert write(perimeter, STORAGE).status_code < 300


def test_arm_itself_makes_no_key_in_a_vault_that_is_closed(perimeter: Arm) -> None:
    ready(perimeter)
    perimeter.ok("PUT", association("vault"), body(VAULT, "Enforced"))
    key = {"properties": {"kty": "RSA", "keySize": 2048}}
    assert perimeter.refused("PUT", f"{KEY}-2", key) == (403, "ForbiddenByNsp")
    secret = {"properties": {"value": "x"}}
    assert perimeter.refused("PUT", f"{VAULT}/secrets/s", secret) == (403, "ForbiddenByNsp")
    perimeter.ok("PUT", association("vault"), body(VAULT, "Learning"))
    perimeter.ok("PUT", f"{KEY}-2", key)
