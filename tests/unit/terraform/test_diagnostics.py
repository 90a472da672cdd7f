"""Which errors are retried, which are explained, and what a person reads."""

from __future__ import annotations

import pytest

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
        ("LinkedAuthorizationFailed", "AuthorizationFailed"),
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
    error = failure(result(azapi("StorageAccountAlreadyTaken", 'The name \\"x\\" is taken.')), "dev")
    assert error.message == (
        "terraform apply failed\nmodule.x.azapi_resource.y: Failed to create/update resource\n"
        '  StorageAccountAlreadyTaken: The name "x" is taken.'
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


def test_every_hint_can_be_filled_in() -> None:
    for known in (*STATE, *KNOWN):
        assert known.hint.format(env="dev", lock_id="ID")
        assert known.message.format(env="dev", lock_id="ID")
    assert len({row.name for row in RETRYABLE}) == len(RETRYABLE)
