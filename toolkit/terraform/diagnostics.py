"""What Terraform's errors mean: which are worth another try, which have a known way out, and how they are shown.

Three literal tables, read from top to bottom; the first row that matches counts. Patterns are searched in the summary
and the detail of a diagnostic, across lines and regardless of case.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.azure import codes
from toolkit.azure.codes import OPERATION_SECONDS, SERVICE_SECONDS, THROTTLE_SECONDS
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
    once: bool = False  # one cause for all addresses: shown without them


# Errors that state no code; those that do have rows in toolkit.azure.codes. Only errors of resources are retried
# (Azure's eventual consistency), never those of the state or of the configuration.
RETRYABLE: tuple[Retryable, ...] = (
    Retryable(
        "OperationQueued",
        r"already has \d+ operations like .* queued",
        OPERATION_SECONDS,
        "another operation on the same private DNS zone is in progress",
    ),
    Retryable("Throttled", r"\bRESPONSE 429\b", THROTTLE_SECONDS, "Azure throttles"),
    Retryable(
        "ServiceUnavailable", r"\bRESPONSE 50[0234]\b", SERVICE_SECONDS, "the service is unavailable for the moment"
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
        r"Soft-deleted workspace exists",
        "a soft-deleted machine learning workspace keeps this name",
        "delete it for good: az rest --method delete --url "
        '"https://management.azure.com{id}?api-version=2024-04-01&forceToPurge=true", '
        "or choose another name with name_overrides",
    ),
    # Terraform, internal/terraform/upgrade_resource_state.go: once for every resource.
    Known(
        r"Resource instance managed by newer provider version|was created by a newer provider version",
        "the state was written by a newer azapi than the one that is used here",
        "use the newer one: provider_mirror in envs/<env>/env.toml, or what the provider lock file pins; "
        "a state is not written back by an older provider",
        once=True,
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
_PLACES = 3


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
    errors = result.events.errors
    if not errors:
        return _without_diagnostics(result, env)
    groups: dict[tuple[str, str], list[str]] = {}
    hint: str | None = None
    for diagnostic in errors:
        known, values = explain(diagnostic), _values(diagnostic, env)
        if known is not None:
            hint = hint or _filled(known.hint, values)
        words = _filled(known.message, values) if known is not None else diagnostic.summary.strip()
        detail = _condensed(diagnostic) if known is not None or diagnostic.detail.strip() else ""
        once = known is not None and known.once
        where = groups.setdefault((words, "" if once else detail), [])
        if (place := _where(diagnostic)) and not once and place not in where:
            where.append(place)
    lines: list[str] = []
    for (words, detail), where in list(groups.items())[:_SHOWN]:
        more = f" and {len(where) - _PLACES} more" if len(where) > _PLACES else ""
        lines.append((", ".join(where[:_PLACES]) + more + ": " if where else "") + words)
        if detail:
            lines.append(_indented(detail))
    if len(groups) > _SHOWN:
        lines.append(f"… and {len(groups) - _SHOWN} more errors (.toolkit/{env}/logs)")
    head = (
        f"terraform {result.command} failed"
        if len(groups) == 1
        else f"terraform {result.command}: {len(groups)} errors"
    )
    return ToolkitError(_clean(head + "\n" + "\n".join(lines)), hint=_clean(hint) if hint else None)


def _values(diagnostic: Diagnostic, env: str) -> dict[str, str]:
    """What hints are filled in with: the resource's id, and that of the assignment which Azure names without dashes."""
    found = re.search(r'ResourceId "([^"]+)"', diagnostic.detail)
    resource = found[1] if found else "ID"
    parent, _, name = resource.rpartition("/")
    named = re.search(r"existing role assignment is ([0-9a-f-]{32,36})", diagnostic.detail, re.IGNORECASE)
    existing = f"{parent}/{uuid.UUID(named[1])}" if named and found else "ID"
    lock = lock_id([diagnostic]) or "ID"
    return {"env": env, "lock_id": lock, "id": resource, "name": name, "existing": existing}


def _filled(text: str, values: dict[str, str]) -> str:
    return text.format(**values).replace("<env>", values["env"])


def explain(diagnostic: Diagnostic) -> Known | None:
    """The known cause of an error, if there is one."""
    if is_state_problem(diagnostic):
        for known in STATE:
            if _matches(known, diagnostic):
                return known
    for known in KNOWN:
        if _matches(known, diagnostic):
            return known
    row = codes.find(diagnostic.text) if not is_state_problem(diagnostic) else None
    return Known(re.escape(row.code), row.meaning, row.hint) if row is not None else None


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
        hint=_filled(known.hint, _values(as_diagnostic, env)) if known else f"its output is in .toolkit/{env}/logs",
    )


def _first(diagnostic: Diagnostic) -> Retryable | None:
    if diagnostic.address is None:
        return None
    row = codes.find(diagnostic.text)
    if row is not None:
        return Retryable(row.code, re.escape(row.code), row.seconds, row.meaning) if row.retried else None
    return next((one for one in RETRYABLE if re.search(one.pattern, diagnostic.text, re.IGNORECASE | re.DOTALL)), None)


def _matches(known: Known, diagnostic: Diagnostic) -> bool:
    return re.search(known.pattern, diagnostic.text, re.IGNORECASE | re.DOTALL) is not None


def _where(diagnostic: Diagnostic) -> str:
    if diagnostic.address:
        return diagnostic.address
    return f"{diagnostic.file}:{diagnostic.line}" if diagnostic.file else ""


def _condensed(diagnostic: Diagnostic) -> str:
    """azapi puts the whole answer of ARM into the detail: its code and message are what a person needs."""
    code, message = _CODE.search(diagnostic.detail), _MESSAGE.search(diagnostic.detail)
    if code and message:
        return f"{code[1]}: {_unescaped(message[1])}"
    # Terraform's advice about -lock=false is not ours.
    detail = diagnostic.detail.partition("Terraform acquires a state lock")[0]
    lines = [line.rstrip() for line in detail.strip().splitlines() if line.strip(" -─│╷╵")]
    return "\n".join(lines[:12])[:1200] or diagnostic.summary


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:  # an escape that JSON does not know
        return text


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _clean(text: str) -> str:
    return _SECRETS.sub(r"\1…", text)
