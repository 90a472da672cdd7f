"""What an environment's target means for it: Azure or the sandbox, two rows (docs/adr/0001)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolkit.sandbox.model import VANTAGES

TargetName = Literal["sandbox", "azure"]
CredentialChoice = Literal["azure-cli", "client-secret", "github-oidc", "azure-devops-oidc", "managed-identity"]


@dataclass(frozen=True, slots=True)
class Target:
    """One row. ``further_…`` is what a target adds to the environment's own data."""

    name: TargetName
    provider_may_be_built: bool  # whether a provider built from source is good enough (docs/adr/0002)
    needs_confirmation: bool  # whether apply and destroy ask before they change anything
    bootstraps_itself: bool  # whether apply may bootstrap when that is missing: on Azure a person decides that
    exists_outside: bool  # whether what it makes is known outside this machine
    patience: float  # how long eventual consistency is waited for, as a share of Azure's figures
    credential: CredentialChoice | None  # the only one that is possible, whatever env.toml chooses
    further_vantages: tuple[str, ...]


TARGETS: Mapping[TargetName, Target] = {
    "azure": Target(
        name="azure",
        provider_may_be_built=False,
        needs_confirmation=True,
        bootstraps_itself=False,
        exists_outside=True,
        patience=1.0,
        credential=None,
        further_vantages=(),
    ),
    # Nobody is harmed in a sandbox, and nobody deploys to one from GitHub. Its runner can stand anywhere. No firewall
    # rule is added for it: a rehearsal of data that lets nobody in fails as Azure would.
    "sandbox": Target(
        name="sandbox",
        provider_may_be_built=True,
        needs_confirmation=False,
        bootstraps_itself=True,
        exists_outside=False,
        patience=0.02,
        credential="client-secret",
        further_vantages=tuple(v.name for v in VANTAGES),
    ),
}
