"""Who acted, on what and from where, and with which versions: ids, nothing secret."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from azure.core.exceptions import AzureError

from toolkit.azure.arm import ARM
from toolkit.azure.credentials import runner_credential
from toolkit.ci.runs import run_of
from toolkit.environment import Connection
from toolkit.errors import ToolkitError

# The packages whose behaviour a result depends on.
_PACKAGES = (
    "azure-core",
    "azure-identity",
    "azure-mgmt-authorization",
    "azure-mgmt-datafactory",
    "azure-mgmt-storage",
    "azure-storage-blob",
    "python-terraform",
)


def circumstances(connection: Connection, token: str | None = None) -> dict[str, str]:
    """On which commit and subscription, as whom and from where.

    ``token`` is the runner's for the control plane; one is asked for when it is not given.
    """
    from toolkit.terraform.versions import commit

    environment = connection.environment
    who = _principal(_token(connection) if token is None else token)
    others = [name for name in connection.vantages if name != connection.runner.name]
    facts = {
        "commit": commit(environment) or "unknown: no git checkout",
        "subscription": f"{environment.subscription_id} ({environment.target})",
        "tenant": environment.tenant_id,
        "acted as": f"{who}, signed in with {environment.credential}",
        "acted from": connection.runner.name + (f"; checks also from {', '.join(others)}" if others else ""),
    }
    if job := _job():
        facts["job"] = job
    return facts


def package_versions(tools: Mapping[str, str]) -> dict[str, str]:
    """``tools`` (what toolkit.terraform.versions says) with Python and the packages that talk to Azure."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {**tools, **found}


def _token(connection: Connection) -> str | None:
    try:
        return runner_credential(connection).get_token(f"{ARM}/.default").token
    except (AzureError, ToolkitError):
        return None


def _principal(token: str | None) -> str:
    """Ids only: a person's name is nobody's business who reads a report.

    The claims are those of https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference; nothing
    is decided from them, so the signature is not verified.
    """
    try:
        payload = (token or "").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        person, object_id = claims.get("idtyp") == "user" or "upn" in claims, claims["oid"]
        application = claims.get("appid") or claims.get("azp")
    except (IndexError, ValueError, KeyError, AttributeError):
        return "somebody unknown"
    if person or not application:
        return f"a person (object id {object_id})"
    return f"application {application} (object id {object_id})"


def _job() -> str | None:
    """The CI run, where there is one."""
    run = run_of(os.environ)
    return run.url if run else None
