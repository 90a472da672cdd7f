"""An environment, validated: what its data says and where its files are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from toolkit import github
from toolkit.environment.target import TARGETS, CredentialChoice, TargetName
from toolkit.project import Project

Access = Literal["Enabled", "Disabled"]


@dataclass(frozen=True, slots=True)
class PublicNetworkAccess:
    """Per service: "Enabled" (the public endpoint answers, default action Deny, rules apply) or "Disabled"."""

    storage: Access
    state: Access
    key_vault: Access
    container_registry: Access
    data_factory: Access
    machine_learning_workspace: Access


@dataclass(frozen=True, slots=True)
class Operator:
    """The person or group that bootstraps by hand and gets a data role on the Terraform state."""

    object_id: str
    type: Literal["User", "Group", "ServicePrincipal"]


@dataclass(frozen=True, slots=True)
class Waiver:
    """A policy of the guard that need not hold for a resource: until the end of the day ``expires``."""

    policy: str
    resource: str  # a pattern of addresses (* matches)
    owner: str
    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class IgnoredDrift:
    """``what`` is a pattern of resource ids, or of ``id#path``; ``expires`` the last day on which it counts."""

    what: str
    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """``policies``: the folder of the environment's own, beside those of ``envs/policies``."""

    allowed_locations: tuple[str, ...] = ()
    allowed_skus: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    policies: Path | None = None
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment, validated. ``name`` is as typed (``prod@sandbox``), ``data_name`` its folder (``prod``)."""

    project: Project
    name: str
    data_name: str
    target: TargetName
    tenant_id: str
    subscription_id: str
    location: str
    credential: CredentialChoice
    client_id: str | None
    operator: Operator | None
    github_repository: str | None
    github_subject_template: str | None
    vantages: tuple[str, ...]
    protected: bool
    depends_on: tuple[str, ...]  # by name, each with this one's target: what is applied before it
    preflight: bool
    provider_mirror: Path | None
    public_network_access: PublicNetworkAccess
    state_ip_rules: tuple[str, ...]
    allow_warnings: bool  # of the smoke tests: one that fails leaves the exit code 0
    allowed_smoke_skips: tuple[str, ...]
    allowed_extras: Mapping[str, str]  # reason by pattern of a resource id: toolkit/live/findings.py
    ignored_drift: tuple[IgnoredDrift, ...]
    sandbox_core_quotas: Mapping[str, int]
    sandbox_standings: Mapping[str, Mapping[str, Any]]  # addresses and region of vantages, by name
    guard: GuardSettings
    alert_receiver_required: bool  # as the data's own target has it, so that a rehearsal refuses what Azure would get

    @property
    def folder(self) -> Path:
        """The environment's data: env.toml, terraform.tfvars, backend.hcl."""
        return self.project.envs_dir / self.data_name

    @property
    def state_dir(self) -> Path:
        """Everything that runs on this environment leave on this machine."""
        return self.project.state_dir / self.name

    @property
    def work_dir(self) -> Path:
        return self.state_dir / "work"

    @property
    def evidence_dir(self) -> Path:
        return self.state_dir / "evidence"

    @property
    def lock_file_dir(self) -> Path:
        """Where the provider lock file is kept: committed for Azure, throw-away for the sandbox (docs/adr/0002)."""
        return self.folder if self.target == "azure" else self.state_dir

    @property
    def provider_may_be_built(self) -> bool:
        return TARGETS[self.target].provider_may_be_built

    @property
    def needs_confirmation(self) -> bool:
        return TARGETS[self.target].needs_confirmation

    @property
    def bootstraps_itself(self) -> bool:
        return TARGETS[self.target].bootstraps_itself

    @property
    def exists_outside(self) -> bool:
        return TARGETS[self.target].exists_outside

    @property
    def patience(self) -> float:
        return TARGETS[self.target].patience

    @property
    def github_job(self) -> github.Repository | None:
        """The repository whose jobs act in this environment."""
        return github.parse_repository(self.github_repository) if self.github_repository else None

    def github_subject_of(self, context: str) -> str | None:
        """The subject of the OIDC token of a job in ``context``; None without a repository."""
        return github.subject(self.github_job, self.github_subject_template, context) if self.github_job else None

    @property
    def github_subject(self) -> str | None:
        """The subject of GitHub's OIDC token for a job that runs in this environment."""
        return self.github_subject_of(github.environment_context(self.data_name))
