"""What Terraform's errors mean: which are worth another try, which have a known way out, and how they are shown.

Three literal tables, read from top to bottom; the first row that matches counts. Patterns are searched in the summary
and the detail of a diagnostic, across lines and regardless of case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import ToolkitError
from toolkit.terraform.events import Diagnostic, Result


@dataclass(frozen=True, slots=True)
class Retryable:
    """An error that goes away by itself. ``budget_seconds`` is how long it may take, from its first appearance."""

    name: str
    pattern: str
    budget_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """An error with a known cause. ``hint`` may use ``{env}`` and the pattern's named groups."""

    pattern: str
    message: str
    hint: str


# Only errors of resources are retried (Azure's eventual consistency), never those of the state or of the configuration.
RETRYABLE: tuple[Retryable, ...] = (
    # A new identity takes time to reach the directory's other replicas.
    # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---assigning-a-role-to-a-new-principal-sometimes-fails
    Retryable("PrincipalNotFound", r"\bPrincipalNotFound\b", 300, "a new identity has not reached the directory yet"),
    # "up to 10 minutes for changes to take effect":
    # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
    Retryable(
        "AuthorizationFailed",
        # A condition that is not fulfilled, too: a changed one takes as long, and the plan has checked the roles.
        r"\b(AuthorizationFailed|LinkedAuthorizationFailed)\b",
        600,
        "a role assignment has not arrived yet",
    ),
    # https://github.com/hashicorp/terraform-provider-azurerm/issues/28715 (zone groups, subnets, private endpoints)
    Retryable(
        "AnotherOperationInProgress",
        r"\b(AnotherOperationInProgress|RetryableErrorDueToAnotherOperation|ConflictingConcurrentWriteNotAllowed)\b",
        900,
        "another operation on the same or a related resource is in progress",
    ),
    Retryable(
        "OperationQueued",
        r"already has \d+ operations like .* queued",
        900,
        "another operation on the same private DNS zone is in progress",
    ),
    # https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    Retryable("Throttled", r"\b(TooManyRequests|SubscriptionRequestsThrottled|RESPONSE 429)\b", 600, "Azure throttles"),
    Retryable("RetryableError", r"\bRetryableError\b", 600, "Azure asks to try again"),
    Retryable(
        "ServiceUnavailable",
        r"\b(ServiceUnavailable|GatewayTimeout|InternalServerError|RESPONSE 50[0234])\b",
        300,
        "the service is unavailable for the moment",
    ),
)

# What the state's storage answered (codes: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes).
STATE: tuple[Known, ...] = (
    Known(
        r"Error acquiring the state lock.*\bAuthorizationPermissionMismatch\b",
        "this identity may not lock the state of {env}: it can read it at most",
        "toolkit plan {env} --no-lock for the read-only identity of pull requests; anybody else needs Storage Blob "
        "Data Contributor on the state, which `toolkit bootstrap {env}` assigns to CI and to the operator",
    ),
    Known(
        r"Error acquiring the state lock",
        "the state of {env} is locked",
        "another run may be at work: wait for it. When you are sure that nobody is: toolkit apply {env} "
        "--force-unlock {lock_id}",
    ),
    Known(
        r"\bKeyBasedAuthenticationNotPermitted\b",
        "the state account refuses shared keys, and Terraform tried one",
        "unset ARM_ACCESS_KEY and ARM_SAS_TOKEN: the state is reached with Entra ID only",
    ),
    Known(
        r"\bAuthorizationPermissionMismatch\b",
        "the state account let this machine in, but this identity has no data role on the state",
        "an operator runs `toolkit bootstrap {env}` (it assigns Storage Blob Data Contributor; up to 10 "
        "minutes to arrive), "
        "with operator in envs/<env>/env.toml naming this identity or a group of it",
    ),
    Known(
        r"\bAuthorizationFailure\b",
        "the firewall of the state account refuses this machine's address",
        "run from inside the network, or add this machine's public address to state_ip_rules in "
        "envs/<env>/env.toml and have "
        "`toolkit bootstrap {env}` run from a place that is let in",
    ),
    Known(
        r"\b(ContainerNotFound|ResourceGroupNotFound|ResourceNotFound|ParentResourceNotFound)\b|no such host",
        "the state account or its container is not there",
        "toolkit bootstrap {env}",
    ),
)

KNOWN: tuple[Known, ...] = (
    Known(
        r"Saved plan is stale|plan file .*(is stale|no longer)",
        "the saved plan is stale: the state has changed since it was made",
        "toolkit plan {env}",
    ),
    Known(
        r"(Resource already exists|already exists - to be managed via Terraform)",
        "a resource exists that the state does not know: an interrupted run may have created it, or somebody by hand",
        "bring it into the state with `terraform import` in .toolkit/{env}/work/platform, or delete it, then run again",
    ),
    Known(
        r"\bSubscriptionNotFound\b|The subscription '.*' could not be found",
        "the subscription does not exist for this identity",
        "check subscription and tenant in envs/<env>/env.toml, and the account you are signed in with (az "
        "account show)",
    ),
    Known(
        r"AADSTS70021\d+",
        "no federated credential of the identity matches the job's OIDC token, whose subject the message shows",
        "compare it with what `toolkit bootstrap {env}` made (the error of `toolkit plan {env}` shows both): "
        "github_repository and github_subject in envs/<env>/env.toml, and the environment or branch of the job",
    ),
    Known(
        r"AADSTS\d+",
        "Entra ID refuses the credentials",
        "check the credential choice in envs/<env>/env.toml and what it reads: az login, or ARM_CLIENT_ID "
        "with its secret or OIDC token",
    ),
    Known(
        r"(az login|Azure CLI not found|executable file not found.*\baz\b|could not configure AzureCli)",
        "no signed-in Azure CLI",
        "az login, or choose another credential in envs/<env>/env.toml",
    ),
    Known(
        r"(DefaultAzureCredential|ChainedTokenCredential).*fail|unable to build authorizer|"
        r"could not acquire access token|obtain(ing)? (an )?(access )?token",
        "no credentials: nothing that this environment's credential choice reads gives a token",
        "az login, or set what the credential choice in envs/<env>/env.toml reads (toolkit env show {env})",
    ),
    Known(
        r"ABAC condition that is not fulfilled",
        "this identity may assign some roles, and not this one",
        "add the role to delegated_roles in terraform/bootstrap/delegation.tf, and have `toolkit bootstrap {env}` run "
        "(up to 10 minutes to arrive); people get roles through groups",
    ),
    Known(
        r"\bScopeLocked\b",
        "a management lock protects the resource",
        "remove the lock (az lock list), then run again",
    ),
    Known(
        r"\bConflictError\b.*deleted state|A vault with the same name already exists in deleted state",
        "a soft-deleted key vault keeps this name",
        "purge it (az keyvault purge --name NAME), recover it (az keyvault recover --name NAME) and import "
        "it, or choose "
        "another name with name_overrides",
    ),
    Known(
        r"Soft-deleted workspace exists",
        "a soft-deleted machine learning workspace keeps this name",
        "delete it for good (az ml workspace delete --permanently-delete), or choose another name with name_overrides",
    ),
    Known(
        r"no space left on device",
        "the disk is full",
        "free some space and run the command again: the state is saved in the storage account",
    ),
    Known(
        r"connect: connection refused|proxyconnect tcp",
        "nothing answers at the proxy that this environment's clients go through",
        "for a sandbox environment: toolkit sandbox status (the next command starts it again with its state intact)",
    ),
    Known(
        r"(Plugin did not respond|plugin.*(crash|exited)|Provider produced .* result)",
        "the provider crashed",
        "run again; when it happens twice, report it with the log in .toolkit/{env}/logs",
    ),
    Known(
        r"(checksum|checksums).*(lock file|dependency lock)|Inconsistent dependency lock file",
        "the provider that was found is not the one that the provider lock file pins",
        "take the provider that the lock file names, or write it anew: delete "
        "envs/<env>/.terraform.lock.hcl, plan, commit",
    ),
)

_STATE_WORDS = re.compile(
    r"state lock|Failed to get existing workspaces|Error (loading|refreshing|reading|saving|inspecting) .*state|"
    r"Backend initialization|Error building ARM Config|blob\.core\.windows\.net|listing blobs|retrieving "
    r".*Storage Account|"
    r"Failed to (load|save) state|Unable to (find|list) .*(remote state|state)",
    re.IGNORECASE,
)
_SECRETS = re.compile(r"(?i)\b(sig=|client_secret=|client_assertion=|access_key=|bearer )[^\s&\"']+")
_CODE = re.compile(r"ERROR CODE: (\S+)")
_MESSAGE = re.compile(r'"message":\s*"((?:[^"\\]|\\.)*)"')
_LOCK_ID = re.compile(r"^\s*ID:\s+(\S+)", re.MULTILINE)
_SHOWN = 6


def retryable(diagnostics: Sequence[Diagnostic]) -> Retryable | None:
    """The row with the longest budget when every error is worth another try, else None."""
    rows = [_first(diagnostic) for diagnostic in diagnostics]
    found = [row for row in rows if row is not None]
    if not found or len(found) != len(rows):
        return None
    return max(found, key=lambda row: row.budget_seconds)


def lock_id(diagnostics: Sequence[Diagnostic]) -> str | None:
    """The id of the lock that kept Terraform from the state, if that is what happened."""
    for diagnostic in diagnostics:
        if "state lock" in diagnostic.summary and (match := _LOCK_ID.search(diagnostic.detail)):
            return match[1]
    return None


def from_text(stderr: str) -> list[Diagnostic]:
    """The error of a command that has no JSON output, out of the box that Terraform draws around it."""
    lines = [line.strip("│╷╵ ") for line in stderr.splitlines()]
    text = "\n".join(line for line in lines if line)
    head, _, rest = text.removeprefix("Error: ").partition("\n")
    return [Diagnostic("error", head, rest)] if text else []


def is_state_problem(diagnostic: Diagnostic) -> bool:
    """Whether the state's storage is what failed (and not a resource)."""
    return diagnostic.address is None and _STATE_WORDS.search(diagnostic.text) is not None


def state_missing(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether the state account or its container is not there: bootstrap has not run, or the sandbox was reset."""
    missing = STATE[-1]
    return any(is_state_problem(d) and _matches(missing, d) for d in diagnostics)


def state_refusal(code: str) -> Known | None:
    """What an error code of the state's storage means for the state, if it has a row."""
    return next((known for known in STATE if code and re.search(known.pattern, code, re.IGNORECASE)), None)


def failure(result: Result, env: str) -> ToolkitError:
    """One error for all that went wrong in a run of Terraform: what, where, and the way out where it is known."""
    errors = _unique(result.events.errors)
    if not errors:
        return _without_diagnostics(result, env)
    lines: list[str] = []
    hint: str | None = None
    for diagnostic in errors[:_SHOWN]:
        known = explain(diagnostic)
        values = {"env": env, "lock_id": lock_id([diagnostic]) or "ID"}
        if known is not None:
            hint = hint or known.hint.format(**values)
            lines.append(f"{_where(diagnostic)}{known.message.format(**values)}")
            lines.append(_indented(_condensed(diagnostic)))
        else:
            lines.append(f"{_where(diagnostic)}{diagnostic.summary.strip()}")
            if diagnostic.detail.strip():
                lines.append(_indented(_condensed(diagnostic)))
    if len(errors) > _SHOWN:
        lines.append(f"… and {len(errors) - _SHOWN} more errors (.toolkit/{env}/logs)")
    head = (
        f"terraform {result.command} failed"
        if len(errors) == 1
        else f"terraform {result.command}: {len(errors)} errors"
    )
    return ToolkitError(_clean(head + "\n" + "\n".join(lines)), hint=_clean(hint) if hint else None)


def explain(diagnostic: Diagnostic) -> Known | None:
    """The known cause of an error, if there is one."""
    if is_state_problem(diagnostic):
        for known in STATE:
            if _matches(known, diagnostic):
                return known
    return next((known for known in KNOWN if _matches(known, diagnostic)), None)


def _without_diagnostics(result: Result, env: str) -> ToolkitError:
    words = "\n".join([*result.events.unparsed[-_SHOWN:], *result.stderr.strip().splitlines()[-_SHOWN:]]).strip()
    as_diagnostic = Diagnostic("error", words)
    known = explain(as_diagnostic) if words else None
    if result.killed:
        return ToolkitError(
            f"terraform {result.command} was killed (signal {-result.returncode})"
            + (f"\n{_indented(words)}" if words else ""),
            hint="the machine may be short of memory; run again: what it had done is found again, and the lock that "
            "it may have "
            "left on the state is freed when it is provably its own",
        )
    return ToolkitError(
        _clean(
            f"terraform {result.command} ended with code {result.returncode}"
            + (f"\n{_indented(words)}" if words else "")
        ),
        hint=known.hint.format(env=env, lock_id="ID") if known else f"its output is in .toolkit/{env}/logs",
    )


def _first(diagnostic: Diagnostic) -> Retryable | None:
    if diagnostic.address is None:
        return None
    return next((row for row in RETRYABLE if re.search(row.pattern, diagnostic.text, re.IGNORECASE | re.DOTALL)), None)


def _matches(known: Known, diagnostic: Diagnostic) -> bool:
    return re.search(known.pattern, diagnostic.text, re.IGNORECASE | re.DOTALL) is not None


def _unique(errors: Sequence[Diagnostic]) -> list[Diagnostic]:
    return list(dict.fromkeys(errors))


def _where(diagnostic: Diagnostic) -> str:
    if diagnostic.address:
        return f"{diagnostic.address}: "
    return f"{diagnostic.file}:{diagnostic.line}: " if diagnostic.file else ""


def _condensed(diagnostic: Diagnostic) -> str:
    """azapi puts the whole answer of ARM into the detail: its code and message are what a person needs."""
    code, message = _CODE.search(diagnostic.detail), _MESSAGE.search(diagnostic.detail)
    if code and message:
        return f"{code[1]}: {message[1].encode().decode('unicode_escape', errors='replace')}"
    # Terraform's advice about -lock=false is not ours.
    detail = diagnostic.detail.partition("Terraform acquires a state lock")[0]
    lines = [line.rstrip() for line in detail.strip().splitlines() if line.strip(" -─│╷╵")]
    return "\n".join(lines[:12])[:1200] or diagnostic.summary


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _clean(text: str) -> str:
    return _SECRETS.sub(r"\1…", text)
