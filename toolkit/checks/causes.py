"""Why a check did not pass, in one stable word: for machines, which cannot read a reason. The list is closed."""

from __future__ import annotations

from typing import Literal

from toolkit.azure.codes import DenialKind

Cause = Literal[
    "firewall",
    "private-dns",
    "endpoint-not-approved",
    "missing-data-role",
    "missing-role",
    "shared-key-off",
    "anonymous-off",
    "https-only",
    "token",
    "sign-in",
    "throttled",
    "unavailable",
    "unreachable",
    "name-resolution",
    "proxy",
    "refused",
    "allowed",
    "absent",
    "extra",
    "differs",
    "not-ready",
    "no-output",
    "deadline",
    "left-behind",
    "unexpected",
    "prerequisite",
    "vantage",
    "identity",
    "feature",
    "right",
    "lease",
    "interrupted",
]

# What each word means; docs/checks.md has the same list, and a test compares them.
CAUSES: dict[Cause, str] = {
    # Azure refused, and this is why.
    "firewall": "the service's network rules refuse the address that the request came from",
    "private-dns": "the name does not lead to the service's private endpoint, inside the network where it should",
    "endpoint-not-approved": "the private endpoint's connection is pending, rejected or disconnected",
    "missing-data-role": "the identity has no data role there that allows it, or the role has not arrived yet",
    "missing-role": "the identity has no role of the control plane that allows it, or it has not arrived yet",
    "shared-key-off": "account keys, and SAS made from them, are switched off",
    "anonymous-off": "a request without a token is refused",
    "https-only": "plain http is refused",
    "token": "the token was expired, malformed, or meant for another service or tenant",
    "sign-in": "no token could be had",
    "throttled": "Azure throttles",
    "unavailable": "the service answers that it is unavailable for the moment",
    "unreachable": "nobody answered, or the connection broke",
    "name-resolution": "a public host name does not resolve",
    "proxy": "the proxy on the way refuses",
    "refused": "the service refused for a reason that has no word here: its code says more",
    # What was found is not what was meant.
    "allowed": "what must be denied was possible",
    "absent": "something that was meant is not there",
    "extra": "something is there that nobody meant",
    "differs": "it is there, and is not as it was meant",
    "not-ready": "it is there, and does not work (yet): failed, still being made, or stopped",
    "no-output": "Terraform's outputs do not say what the check has to look at: nothing was applied, or it was lost",
    # The check itself.
    "deadline": "the check did not end in its time",
    "left-behind": "the check could not remove what it had made",
    "unexpected": "an answer of an unknown shape, or a bug of the check",
    # Why something was skipped.
    "prerequisite": "a check that this one depends on failed: that one says why",
    "vantage": "this runner cannot act from there",
    "identity": "this runner cannot sign in as that identity",
    "feature": "the environment's own data leaves out what the check is about",
    "right": "the runner's identity may not read what the check compares, or the state that says what is meant",
    "lease": "a lease lets this place in for the moment, so that nothing is denied to it",
    "interrupted": "the run was interrupted before the check had ended",
}

_OF_DENIALS: dict[DenialKind, Cause] = {
    "storage-firewall": "firewall",
    "vault-firewall": "firewall",
    "service-firewall": "firewall",
    "vault-connection": "firewall",
    "private-dns": "private-dns",
    "storage-role": "missing-data-role",
    "vault-role": "missing-data-role",
    "endpoint-not-approved": "endpoint-not-approved",
    "endpoint-missing": "absent",
    "arm-role": "missing-role",
    "shared-key": "shared-key-off",
    "anonymous": "anonymous-off",
    "plain-http": "https-only",
    "token": "token",
    "federation": "sign-in",
    "sign-in": "sign-in",
    "throttled": "throttled",
    "not-found": "absent",
    "condition": "refused",
    "bad-request": "refused",
    "registry-token": "token",
    "admin-user-off": "shared-key-off",
    "batch-role": "missing-role",
    "workspace-role": "missing-role",
    "name-resolution": "name-resolution",
    "proxy-refused": "proxy",
    "unreachable": "unreachable",
    "unavailable": "unavailable",
    "other": "refused",
}


def cause_of(kind: DenialKind) -> Cause:
    """The cause that a refusal of this kind is."""
    return _OF_DENIALS[kind]


# By what the requirement of a skip begins with: ``vantage:vnet``, ``check:dns-vault-private``.
_OF_REQUIREMENTS: dict[str, Cause] = {
    "check": "prerequisite",
    "vantage": "vantage",
    "identity": "identity",
    "feature": "feature",
    "right": "right",
    "lease": "lease",
    "interrupted": "interrupted",
}


def cause_of_skip(requirement: str) -> Cause:
    """The cause of a skip for want of this requirement."""
    return _OF_REQUIREMENTS[requirement.partition(":")[0]]
