"""How an environment's clients reach its target: a vantage, a process environment or SDK client options.

All else asks a :class:`Connection` and gets the same shapes for Azure and for the sandbox (docs/adr/0001).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit import github
from toolkit.environment import shell
from toolkit.environment.model import Environment, Operator
from toolkit.environment.target import CredentialChoice
from toolkit.errors import UsageError, nearest

if TYPE_CHECKING:
    from toolkit.sandbox.client import Sandbox


# How each choice is called, for people.
_WORDS: Mapping[CredentialChoice, str] = {
    "azure-cli": "the az CLI's login",
    "client-secret": "a client secret",
    "github-oidc": "the GitHub job's OIDC token",
    "azure-devops-oidc": "the Azure Pipelines job's OIDC token",
    "managed-identity": "this machine's managed identity",
}


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place that this runner can act from. ``settings`` are the variables that put a process there."""

    name: str
    settings: Mapping[str, str]
    dns_server: tuple[str, int] | None = None
    # Told of each response that a client there gets (azure-core's raw_response_hook).
    observe: Callable[[Any], None] | None = field(default=None, compare=False, repr=False)

    @property
    def client_options(self) -> dict[str, Any]:
        """Keyword arguments that put an SDK client (or credential) at this vantage, whatever ``os.environ`` says."""
        options: dict[str, Any] = {}
        if proxy := self.settings.get("HTTPS_PROXY"):
            options["proxies"] = {"https": proxy, "http": proxy}
        if bundle := self.settings.get("REQUESTS_CA_BUNDLE"):
            options["connection_verify"] = bundle
        if self.observe is not None:
            options["raw_response_hook"] = self.observe
        return options


def _there() -> str | None:
    return None


@dataclass(frozen=True)
class Connection:
    """An environment whose target is ready. ``operator`` is who bootstraps it, when known."""

    environment: Environment
    vantages: Mapping[str, Vantage]
    operator: Operator | None
    credential_settings: Mapping[str, str] = field(default_factory=dict)
    # What has become of the target, in words, when it ended: asked while something works on it. Azure does not end.
    gone: Callable[[], str | None] = field(default=_there, compare=False, repr=False)

    @property
    def acts_with(self) -> str:
        """The one credential that acts, for people: Terraform's provider, its backend and the SDKs have the same."""
        if self.environment.target == "sandbox":
            return "the sandbox's engineer, whatever env.toml and this shell say"
        return f'{_WORDS[self.environment.credential]} (credential = "{self.environment.credential}" in env.toml)'

    @cached_property
    def runner(self) -> Vantage:
        """Where Terraform acts from: the first vantage of env.toml."""
        return self.vantages[self.environment.vantages[0]]

    def vantage(self, name: str | None = None) -> Vantage:
        """The place with this name, the runner's by default. Raises UsageError for one that the environment lacks."""
        found = self.runner if name is None else self.vantages.get(name)
        if found is None:
            close = nearest(str(name), self.vantages)
            raise UsageError(
                f"{self.environment.name} cannot act from {name!r}: it has {', '.join(self.vantages)}",
                hint=f"did you mean {close!r}?" if close else "vantages in env.toml",
            )
        return found

    def process_environment(self, vantage: Vantage | None = None) -> dict[str, str]:
        """The whole environment of a child process that acts at ``vantage`` (the runner's by default)."""
        return {**self.inherited, **self.settings(vantage)}

    def settings(self, vantage: Vantage | None = None) -> dict[str, str]:
        """The variables that put a process at ``vantage`` (the runner's by default), as the runner. Holds secrets."""
        return {**(vantage or self.runner).settings, **_terraform_settings(self), **self.credential_settings}

    @property
    def inherited(self) -> dict[str, str]:
        """What a child keeps of the calling shell's variables."""
        return shell.inherited(self.environment)


def connect(
    environment: Environment, progress: Callable[[str], None] | None = None, *, refuse_conflicts: bool = True
) -> Connection:
    """Make the target ready (a sandbox is started when needed) and say how its clients reach it.

    ``progress`` gets a line for each step that takes time (on stderr by default), and one for which credential acts.
    Raises UsageError when the calling shell is pointed at the wrong cloud or says somebody else than env.toml (not
    with ``refuse_conflicts`` False: for who tells it among other things), ToolkitError when no sandbox starts.
    """
    if environment.target == "azure":
        if refuse_conflicts:
            shell.refuse_conflicts(environment)
        connection = Connection(environment, _azure_vantages(environment), operator=environment.operator)
    else:
        from toolkit.sandbox.client import ensure_running

        connection = _sandbox_connection(environment, ensure_running(environment.project.root, progress))
    if progress is not None:
        progress(f"acting with {connection.acts_with}")
    return connection


def _azure_vantages(environment: Environment) -> dict[str, Vantage]:
    return {name: Vantage(name, {}) for name in environment.vantages}


def _sandbox_connection(environment: Environment, sandbox: Sandbox) -> Connection:
    places = sandbox.subscription(
        environment.tenant_id,
        environment.subscription_id,
        core_quotas=environment.sandbox_core_quotas,
        standings=environment.sandbox_standings,
    )
    vantages = {
        name: Vantage(name, place.settings, ("127.0.0.1", place.dns_port))
        for name, place in places.items()
        if name in environment.vantages
    }
    credentials = dict(sandbox.engineer_settings(environment.tenant_id, environment.subscription_id))
    if environment.github_subject and (repository := environment.github_job):
        credentials.update(sandbox.federation_settings(environment.github_subject, _github_claims(repository)))
    operator = Operator(sandbox.engineer_object_id, "ServicePrincipal")

    def gone() -> str | None:
        return None if sandbox.process.alive() else f"the sandbox (process {sandbox.process.pid}) has ended"

    return Connection(environment, vantages, operator, credentials, gone)


def _github_claims(repository: github.Repository) -> dict[str, str]:
    """What the data says of a job beside its subject; the sandbox's issuer makes up the rest."""
    known = {
        "repository": repository.full_name,
        "repository_id": repository.repository_id,
        "repository_owner_id": repository.owner_id,
    }
    return {name: value for name, value in known.items() if value}


def _terraform_settings(connection: Connection) -> dict[str, str]:
    """What azapi and the azurerm backend read, from the one credential choice.

    ARM_USE_MSI is always said (azapi 1.15 defaults to true); preflight and the smaller default output are what 2.x adds
    and 1.15 ignores. Preflight is asked for, as it fails with managed identities and narrow roles:
    https://github.com/Azure/terraform-provider-azapi/issues/835, 1128, 1207. By the default of 2.x a body that lost a
    property, such as an outbound rule, is no change as long as Azure still has it: it would stay for good
    (ignore_no_op_changes: https://registry.terraform.io/providers/Azure/azapi/latest/docs).
    """
    environment = connection.environment
    settings = {
        "ARM_TENANT_ID": environment.tenant_id,
        "ARM_SUBSCRIPTION_ID": environment.subscription_id,
        "ARM_USE_MSI": "true" if environment.credential == "managed-identity" else "false",
        "ARM_USE_CLI": "true" if environment.credential == "azure-cli" else "false",
        "ARM_USE_OIDC": "true" if environment.credential in ("github-oidc", "azure-devops-oidc") else "false",
        "ARM_ENABLE_PREFLIGHT": "true" if environment.preflight else "false",
        "ARM_DISABLE_DEFAULT_OUTPUT": "true",
        "ARM_IGNORE_NO_OP_CHANGES": "false",
        "ARM_USE_AZUREAD": "true",
    }
    said = {**connection.inherited, **connection.credential_settings}
    if environment.client_id:
        settings["ARM_CLIENT_ID"] = environment.client_id
    elif environment.credential != "azure-cli" and (value := said.get("ARM_CLIENT_ID") or said.get("AZURE_CLIENT_ID")):
        # A job says whom it acts as where env.toml does not: pull requests act as another identity than CI.
        settings["ARM_CLIENT_ID"] = value
    if environment.credential == "client-secret":
        for ours, theirs in (("ARM_CLIENT_ID", "AZURE_CLIENT_ID"), ("ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET")):
            if value := said.get(ours) or said.get(theirs):
                settings[ours] = value
    return settings
