"""Which errors are retried, which are explained, and what a person reads."""

from __future__ import annotations

import re
from dataclasses import replace

import click
import pytest

from toolkit.azure.codes import CODES, ErrorCode, find
from toolkit.cli.main import cli
from toolkit.terraform import diagnostics
from toolkit.terraform.diagnostics import KNOWN, RETRYABLE, STATE, explain, failure, lock_id, retryable
from toolkit.terraform.events import Diagnostic, Events, Result


def azapi(code: str, message: str, status: int = 409, address: str | None = "module.x.azapi_resource.y") -> Diagnostic:
    """An error as azapi writes it: the whole answer in the detail."""
    return Diagnostic(
        "error",
        "Failed to create/update resource",
        'creating/updating Resource: (ResourceId "/subscriptions/s/x" / Api Version "2024-01-01"): PUT '
        "https://management.azure.com/subscriptions/s/x\n"
        + "-" * 80
        + f"\nRESPONSE {status}: {status} Conflict\nERROR CODE: {code}\n"
        + "-" * 80
        + f'\n{{\n  "error": {{\n    "code": "{code}",\n    "message": "{message}"\n  }}\n}}\n'
        + "-" * 80,
        address,
    )


def result(*found: Diagnostic, returncode: int = 1, stderr: str = "") -> Result:
    return Result("apply", returncode, Events(diagnostics=list(found)), "", stderr, 0)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("PrincipalNotFound", "PrincipalNotFound"),
        ("AuthorizationFailed", "AuthorizationFailed"),
        ("LinkedAuthorizationFailed", "LinkedAuthorizationFailed"),
        ("AnotherOperationInProgress", "AnotherOperationInProgress"),
        ("RetryableError", "RetryableError"),
    ],
)
def test_what_goes_away_by_itself_is_retried(code: str, name: str) -> None:
    row = retryable([azapi(code, "later")])
    assert row is not None
    assert row.name == name
    assert row.budget_seconds > 0


def test_one_error_that_stays_stops_the_retries() -> None:
    assert retryable([azapi("AnotherOperationInProgress", "later"), azapi("StorageAccountAlreadyTaken", "no")]) is None


def test_the_longest_budget_counts() -> None:
    row = retryable([azapi("PrincipalNotFound", "a"), azapi("AnotherOperationInProgress", "b")])
    assert row is not None
    assert row.name == "AnotherOperationInProgress"


def test_an_error_without_a_resource_is_never_retried() -> None:
    assert retryable([azapi("AuthorizationFailed", "no", address=None)]) is None
    assert retryable([]) is None


def test_an_error_of_arm_is_shown_as_its_code_and_message() -> None:
    error = failure(result(azapi("SomethingNew", 'The name \\"x\\" is taken – für immer.')), "dev")
    assert error.message == (
        "terraform apply failed\nmodule.x.azapi_resource.y: Failed to create/update resource\n"
        '  SomethingNew: The name "x" is taken – für immer.'
    )


def test_what_exists_already_is_explained_not_retried() -> None:
    exists = Diagnostic(
        "error", "Resource already exists", "A resource with the ID already exists - to be managed via Terraform", "a.b"
    )
    assert retryable([exists]) is None
    error = failure(result(exists), "dev")
    assert "terraform import" in (error.hint or "")
    assert ".toolkit/dev/work/platform" in (error.hint or "")


LOCKED = Diagnostic(
    "error",
    "Error acquiring the state lock",
    "Error message: state blob is already locked\nLock Info:\n  ID:        1b0f7a4e-0000\n  Path:      "
    "tfstate/platform.tfstate\n"
    "  Operation: OperationTypeApply\n  Who:       root@host\n  Version:   1.11.4\n"
    "  Created:   2026-11-22 01:49:00.159872123 +0000 UTC\n  Info:      \n",
)


def test_a_locked_state_names_the_id_and_the_command_that_frees_it() -> None:
    assert lock_id([LOCKED]) == "1b0f7a4e-0000"
    error = failure(result(LOCKED), "dev")
    assert "the state of dev is locked" in error.message
    assert "root@host" in error.message
    assert "toolkit apply dev --force-unlock 1b0f7a4e-0000" in (error.hint or "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AuthorizationFailure", "firewall of the state account"),
        ("AuthorizationPermissionMismatch", "no data role on the state"),
        ("KeyBasedAuthenticationNotPermitted", "refuses shared keys"),
        ("ContainerNotFound", "is not there"),
    ],
)
def test_a_refusal_of_the_state_account_is_told_apart(code: str, words: str) -> None:
    refused = Diagnostic(
        "error",
        "Failed to get existing workspaces",
        f"listing blobs: executing request: unexpected status 403 (403 This request is not authorized) with "
        f"{code}: This request",
    )
    error = failure(result(refused), "dev")
    assert words in error.message
    assert error.hint
    assert diagnostics.state_missing([refused]) is (code == "ContainerNotFound")


def test_an_identity_that_may_not_lock_is_told_of_no_lock() -> None:
    detail = "Error message: 403 This request is not authorized … AuthorizationPermissionMismatch"
    error = failure(result(Diagnostic("error", "Error acquiring the state lock", detail)), "prod")
    assert "may not lock the state of prod" in error.message
    assert "toolkit plan prod --no-lock" in (error.hint or "")


def test_a_role_that_may_not_be_delegated_is_explained() -> None:
    words = "The client has an authorization with ABAC condition that is not fulfilled to perform action 'x/write'"
    error = failure(result(azapi("AuthorizationFailed", words, 403)), "prod")
    assert "this identity may assign some roles, and not this one" in error.message
    assert "delegation.tf" in (error.hint or "")


def test_the_same_code_from_a_resource_is_not_taken_for_the_state() -> None:
    assert not diagnostics.state_missing([azapi("ResourceNotFound", "x", 404)])
    assert explain(azapi("AuthorizationFailure", "x", 403)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SubscriptionNotFound", "subscription does not exist"),
        ("AADSTS7000215: Invalid client secret provided", "refuses the credentials"),
        ("write /x: no space left on device", "disk is full"),
        ("proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused", "nothing answers at the proxy"),
        ("Plugin did not respond", "provider crashed"),
        ("ScopeLocked", "management lock"),
        ("Soft-deleted workspace exists", "soft-deleted machine learning workspace"),
    ],
)
def test_known_errors_have_a_cause_and_a_way_out(text: str, words: str) -> None:
    error = failure(result(Diagnostic("error", text)), "dev")
    assert words in error.message
    assert error.hint


def test_secrets_in_a_message_are_blanked() -> None:
    leaky = Diagnostic("error", "failed", "GET https://x?sv=1&sig=abc%2Fdef&client_secret=hunter2 with Bearer eyJ0.x.y")
    shown = failure(result(leaky), "dev").message
    for secret in ("abc%2Fdef", "hunter2", "eyJ0"):
        assert secret not in shown


def test_a_failure_without_any_diagnostic_shows_the_last_words() -> None:
    error = failure(result(stderr="panic: runtime error\nno space left on device\n"), "dev")
    assert "panic: runtime error" in error.message
    assert "free some space" in (error.hint or "")


def test_many_errors_are_cut_and_repeats_dropped() -> None:
    many = [azapi("X", f"number {n}") for n in range(9)]
    message = failure(result(*many, *many), "dev").message
    assert message.startswith("terraform apply: 9 errors")
    assert "and 3 more errors" in message


VALUES = {"env": "dev", "lock_id": "LOCK", "id": "/subscriptions/s/x", "name": "x", "existing": "/subscriptions/s/y"}
# Groups of the Azure CLI's core: https://learn.microsoft.com/cli/azure/reference-index ("Core"); ml is an extension.
AZ_GROUPS = {"account", "keyvault", "lock", "login", "provider", "rest", "role", "vm"}

CONTEXT = click.Context(cli)


def test_every_hint_can_be_filled_in_and_names_commands_that_exist() -> None:
    assert len({row.name for row in RETRYABLE}) == len(RETRYABLE)
    hints = [known.hint for known in (*STATE, *KNOWN)] + [row.hint for row in CODES]
    for hint in hints:
        filled = hint.format(**VALUES)
        assert set(re.findall(r"\baz ([a-z]+)", filled)) <= AZ_GROUPS, filled
        for command, words in re.findall(r"\btoolkit ([a-z]+)([^,;:)`]*)", filled):
            assert command in cli.list_commands(CONTEXT), filled
            found = cli.get_command(CONTEXT, command)
            options = {name for option in found.params for name in option.opts} if found else set()
            assert set(re.findall(r"--[a-z-]+", words)) <= options, filled
    for known in (*STATE, *KNOWN):
        assert known.message.format(**VALUES)


WITH = {
    r"subnets/join/action": "subnets/join/action",
    r"\bquota\b": "exceeding quota limits",
    r"deleted state": "exists in deleted state",
    r"serviceAssociationLinks?|legionservicelink": "legionservicelink",
}


def enveloped(row: ErrorCode, message: str) -> list[Diagnostic]:
    """The three ways in which azcore, below azapi 1.15 and 2.x alike, writes ARM's answer."""
    at_once = azapi(row.code, message)
    operation = replace(at_once, detail=at_once.detail.replace("RESPONSE 409: 409 Conflict", "RESPONSE 200: 200 OK"))
    inner = (
        f'{{"code": "DeploymentFailed", "message": "m", "details": [{{"code": "{row.code}", "message": "{message}"}}]}}'
    )
    outer = replace(at_once, detail=f"RESPONSE 400: 400 Bad Request\nERROR CODE: DeploymentFailed\n{inner}")
    return [at_once, operation, outer]


@pytest.mark.parametrize("row", CODES, ids=[f"{row.code}-{row.when or 'any'}" for row in CODES])
def test_every_row_is_recognised_explained_and_retried_as_it_says(row: ErrorCode) -> None:
    for diagnostic in enveloped(row, WITH[row.when] if row.when else "No."):
        assert find(diagnostic.text) is row
        verdict = retryable([diagnostic])
        assert (verdict.budget_seconds if verdict else 0) == row.seconds
        known = explain(diagnostic)
        assert known is not None
        assert known.message
        assert failure(result(diagnostic), "dev").hint


def test_the_table_has_what_first_applies_meet_each_row_once() -> None:
    assert len({row.code for row in CODES}) >= 60
    assert len({(row.code, row.when) for row in CODES}) == len(CODES)


def test_one_cause_is_one_message() -> None:
    newer = [
        Diagnostic("error", "Resource instance managed by newer provider version", f"The current state of a.b[{n}] was "
                   "created by a newer provider version than is currently selected.", f"a.b[{n}]")
        for n in range(27)
    ]  # fmt: skip
    message = failure(result(*newer), "dev").message
    assert message.count("newer azapi") == 1
    assert "a.b[26]" not in message
    same = failure(result(*(azapi("Odd", "no", address=f"a.b[{n}]") for n in range(9))), "dev").message
    assert "a.b[0], a.b[1], a.b[2] and 6 more: " in same
    assert same.count("Odd: no") == 1


def test_an_assignment_under_another_name_is_named_with_its_command() -> None:
    guid = "0123456789abcdef0123456789abcdef"
    error = failure(result(azapi("RoleAssignmentExists", f"The ID of the existing role assignment is {guid}.")), "dev")
    assert "/01234567-89ab-cdef-0123-456789abcdef" in (error.hint or "")
