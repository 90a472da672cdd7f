"""Which errors are retried, which are explained, and what a person reads."""

from __future__ import annotations

import json
import re

import click
import pytest

from tests.conftest import ROOT
from toolkit.azure.codes import CODES, ErrorCode, filled, find
from toolkit.cli.main import cli
from toolkit.terraform import diagnostics
from toolkit.terraform.diagnostics import KNOWN, explain, failure, lock_id, retryable
from toolkit.terraform.events import Diagnostic, Events, Result

# What a session knows: the environment, and where its state is.
STATE = {"env": "dev", "account": "stdev", "container": "tfstate", "key": "platform.tfstate"}
ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.X/things/y"


def answer(status: str, code: str | None, body: str) -> str:
    """The text of azcore's ResponseError (sdk/azcore/internal/exported/response_error.go of azure-sdk-for-go: 1.10 in
    azapi 1.15.0, 1.22 in 2.12.0, which differ in how they escape the path); a body that is JSON stands indented.
    """
    line = "-" * 80
    return (
        f"PUT https://management.azure.com{ID}\n{line}\nRESPONSE {status[:3]}: {status}\n"
        + (f"ERROR CODE: {code}\n" if code else "ERROR CODE UNAVAILABLE\n")
        + f"{line}\n{body or 'Response contained no body'}\n{line}\n"
    )


def error_body(code: str, message: str, **more: object) -> str:
    """ARM's: https://github.com/Azure/azure-resource-manager-rpc/blob/master/v1.0/common-api-details.md#error-response-content"""
    escaped = f'{{"error": {{"code": "{code}", "message": "{message}"}}}}'
    return json.dumps({**json.loads(escaped), **more}, indent=2, ensure_ascii=False)


def of_resource(text: str, address: str | None = "module.x.azapi_resource.y") -> Diagnostic:
    """azapi's words around an answer: internal/services/azapi_resource.go and parse/resource.go, 1.15.0 and 2.12.0."""
    detail = f'creating/updating Resource: (ResourceId "{ID}" / Api Version "2024-01-01"): {text}'
    return Diagnostic("error", "Failed to create/update resource", detail, address)


def of_action(text: str) -> Diagnostic:
    """Its words in azapi_resource_action_resource.go, where the id is quoted once more."""
    detail = f'performing action x of "Resource: (ResourceId \\"{ID}\\" / Api Version \\"2024-01-01\\")": {text}'
    return Diagnostic("error", "Failed to perform action", detail, "module.x.azapi_resource_action.y")


def azapi(code: str, message: str, status: int = 409, address: str | None = "module.x.azapi_resource.y") -> Diagnostic:
    return of_resource(answer(f"{status} Conflict", code, error_body(code, message)), address)


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
    assert row.code == name
    assert row.seconds > 0


def test_one_error_that_stays_stops_the_retries() -> None:
    assert retryable([azapi("AnotherOperationInProgress", "later"), azapi("StorageAccountAlreadyTaken", "no")]) is None


def test_a_deletion_is_retried_by_the_id_of_its_resource() -> None:
    """Terraform gives the errors of a destroy no address."""
    deletion = azapi("AnotherOperationInProgress", "later", address=None)
    assert retryable([deletion]) is not None
    assert f"{ID}: another operation" in failure(result(deletion), STATE).message


def test_a_deletion_is_no_problem_of_the_state() -> None:
    zone = "/subscriptions/s/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    deletion = Diagnostic("error", "Failed to delete resource", f'deleting Resource: (ResourceId "{zone}"): no')
    assert not diagnostics.is_state_problem(deletion)


def test_the_longest_budget_counts() -> None:
    row = retryable([azapi("PrincipalNotFound", "a"), azapi("AnotherOperationInProgress", "b")])
    assert row is not None
    assert row.code == "AnotherOperationInProgress"


def test_an_error_without_a_resource_is_never_retried() -> None:
    assert retryable([Diagnostic("error", "Failed to get a token", "ERROR CODE: AuthorizationFailed")]) is None
    assert retryable([]) is None


def test_an_error_of_arm_is_shown_as_its_code_and_message() -> None:
    error = failure(result(azapi("SomethingNew", 'The name \\"x\\" is taken – für immer.')), STATE)
    assert error.message == (
        "terraform apply failed\nmodule.x.azapi_resource.y: Failed to create/update resource\n"
        '  SomethingNew: The name "x" is taken – für immer.'
    )


def test_what_exists_already_is_explained_not_retried() -> None:
    exists = Diagnostic(
        "error", "Resource already exists", "A resource with the ID already exists - to be managed via Terraform", "a.b"
    )
    assert retryable([exists]) is None
    error = failure(result(exists), STATE)
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
    error = failure(result(LOCKED), STATE)
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
    error = failure(result(refused), STATE)
    assert words in error.message
    assert error.hint
    assert diagnostics.state_missing([refused]) is (code == "ContainerNotFound")


def test_an_identity_that_may_not_lock_is_told_of_no_lock() -> None:
    detail = "Error message: 403 This request is not authorized … AuthorizationPermissionMismatch"
    error = failure(result(Diagnostic("error", "Error acquiring the state lock", detail)), {**STATE, "env": "prod"})
    assert "may not lock the state of prod" in error.message
    assert "toolkit plan prod --no-lock" in (error.hint or "")


def test_a_role_that_may_not_be_delegated_is_explained() -> None:
    words = "The client has an authorization with ABAC condition that is not fulfilled to perform action 'x/write'"
    error = failure(result(azapi("AuthorizationFailed", words, 403)), {**STATE, "env": "prod"})
    assert "this identity may assign some roles to some principals, and not this one" in error.message
    assert "delegation.tf" in (error.hint or "")


def test_the_same_code_from_a_resource_is_not_taken_for_the_state() -> None:
    assert not diagnostics.state_missing([azapi("ResourceNotFound", "x", 404)])
    row = explain(azapi("AuthorizationFailure", "x", 403))
    assert row is not None
    assert not row.state


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
    error = failure(result(Diagnostic("error", text)), STATE)
    assert words in error.message
    assert error.hint


def test_secrets_in_a_message_are_blanked() -> None:
    leaky = Diagnostic("error", "failed", "GET https://x?sv=1&sig=abc%2Fdef&client_secret=hunter2 with Bearer eyJ0.x.y")
    shown = failure(result(leaky), STATE).message
    for secret in ("abc%2Fdef", "hunter2", "eyJ0"):
        assert secret not in shown


def test_a_failure_without_any_diagnostic_shows_the_last_words() -> None:
    error = failure(result(stderr="panic: runtime error\nno space left on device\n"), STATE)
    assert "panic: runtime error" in error.message
    assert "free some space" in (error.hint or "")


def test_many_errors_are_cut_and_repeats_dropped() -> None:
    many = [azapi("X", f"number {n}") for n in range(9)]
    message = failure(result(*many, *many), STATE).message
    assert message.startswith("terraform apply: 9 errors")
    assert "and 3 more errors" in message


VALUES = {**STATE, "lock_id": "LOCK", "id": ID, "name": "y", "existing": f"{ID}2", "namespace": "Microsoft.X"}
# Groups of the Azure CLI's core: https://learn.microsoft.com/cli/azure/reference-index ("Core"); ml is an extension.
AZ_GROUPS = {"account", "acr", "keyvault", "lock", "login", "provider", "rest", "role", "storage", "vm"}

CONTEXT = click.Context(cli)


ROWS = (*CODES, *KNOWN)


def test_every_hint_can_be_filled_in_and_names_commands_that_exist() -> None:
    hints = [text.format(**VALUES) for row in ROWS for text in (row.hint, row.otherwise) if text]
    for filled_in in hints:
        assert set(re.findall(r"\baz ([a-z]+)", filled_in)) <= AZ_GROUPS, filled_in
        for command, words in re.findall(r"\btoolkit ([a-z]+)([^,;:)`]*)", filled_in):
            assert command in cli.list_commands(CONTEXT), filled_in
            found = cli.get_command(CONTEXT, command)
            options = {name for option in found.params for name in option.opts} if found else set()
            assert set(re.findall(r"--[a-z-]+", words)) <= options, filled_in
    for row in ROWS:
        assert row.meaning.format(**STATE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.code}-{row.when or 'any'}")
def test_a_hint_prints_no_placeholder_when_the_message_names_nothing(row: ErrorCode) -> None:
    known = {} if row.code == "StateLocked" else STATE  # which always names its lock: that is how it is told
    hint = filled(row, known)
    assert hint or row.code == "StateLocked"
    assert not re.search(r"[{}<>]", hint)


# A text of each row that another service, or nobody, gives a code: as its source says it.
TEXTS = {
    r"subnets/join/action": "permission to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action'",
    r"type of authentication \w+ is not allowed": "The specified type of authentication SharedKey is not allowed when",
    r"\bquota\b": "exceeding quota limits",
    r"audience": "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://management.azure.com/.",
    r"\bexpired\b|lifetime validation failed|token expiry": "Lifetime validation failed. The token is expired.",
    r"deleted state": "exists in deleted state",
    r"serviceAssociationLinks?|legionservicelink": "legionservicelink",
    r"ABAC condition that is not fulfilled": "an authorization with ABAC condition that is not fulfilled to perform",
    r"acquiring the state lock": "Error acquiring the state lock",
    "AADSTS700213": "AADSTS700213: No matching federated identity record found for presented assertion subject 'x'.",
    "AADSTS": "AADSTS7000215: Invalid client secret provided.",
    "OperationQueued": "The zone already has 10 operations like this queued.",
    "EndpointNotApproved": "The managed private endpoint mpe-x is not approved on its target.",
    "EndpointNotConnected": "/subscriptions/s has no live connection from the managed private endpoint mpe-x: apply",
    "CustomerManagedKeyMissing": 'resource "Resource: (ResourceId \\"/subscriptions/s/resourceGroups/g/providers/'
    'Microsoft.KeyVault/vaults/kv/keys/storage\\" / Api Version \\"2026-02-01\\")" not found',
    "CustomerManagedKeyUnusable": "Failed to access KeyId 'https://kv.vault.azure.net/keys/k'. Verify that identity",
    "DENIED": "client with IP '203.0.113.9' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.",
    "IpForbidden": "The web app you have attempted to reach has blocked your access.",
    "WorkspacePrivateLink": "The request is from outside of the designated private link.",
    "WorkspaceSoftDeleted": "Soft-deleted workspace exists. Please purge or recover it: /subscriptions/s",
    "StateLocked": "Error acquiring the state lock\nstate blob is already locked\nLock Info:\n  ID:        1b0f7a4e\n",
    "StateLeased": 'Error acquiring the state lock\nstate blob is already locked\nblob metadata "terraformlockid" was '
    "empty",
    "NoSuchHost": "dial tcp: lookup st.blob.core.windows.net: no such host",
    "Saved plan is stale": "Saved plan is stale",
    "Resource already exists": "A resource with the ID x already exists - to be managed via Terraform",
    "az login": "could not configure AzureCli Authorizer: please run 'az login'",
    "DefaultAzureCredential": "DefaultAzureCredential: failed to acquire a token.",
    "newer provider": "The current state of a.b was created by a newer provider version than is currently selected.",
    "This state requires": "This state requires provider registry.opentofu.org/azure/azapi, but that provider is not",
    "no space left": "write /x: no space left on device",
    "connection refused": "dial tcp 127.0.0.1:1: connect: connection refused",
    "Plugin did not": "Plugin did not respond",
    "checksum": "doesn't match any of the checksums previously recorded in the dependency lock file",
}


def example(row: ErrorCode) -> str:
    """A text that only this row is for."""
    if row.by_text:
        return TEXTS.get(row.code) or next(text for key, text in TEXTS.items() if key in (row.when or ""))
    message = TEXTS[row.when] if row.when else "No."
    if row.code.isdigit():
        return answer(f"{row.code} Odd", None, "<html>")
    return answer("409 Conflict", row.code, error_body(row.code, message))


def test_no_rows_pattern_is_in_the_example_of_another() -> None:
    """Else their order would decide, which nobody sees; a row without a pattern is what is left of its own code."""
    for row in ROWS:
        text = example(row)
        assert row.fits(text), row
        others = [other for other in ROWS if other is not row and other.when and other.fits(text)]
        others = [other for other in others if other.by_text or other.code == row.code]
        assert others == [], (row.code, row.when)
        found = explain(Diagnostic("error", text)) if row in KNOWN else find(text, state=row.state)
        assert found is row


def enveloped(row: ErrorCode, message: str) -> list[Diagnostic]:
    """The ways in which azapi 1.15 and 2.x pass ARM's answer on."""
    at_once = answer("409 Conflict", row.code, error_body(row.code, message))
    operation = answer("200 OK", row.code, error_body(row.code, message, status="Failed"))
    inner = {"code": row.code, "message": message}
    outer = json.dumps({"error": {"code": "DeploymentFailed", "message": "At least one failed.", "details": [inner]}})
    escaped = json.dumps({"error": {"code": "BadRequest", "message": json.dumps({"error": inner}, indent=2)}})
    found = [of_resource(at_once), of_action(at_once), of_resource(operation)]
    found += [of_resource(answer("400 Bad Request", code, body))
              for code, body in (("DeploymentFailed", outer), ("BadRequest", escaped))]  # fmt: skip
    # 2.x only: internal/clients/last_retry_error.go.
    found.append(of_resource(f"context deadline exceeded, last retryable error: {at_once}"))
    return found


def test_an_answer_without_a_code_is_told_by_its_status() -> None:
    for status, seconds in (("429 Too Many Requests", 600), ("503 Service Unavailable", 300), ("404 Not Found", 0)):
        for body in ("", "<html>Busy</html>"):
            found = of_resource(answer(status, None, body))
            row = find(found.text)
            assert row is not None
            assert row.code == status[:3]
            verdict = retryable([found])
            assert (verdict.seconds if verdict else 0) == seconds


OF_ARM = [row for row in CODES if not row.by_text and not row.state and not row.code.isdigit()]


@pytest.mark.parametrize("row", OF_ARM, ids=[f"{row.code}-{row.when or 'any'}" for row in OF_ARM])
def test_every_row_is_recognised_explained_and_retried_as_it_says(row: ErrorCode) -> None:
    for diagnostic in enveloped(row, TEXTS[row.when] if row.when else "No."):
        assert find(diagnostic.text) is row
        verdict = retryable([diagnostic])
        assert (verdict.seconds if verdict else 0) == row.seconds
        assert explain(diagnostic) is row
        error = failure(result(diagnostic), STATE)
        assert error.hint == filled(row, {**STATE, "id": ID, "name": "y"})
        assert "At least one failed" not in error.message


def test_an_endpoint_that_has_not_arrived_is_waited_for_although_terraform_names_no_resource() -> None:
    module = ROOT / "terraform" / "modules" / "data_factory" / "modules" / "managed_private_endpoint" / "main.tf"
    words = re.sub(r"\$\{[^}]*\}", "x", module.read_text(encoding="utf-8"))
    for code, kind in (("EndpointNotConnected", "precondition"), ("EndpointNotApproved", "postcondition")):
        [row] = [row for row in CODES if row.code == code]
        assert row.fits(words), "the module says it in other words"
        found = Diagnostic("error", f"Resource {kind} failed", TEXTS[code], None, "main.tf", 7)
        assert retryable([found]) is row
    other = Diagnostic("error", "Resource precondition failed", "The size must be even.", None, "main.tf", 7)
    assert retryable([other]) is None


def test_the_table_has_what_first_applies_meet_each_row_once() -> None:
    assert len({row.code for row in CODES}) >= 60
    assert len({(row.code, row.when, row.state) for row in CODES}) == len(CODES)


def test_one_cause_is_one_message() -> None:
    newer = [
        Diagnostic("error", "Resource instance managed by newer provider version", f"The current state of a.b[{n}] was "
                   "created by a newer provider version than is currently selected. Upgrade the azapi provider to work "
                   "with this state.")
        for n in range(27)
    ]  # fmt: skip
    message = failure(result(*newer), STATE).message
    assert message.count("newer azapi") == 1
    assert "a.b[26]" not in message
    same = failure(result(*(azapi("Odd", "no", address=f"a.b[{n}]") for n in range(9))), STATE).message
    assert "a.b[0], a.b[1], a.b[2] and 6 more: " in same
    assert same.count("Odd: no") == 1


def test_an_assignment_under_another_name_is_named_with_its_command() -> None:
    guid = "0123456789abcdef0123456789abcdef"
    parent = ID.rpartition("/")[0]
    for words in (guid, "01234567-89ab-cdef-0123-456789abcdef"):
        error = failure(
            result(azapi("RoleAssignmentExists", f"The ID of the existing role assignment is {words}.")), STATE
        )
        assert error.hint == (
            f"az role assignment delete --ids {parent}/01234567-89ab-cdef-0123-456789abcdef, then run again"
        )
    unnamed = failure(result(azapi("RoleAssignmentExists", "The role assignment already exists.")), STATE)
    assert unnamed.hint == "delete the assignment that exists (az role assignment list), then run again"


def test_a_lease_that_is_no_terraforms_is_broken_by_a_command_that_works_as_printed() -> None:
    """Words: https://github.com/hashicorp/terraform/blob/main/internal/backend/remote-state/azure/client.go (Lock)."""
    leased = Diagnostic(
        "error",
        "Error acquiring the state lock",
        'Error message: state blob is already locked\nblob metadata "terraformlockid" was empty\n\n'
        "Terraform acquires a state lock to protect the state from being written\nby multiple users at the same time.",
    )
    error = failure(result(leased), STATE)
    assert "somebody who is no Terraform holds a lease on the blob of the state of dev" in error.message
    assert (
        "az storage blob lease break --account-name stdev --container-name tfstate --blob-name platform.tfstate "
        "--auth-mode login" in (error.hint or "")
    )
    assert "force-unlock" not in (error.hint or "")
