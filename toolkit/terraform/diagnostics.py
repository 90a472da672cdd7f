"""What Terraform's errors mean: which are worth another try, which have a known way out, and how they are shown.

What Azure answers has its rows in :mod:`toolkit.azure.codes`; here are those of Terraform, azapi and the machine. The
first row that matches counts. Patterns are searched in the summary and the detail of a diagnostic, across lines and
regardless of case.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence

from toolkit.azure import codes
from toolkit.azure.codes import ErrorCode, filled
from toolkit.errors import Place, ToolkitError
from toolkit.masking import masked
from toolkit.terraform.events import Diagnostic, Result


def _known(pattern: str, meaning: str, hint: str, *, once: bool = False) -> ErrorCode:
    return ErrorCode("", meaning, hint, "Terraform", when=pattern, by_text=True, once=once)


KNOWN: tuple[ErrorCode, ...] = (
    _known(
        r"Saved plan is stale|plan file .*(is stale|no longer)",
        "the saved plan is stale: the state has changed since it was made",
        "toolkit plan {env}",
    ),
    _known(
        r"(Resource already exists|already exists - to be managed via Terraform)",
        "a resource exists that the state does not know: an interrupted run may have created it, or somebody by hand",
        "bring it into the state with `terraform import` in .toolkit/{env}/work/platform, or delete it, then run again",
    ),
    _known(
        r"(az login|Azure CLI not found|executable file not found.*\baz\b|could not configure AzureCli)",
        "no signed-in Azure CLI",
        "az login, or choose another credential in envs/{env}/env.toml",
    ),
    _known(
        r"(DefaultAzureCredential|ChainedTokenCredential).*fail|unable to build authorizer|"
        r"could not acquire access token|obtain(ing)? (an )?(access )?token",
        "no credentials: nothing that this environment's credential choice reads gives a token",
        "az login, or set what the credential choice in envs/{env}/env.toml reads (toolkit env show {env})",
    ),
    # Once for every resource, which the detail names, without an address:
    # https://github.com/hashicorp/terraform/blob/main/internal/terraform/upgrade_resource_state.go. azapi's schemas
    # have version 1 in 1.15.0, 2 in 2.x, and azapi_resource_action's 3 in 2.12.0: internal/services of its repository.
    _known(
        r"Resource instance managed by newer provider version|was created by a newer provider version",
        "the state was written by a newer azapi than the one that is used here",
        "use the newer one: provider_mirror in envs/{env}/env.toml, or what the provider lock file pins; "
        "a state is not written back by an older provider",
        once=True,
    ),
    # Met where another machine moved the environment since this folder was initialised; `init` looks before.
    _known(
        r"This state requires provider registry\.[a-z]+\.[a-z]+/azure/azapi",
        "the state of {env} is of the other engine, Terraform's or OpenTofu's",
        "name the engine that {env} is on in TOOLKIT_TERRAFORM (tofu, terraform, or a path), or move it to this one: "
        "toolkit env switch-engine {env}",
        once=True,
    ),
    _known(
        r"no space left on device",
        "the disk is full",
        "free some space and run the command again: the state is saved in the storage account",
    ),
    _known(
        r"connect: connection refused|proxyconnect tcp",
        "nothing answers at the proxy that this environment's clients go through",
        "for a sandbox environment: toolkit sandbox status (the next command starts it again with its state intact)",
    ),
    _known(
        r"(Plugin did not respond|plugin.*(crash|exited)|Provider produced .* result)",
        "the provider crashed",
        "run again; when it happens twice, report it with the log in .toolkit/{env}/logs",
    ),
    _known(
        r"(checksum|checksums).*(lock file|dependency lock)|Inconsistent dependency lock file",
        "the provider that was found is not the one that the provider lock file pins",
        "take the provider that the lock file names, or write it anew: delete "
        "envs/{env}/.terraform.lock.hcl, plan, commit",
    ),
)

_STATE_WORDS = re.compile(
    r"state lock|Failed to get existing workspaces|Error (loading|refreshing|reading|saving|inspecting) .*state|"
    r"Backend initialization|Error building ARM Config|blob\.core\.windows\.net|listing blobs|retrieving "
    r".*Storage Account|"
    r"Failed to (load|save) state|Unable to (find|list) .*(remote state|state)",
    re.IGNORECASE,
)
_CODE = re.compile(r"ERROR CODE: (\S+)")
_MESSAGE = re.compile(r'"message":\s*"((?:[^"\\]|\\.)*)"')
_OWN_MESSAGE = r'"code":\s*"{}",\s*"message":\s*"((?:[^"\\]|\\.)*)"'
_ADVICE = re.compile(r"(?:Terraform|OpenTofu) acquires a state lock")
_BOXED = re.compile(r"^on (\S+) line (\d+)", re.MULTILINE)
_LOCK_ID = re.compile(r"^\s*ID:\s+(\S+)", re.MULTILINE)
# azapi's id of a resource, in quotes; an action's error quotes it again: internal/services/parse/resource.go,
# azapi_resource_action_resource.go of https://github.com/Azure/terraform-provider-azapi (1.15 and 2.12 alike).
_RESOURCE = re.compile(r'ResourceId \\?"([^"\\]+)')
_ASSIGNMENT = re.compile(r"existing role assignment is ([0-9a-f]{32}|[0-9a-f-]{36})\b", re.IGNORECASE)
_NAMESPACE = re.compile(r"namespace '([\w.]+)'")
# Terraform gives no address with these: https://github.com/hashicorp/terraform/blob/main/internal/terraform/eval_conditions.go
_CONDITIONS = ("Resource precondition failed", "Resource postcondition failed")
_SHOWN = 6
_PLACES = 3
_ANNOTATED = 10  # GitHub shows as many of one step: https://docs.github.com/actions/reference/limits


def retryable(diagnostics: Sequence[Diagnostic]) -> ErrorCode | None:
    """The row with the longest budget when every error is worth another try, else None."""
    rows = [_passing(diagnostic) for diagnostic in diagnostics]
    found = [row for row in rows if row is not None]
    if not found or len(found) != len(rows):
        return None
    return max(found, key=lambda row: row.seconds)


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
    if not text:
        return []
    place = _BOXED.search(rest)
    file, line = (place[1], int(place[2])) if place else (None, None)
    return [Diagnostic("error", head, rest, None, file, line)]


def only_prevented(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether ``prevent_destroy`` is all that stopped a plan; Terraform then saves the plan all the same."""
    return bool(diagnostics) and all(d.summary == "Instance cannot be destroyed" for d in diagnostics)


def is_state_problem(diagnostic: Diagnostic) -> bool:
    """Whether the state's storage is what failed (and not a resource)."""
    return _resource_of(diagnostic) is None and _STATE_WORDS.search(diagnostic.text) is not None


def state_missing(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether the state account or its container is not there: bootstrap has not run, or the sandbox was reset."""
    rows = (explain(diagnostic) for diagnostic in diagnostics if is_state_problem(diagnostic))
    return any(row is not None and row.state and row.kind == "not-found" for row in rows)


def is_locked(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether somebody else's lock kept Terraform from the state."""
    return any("state lock" in diagnostic.summary for diagnostic in diagnostics)


def failure(
    result: Result, values: Mapping[str, str], own: Callable[[Diagnostic], Diagnostic] = lambda one: one
) -> ToolkitError:
    """One error for all that went wrong in a run of Terraform: what, where, and the way out where it is known.

    ``values`` fill the hints in: ``env``, and ``account``, ``container`` and ``key`` of the state. ``own`` gives a
    diagnostic the files that a person wrote (:mod:`toolkit.terraform.places`).
    """
    env = values["env"]
    errors = [own(error) for error in result.events.errors]
    if not errors:
        return _without_diagnostics(result, values)
    groups: dict[tuple[str, str], list[str]] = {}
    files: dict[tuple[str, str], list[str]] = {}
    places: list[Place] = []
    hint: str | None = None
    for diagnostic in errors:
        known = explain(diagnostic)
        way_out = filled(known, {**values, **_named(diagnostic)}) if known is not None else None
        hint = hint or way_out
        words = known.meaning.format(**values) if known is not None else diagnostic.summary.strip()
        detail = _condensed(diagnostic, known) if known is not None or diagnostic.detail.strip() else ""
        once = known is not None and known.once
        group = (words, "" if once else detail)
        where = groups.setdefault(group, [])
        at = files.setdefault(group, [])
        if diagnostic.file:
            if _resource_of(diagnostic) and (line := f"{diagnostic.file}:{diagnostic.line}") not in at:
                at.append(line)
            told = "\n".join(part for part in (words, detail, f"hint: {way_out}" if way_out else "") if part)
            resource = _resource_of(diagnostic)
            places.append(
                Place(diagnostic.file, diagnostic.line or 0, masked(f"{resource}: {told}" if resource else told))
            )
        if (place := place_of(diagnostic)) and not once and place not in where:
            where.append(place)
    lines: list[str] = []
    for (words, detail), where in list(groups.items())[:_SHOWN]:
        more = f" and {len(where) - _PLACES} more" if len(where) > _PLACES else ""
        lines.append((", ".join(where[:_PLACES]) + more + ": " if where else "") + words)
        if detail:
            lines.append(_indented(detail))
        if at := files[words, detail]:
            lines.append(f"  at {', '.join(at[:_PLACES])}" + (f" and {len(at) - _PLACES} more" if at[_PLACES:] else ""))
    if len(groups) > _SHOWN:
        lines.append(f"… and {len(groups) - _SHOWN} more errors (.toolkit/{env}/logs)")
    head = (
        f"terraform {result.command} failed"
        if len(groups) == 1
        else f"terraform {result.command}: {len(groups)} errors"
    )
    error = ToolkitError(masked(head + "\n" + "\n".join(lines)), hint=masked(hint) if hint else None)
    error.places = tuple(dict.fromkeys(places))[:_ANNOTATED]
    return error


def _named(diagnostic: Diagnostic) -> dict[str, str]:
    """What the message of an error names: the resource, the assignment that is in the way (Azure writes its id without
    dashes), a provider's namespace, the lock. A hint that needs what is not named has another for that case.
    """
    found: dict[str, str] = {}
    if resource := _RESOURCE.search(diagnostic.detail):
        parent, _, name = resource[1].rpartition("/")
        found |= {"id": resource[1], "name": name}
        if existing := _ASSIGNMENT.search(diagnostic.detail):
            found["existing"] = f"{parent}/{uuid.UUID(existing[1])}"
    if namespace := _NAMESPACE.search(diagnostic.detail):
        found["namespace"] = namespace[1]
    if lock := lock_id([diagnostic]):
        found["lock_id"] = lock
    return found


def explain(diagnostic: Diagnostic) -> ErrorCode | None:
    """The known cause of an error, if there is one."""
    state, text = is_state_problem(diagnostic), diagnostic.text
    terraforms = next((row for row in KNOWN if row.fits(text)), None)
    return codes.by_text(text, state=state) or terraforms or codes.by_code(text, state=state)


def _without_diagnostics(result: Result, values: Mapping[str, str]) -> ToolkitError:
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
        masked(
            f"terraform {result.command} ended with code {result.returncode}"
            + (f"\n{_indented(words)}" if words else "")
        ),
        hint=filled(known, {**values, **_named(as_diagnostic)})
        if known
        else f"its output is in .toolkit/{values['env']}/logs",
    )


def _passing(diagnostic: Diagnostic) -> ErrorCode | None:
    """Only what a resource met is retried (Azure's eventual consistency), never errors of the configuration."""
    if _resource_of(diagnostic) is None and diagnostic.summary not in _CONDITIONS:
        return None
    row = codes.find(diagnostic.text)
    return row if row is not None and row.retried else None


def _resource_of(diagnostic: Diagnostic) -> str | None:
    """The resource's address; its id where a deletion failed, to whose errors Terraform gives no address."""
    named = _RESOURCE.search(diagnostic.detail)
    return diagnostic.address or (named[1] if named else None)


def place_of(diagnostic: Diagnostic) -> str:
    """The resource that an error is about, else the line of the configuration."""
    if resource := _resource_of(diagnostic):
        return resource
    if diagnostic.file is None:
        return ""
    return f"{diagnostic.file}:{diagnostic.line}" if diagnostic.line else diagnostic.file


def _condensed(diagnostic: Diagnostic, known: ErrorCode | None) -> str:
    """azapi puts the whole answer of ARM into the detail: its code and message are what a person needs.

    Of an answer in an answer, it is the one that is known.
    """
    if known is not None and (own := re.search(_OWN_MESSAGE.format(re.escape(known.code)), diagnostic.detail)):
        return f"{known.code}: {_unescaped(own[1])}"
    code, message = _CODE.search(diagnostic.detail), _MESSAGE.search(diagnostic.detail)
    if code and message:
        return f"{code[1]}: {_unescaped(message[1])}"
    # Terraform's advice about -lock=false is not ours.
    detail = _ADVICE.split(diagnostic.detail)[0]
    lines = [line.rstrip() for line in detail.strip().splitlines() if line.strip(" -─│╷╵")]
    return "\n".join(lines[:12])[:1200] or diagnostic.summary


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:  # an escape that JSON does not know
        return text


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
