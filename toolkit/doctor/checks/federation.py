"""OIDC: what a job's token says of itself against what the identities trust, and how many credentials they may have.

Entra compares issuer and subject literally, with case, and an identity takes 20 federated credentials:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError

from toolkit.azure.acting import claims
from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.credentials import NoIdToken, id_token
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.context import Context
from toolkit.records import Json

_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
_MOST = 20


def _of_state(context: Context) -> str:
    return f"{context.subscription}/resourceGroups/{context.backend.resource_group_name}"


def _trusted(context: Context) -> dict[str, list[Json]]:
    """The federated credentials of bootstrap's identities that are there, by the identity's name."""
    version = API_VERSIONS["microsoft.managedidentity/userassignedidentities"]
    found = {}
    for one in context.declared(_IDENTITIES):
        if one.root != "bootstrap" or not one.name:
            continue
        for group in (_of_state(context), context.platform_group):
            identity = f"{group}/providers/{_IDENTITIES}/{one.name}"
            if context.asked("identities", lambda path=identity: context.find(path, version)) is not None:  # type: ignore[misc]
                path = f"{identity}/federatedIdentityCredentials"
                found[str(one.name)] = context.asked(
                    "federated credentials",
                    lambda path=path: context.live.list(path, version),  # type: ignore[misc]
                )
    return found


def _token(context: Context) -> Mapping[str, Any]:
    try:
        return claims(id_token(context.connection))
    except NoIdToken as none:
        raise CheckSkipped("feature:oidc", str(none), meant=True) from none
    except AzureError as error:
        raise CheckFailed(
            f"the job's OIDC token cannot be had: {error.message.splitlines()[0]}",
            cause="sign-in",
            hint="in GitHub Actions the job needs permissions: id-token: write; in Azure Pipelines the step needs "
            "SYSTEM_ACCESSTOKEN in its env, and the service connection",
        ) from error


def _subject(context: Context) -> Facts:
    said = _token(context)
    issuer, subject = str(said.get("iss", "")), str(said.get("sub", ""))
    trusted = _trusted(context)
    if not trusted:
        raise CheckSkipped(
            "feature:bootstrap", "bootstrap's identities are not there yet, so none trusts a job", meant=True
        )
    pairs = {
        (str(one["properties"]["issuer"]), str(one["properties"]["subject"])): name
        for name, credentials in trusted.items()
        for one in credentials
    }
    if (issuer, subject) not in pairs:
        ours = sorted({f"{other} (of {name}, issuer {theirs})" for (theirs, other), name in pairs.items()})
        raise CheckFailed(
            f"no identity trusts the job's token: it says {subject} (issuer {issuer}), and the identities trust "
            f"{'; '.join(ours) or 'nobody'}",
            cause="sign-in",
            hint=f"make them equal: github_repository and github_subject in {context.env_file}, or the environment, "
            f"branch or service connection of the job; then toolkit bootstrap {context.environment.name}",
            facts={"token": {"issuer": issuer, "subject": subject}, "trusted": ours},
        )
    return {
        "subject": subject,
        "issuer": issuer,
        "trusted_by": [n for pair, n in pairs.items() if pair == (issuer, subject)],
    }


def _count(context: Context) -> Facts:
    there = {name: {str(one["name"]).lower() for one in credentials} for name, credentials in _trusted(context).items()}
    if not there:
        raise CheckSkipped("feature:bootstrap", "bootstrap's identities are not there yet", meant=True)
    full = {name: len(names) for name, names in there.items() if len(names) >= _MOST}
    if full:
        raise CheckFailed(
            "; ".join(f"{name} has {count} federated credentials, of at most {_MOST}" for name, count in full.items()),
            cause="refused",
            hint="delete those that no job uses (az identity federated-credential list, delete), or let several jobs "
            "share a GitHub environment, which is one subject",
            facts=full,
        )
    return {name: len(names) for name, names in there.items()}


_AFTER = ("subscription-state", "data-declares")
CHECKS: tuple[Check[Context], ...] = (
    Check(
        "federation-subject",
        "federation",
        "An identity trusts what the job's token says of itself",
        _subject,
        depends=_AFTER,
    ),
    Check(
        "federation-count",
        "federation",
        "No identity has all its federated credentials used up",
        _count,
        depends=_AFTER,
    ),
)
