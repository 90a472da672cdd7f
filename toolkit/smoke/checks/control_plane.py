"""Reading the control plane, and comparing what it says with what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.checks.causes import Cause
from toolkit.checks.model import CheckFailed, Facts
from toolkit.smoke.context import Context


def read(context: Context, resource_id: str) -> dict[str, Any]:
    """A resource as the control plane answers it, read by the runner."""
    return context.live.get(resource_id)


def read_list(context: Context, path: str, version: str | None = None) -> list[dict[str, Any]]:
    """The children below a resource's ``/childType`` path, read by the runner."""
    return context.live.list(path, version)


def same(one: object, other: object) -> bool:
    """Equality as Azure sees it: ids, enum values and names are compared without regard to case."""
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return one == other


def lookup(document: Any, path: str) -> Any:
    """The value at ``a.b.c``; None when a part is missing."""
    for part in path.split("."):
        if not isinstance(document, Mapping) or part not in document:
            return None
        document = document[part]
    return document


def expect(what: str, document: Mapping[str, Any], expected: Mapping[str, Any]) -> Facts:
    """What was found, when every ``path`` of ``expected`` has its value (a tuple lists the values that are allowed).

    Raises CheckFailed that names everything that differs, not only the first.
    """
    found = {path: lookup(document, path) for path in expected}
    wrong = [
        f"{path} is {found[path]!r}, not {' or '.join(map(repr, allowed))}"
        for path, value in expected.items()
        for allowed in [value if isinstance(value, tuple) else (value,)]
        if not any(same(found[path], one) for one in allowed)
    ]
    if wrong:
        raise CheckFailed(
            f"{what}: {'; '.join(wrong)}",
            hint="somebody changed it, or Terraform does not say it: toolkit plan shows what an apply would set back",
            facts={"found": found},
        )
    return found


def attached(context: Context, name: str, document: Mapping[str, Any]) -> list[str]:
    """What is wrong with the platform's user-assigned identity ``name`` on a resource; nothing when it is attached."""
    meant = context.output("identities").get(name)
    if meant is None:
        return [f"the outputs know no identity {name!r}"]
    for identity_id, identity in (lookup(document, "identity.userAssignedIdentities") or {}).items():
        if same(identity_id, meant["id"]) and same((identity or {}).get("principalId"), meant["principal_id"]):
            return []
    return [f"the identity {name} ({meant['id'].split('/')[-1]}), which roles were assigned to, is not attached"]


class Finding(str):
    """A problem in words, with the word for machines; a plain text is one that differs."""

    def __new__(cls, words: str, cause: Cause) -> Finding:
        made = super().__new__(cls, words)
        made.cause = cause
        return made

    cause: Cause


def absent(words: str) -> Finding:
    return Finding(words, "absent")


def extra(words: str) -> Finding:
    return Finding(words, "extra")


def not_ready(words: str) -> Finding:
    return Finding(words, "not-ready")


def not_approved(words: str) -> Finding:
    return Finding(words, "endpoint-not-approved")


def fail_if(problems: Sequence[str], *, hint: str, retry_seconds: float = 0, cause: Cause | None = None) -> None:
    """Raises one CheckFailed with every problem. Its cause is the one given, else that of the problems: what nobody
    meant before all else, then what is missing, since that explains the rest."""
    if not problems:
        return
    found: list[Cause] = [one.cause if isinstance(one, Finding) else "differs" for one in problems]
    worst: tuple[Cause, ...] = ("extra", "absent")
    first = next((one for one in worst if one in found), found[0])
    raise CheckFailed(
        "; ".join(problems),
        cause=cause or first,
        hint=hint,
        retry_seconds=retry_seconds,
        facts={"problems": [str(problem) for problem in problems]},
    )


def private_hosts(context: Context, target_output: str) -> list[str]:
    """The public host names that the private endpoints of a resource serve. Raises CheckFailed when there are none."""
    target = context.output(target_output)
    endpoints = context.output("private_endpoints").values()
    hosts = sorted({host for e in endpoints if same(e["target_id"], target) for host in e["fqdns"]})
    if not hosts:
        raise CheckFailed(
            f"the outputs know no private endpoint of {target}", cause="no-output", hint="toolkit apply makes them"
        )
    return hosts
