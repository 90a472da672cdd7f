"""An environment: what ``envs/<env>/env.toml`` says, and the process environment in which its clients work.

This is the one place that knows whether an environment's target is Azure or the sandbox (docs/adr/0001). All else asks
a :class:`Connection` for a vantage, a process environment or SDK client options, and gets the same shapes for both.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from toolkit import github
from toolkit.errors import UsageError
from toolkit.project import Project, find_project
from toolkit.sandbox.model import VANTAGES

if TYPE_CHECKING:
    from toolkit.sandbox.client import Sandbox

Target = Literal["sandbox", "azure"]
Access = Literal["Enabled", "Disabled"]
VantageName = Literal["internet", "vnet", "adf-managed"]
CredentialChoice = Literal["azure-cli", "client-secret", "github-oidc", "azure-devops-oidc", "managed-identity"]

REHEARSAL_SUFFIX = "@sandbox"
FILE_NAME = "env.toml"

# Credentials and network settings of the calling shell that must not reach a sandbox environment's clients, nor the
# other way round: with one of these left over, a client could talk to the wrong cloud with the right-looking settings.
_FOREIGN_PREFIXES = ("ARM_", "AZURE_", "ACTIONS_ID_TOKEN_", "IDENTITY_", "MSI_")
_FOREIGN_NAMES = ("SYSTEM_ACCESSTOKEN", "SYSTEM_OIDCREQUESTURI", "NO_PROXY", "no_proxy", "http_proxy", "https_proxy")


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
class Environment:
    """One environment, validated. ``name`` is as typed (``prod@sandbox``), ``data_name`` its folder (``prod``)."""

    project: Project
    name: str
    data_name: str
    target: Target
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
    provider_mirror: Path | None
    public_network_access: PublicNetworkAccess
    state_ip_rules: tuple[str, ...]
    allowed_smoke_skips: tuple[str, ...]

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
        """Whether a provider built from source is good enough (never for an environment on Azure, docs/adr/0002)."""
        return self.target == "sandbox"

    @property
    def needs_confirmation(self) -> bool:
        """Whether apply and destroy ask before they change anything: nobody is harmed in a sandbox."""
        return self.target == "azure"

    @property
    def bootstraps_itself(self) -> bool:
        """Whether apply may bootstrap when that is missing; on Azure a person decides that."""
        return self.target == "sandbox"

    @property
    def exists_outside(self) -> bool:
        """Whether what it makes is known outside this machine: nobody deploys to a sandbox from GitHub."""
        return self.target == "azure"

    @property
    def patience(self) -> float:
        """How long eventual consistency is waited for, as a share of Azure's figures: the sandbox settles sooner."""
        return 1.0 if self.target == "azure" else 0.02

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

    def connect(self, progress: Callable[[str], None] | None = None) -> Connection:
        """Make the target ready (a sandbox is started when needed) and say how its clients reach it.

        ``progress`` gets a line for each step that takes time (on stderr by default). Raises UsageError when the
        calling shell is pointed at the wrong cloud, ToolkitError when no sandbox starts.
        """
        if self.target == "azure":
            _refuse_sandbox_settings()
            return Connection(self, _azure_vantages(self), operator=self.operator)
        from toolkit.sandbox.client import ensure_running

        sandbox = ensure_running(self.project.root, progress)
        return _sandbox_connection(self, sandbox)


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place that this runner can act from. ``settings`` are the variables that put a process there."""

    name: str
    settings: Mapping[str, str]
    dns_server: tuple[str, int] | None = None

    @property
    def client_options(self) -> dict[str, Any]:
        """Keyword arguments that put an SDK client (or credential) at this vantage, whatever ``os.environ`` says."""
        options: dict[str, Any] = {}
        if proxy := self.settings.get("HTTPS_PROXY"):
            options["proxies"] = {"https": proxy, "http": proxy}
        if bundle := self.settings.get("REQUESTS_CA_BUNDLE"):
            options["connection_verify"] = bundle
        return options


@dataclass(frozen=True)
class Connection:
    """An environment whose target is ready. ``operator`` is who bootstraps it, when known."""

    environment: Environment
    vantages: Mapping[str, Vantage]
    operator: Operator | None
    credential_settings: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def runner(self) -> Vantage:
        """Where Terraform acts from: the first vantage of env.toml."""
        return self.vantages[self.environment.vantages[0]]

    def process_environment(self, vantage: Vantage | None = None) -> dict[str, str]:
        """The whole environment of a child process that acts at ``vantage`` (the runner's by default)."""
        place = vantage or self.runner
        if self.environment.target == "azure":
            inherited = dict(os.environ)
        else:
            inherited = {k: v for k, v in os.environ.items() if not _is_foreign(k)}
        return {**inherited, **place.settings, **_terraform_settings(self), **self.credential_settings}


def load_environment(name: str, project: Project | None = None) -> Environment:
    """The environment called ``name``, or the rehearsal ``NAME@sandbox`` of one.

    Raises UsageError for an unknown name (with the nearest known one) or a file that does not validate (with the file,
    the key, its line and what is allowed).
    """
    project = project or find_project()
    data_name, rehearsal = name.removesuffix(REHEARSAL_SUFFIX), name.endswith(REHEARSAL_SUFFIX)
    path = project.envs_dir / data_name / FILE_NAME
    known = environment_names(project)
    if "@" in data_name:
        raise UsageError(
            f"unknown environment {name!r}: only {REHEARSAL_SUFFIX} may follow a name",
            hint=f"toolkit env show {data_name.split('@')[0]}{REHEARSAL_SUFFIX}",
        )
    if data_name not in known:
        close = difflib.get_close_matches(data_name, known, n=1)
        guess = f"did you mean {close[0]}{REHEARSAL_SUFFIX if rehearsal else ''}? " if close else ""
        if data_name in {path.name for path in project.envs_dir.iterdir() if path.is_dir()}:
            raise UsageError(f"{_shown(path, project)} is missing", hint="copy envs/dev/env.toml there and edit it")
        raise UsageError(
            f"unknown environment {name!r}", hint=f"{guess}known environments: {', '.join(known) or 'none'}"
        )
    data = _read(path, project)
    target: Target = "sandbox" if rehearsal else data.target
    if data.github_subject and not data.github_repository:
        raise UsageError(
            f"{_shown(path, project)}: github_subject is there without github_repository",
            hint="name the repository too: toolkit bootstrap prints its commands with it",
        )
    return Environment(
        project=project,
        name=name if data.target == "azure" else data_name,
        data_name=data_name,
        target=target,
        tenant_id=data.tenant,
        subscription_id=data.subscription,
        location=data.location,
        credential=data.credential if target == "azure" else "client-secret",
        client_id=data.client_id if target == "azure" else None,
        operator=Operator(data.operator.object_id, data.operator.type) if data.operator else None,
        github_repository=data.github_repository,
        github_subject_template=data.github_subject,
        vantages=_vantage_names(data.vantages, target),
        protected=data.protected,
        provider_mirror=Path(data.provider_mirror).expanduser() if data.provider_mirror else None,
        public_network_access=PublicNetworkAccess(**data.public_network_access.model_dump()),
        state_ip_rules=_state_ip_rules(data.state_ip_rules, target),
        allowed_smoke_skips=data.smoke.allowed_skips,
    )


def environment_names(project: Project) -> list[str]:
    """Every folder of envs/ that holds an env.toml, in alphabetical order."""
    return sorted(path.parent.name for path in project.envs_dir.glob(f"*/{FILE_NAME}"))


# -- the two targets ---------------------------------------------------------------------------------------------------


def _vantage_names(declared: list[str], target: Target) -> tuple[str, ...]:
    """In the sandbox a runner can stand anywhere; it starts where the environment's data says."""
    if target == "azure":
        return tuple(declared)
    return (*declared, *(v.name for v in VANTAGES if v.name not in declared))


def _state_ip_rules(declared: tuple[str, ...], target: Target) -> tuple[str, ...]:
    """A rehearsal's runner has the sandbox's addresses, not those of the agents that the data was written for."""
    if target == "azure":
        return declared
    public = [v.public_ip for v in VANTAGES if v.private_network != "data-factory"]
    return (*declared, *(ip for ip in public if ip not in declared))


def _azure_vantages(environment: Environment) -> dict[str, Vantage]:
    return {name: Vantage(name, {}) for name in environment.vantages}


def _sandbox_connection(environment: Environment, sandbox: Sandbox) -> Connection:
    places = sandbox.subscription(environment.tenant_id, environment.subscription_id)
    vantages = {
        name: Vantage(name, place.settings, ("127.0.0.1", place.dns_port))
        for name, place in places.items()
        if name in environment.vantages
    }
    credentials = dict(sandbox.engineer_settings(environment.tenant_id, environment.subscription_id))
    if environment.github_subject and (repository := environment.github_job):
        credentials.update(sandbox.federation_settings(environment.github_subject, _github_claims(repository)))
    operator = Operator(sandbox.engineer_object_id, "ServicePrincipal")
    return Connection(environment, vantages, operator, credentials)


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
    and 1.15 ignores.
    """
    environment = connection.environment
    settings = {
        "ARM_TENANT_ID": environment.tenant_id,
        "ARM_SUBSCRIPTION_ID": environment.subscription_id,
        "ARM_USE_MSI": "true" if environment.credential == "managed-identity" else "false",
        "ARM_USE_CLI": "true" if environment.credential == "azure-cli" else "false",
        "ARM_USE_OIDC": "true" if environment.credential in ("github-oidc", "azure-devops-oidc") else "false",
        "ARM_ENABLE_PREFLIGHT": "true",
        "ARM_DISABLE_DEFAULT_OUTPUT": "true",
        "ARM_USE_AZUREAD": "true",
    }
    if environment.client_id:
        settings["ARM_CLIENT_ID"] = environment.client_id
    elif environment.credential != "azure-cli" and (value := _callers_client_id()):
        # A job says whom it acts as where env.toml does not: pull requests act as another identity than CI.
        settings["ARM_CLIENT_ID"] = value
    if environment.credential == "client-secret":
        source = {**os.environ, **connection.credential_settings}
        for ours, theirs in (("ARM_CLIENT_ID", "AZURE_CLIENT_ID"), ("ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET")):
            if value := source.get(ours) or source.get(theirs):
                settings[ours] = value
    return settings


def _callers_client_id() -> str | None:
    return os.environ.get("ARM_CLIENT_ID") or os.environ.get("AZURE_CLIENT_ID")


def _refuse_sandbox_settings() -> None:
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        folders = Path(os.environ.get(variable, "")).parts
        if ".toolkit" in folders and "sandbox" in folders:
            raise UsageError(
                f"{variable} names the sandbox's certificate authority, but this environment is on Azure",
                hint="this shell was pointed at the sandbox (toolkit sandbox env): use another shell",
            )


def _is_foreign(variable: str) -> bool:
    return variable.startswith(_FOREIGN_PREFIXES) or variable in _FOREIGN_NAMES


# -- the file ----------------------------------------------------------------------------------------------------------


def _shown(path: Path, project: Project) -> str:
    return str(path.relative_to(project.root))


def _read(path: Path, project: Project) -> Any:
    """The validated model of one env.toml (pydantic is imported here: ``--help`` does not pay for it)."""
    from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

    guid = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    Guid = Annotated[str, StringConstraints(pattern=guid)]

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

    class Services(Strict):
        storage: Access = "Disabled"
        state: Access = "Enabled"
        key_vault: Access = "Disabled"
        container_registry: Access = "Disabled"
        data_factory: Access = "Disabled"
        machine_learning_workspace: Access = "Disabled"

    class OperatorTable(Strict):
        object_id: Guid
        type: Literal["User", "Group", "ServicePrincipal"]

    class Smoke(Strict):
        allowed_skips: tuple[str, ...] = ()

    class File(Strict):
        target: Target
        tenant: Guid
        subscription: Guid
        location: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]+$")]
        credential: CredentialChoice = "azure-cli"
        client_id: Guid | None = None
        operator: OperatorTable | None = None
        github_repository: Annotated[str, AfterValidator(_repository)] | None = None
        github_subject: Annotated[str, StringConstraints(pattern=_SUBJECT)] | None = None
        vantages: Annotated[list[VantageName], Field(min_length=1)]
        protected: bool = True
        provider_mirror: str | None = None
        public_network_access: Services = Services()
        state_ip_rules: tuple[str, ...] = ()
        smoke: Smoke = Smoke()

    shown = _shown(path, project)
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}: not valid TOML: {error}", hint="https://toml.io shows the syntax") from None
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from None
    try:
        return File.model_validate(data)
    except ValidationError as error:
        problems = [_problem(shown, text, item) for item in error.errors()]
        raise UsageError("\n".join(problems), hint="docs/environments.md lists every key") from None


# One place for {context}: without it a pull request would have the subject of CI.
_SUBJECT = r"^[^{}\s]*\{context\}[^{}\s]*$"


def _repository(text: str) -> str:
    github.parse_repository(text)
    return text


_WORDS = {
    "target": f"one of {', '.join(get_args(Target))}",
    "credential": f"one of {', '.join(get_args(CredentialChoice))}",
    "vantages": f"a list of {', '.join(v.name for v in VANTAGES)}, the first one is where Terraform acts from",
    "tenant": "a lower-case GUID",
    "subscription": "a lower-case GUID",
    "client_id": "a lower-case GUID",
    "location": "an Azure region's short name such as westeurope",
    "github_repository": "owner/name, or owner@id/name@id where GitHub puts the ids into subjects "
    "(gh api repos/OWNER/NAME/actions/oidc/customization/sub)",
    "github_subject": "a customised subject without other braces than {context}, such as "
    "repo:owner/name:{context}:job_workflow_ref:…; without {context}, a pull request would act as CI",
}


def _problem(shown: str, text: str, item: Any) -> str:
    location = [str(part) for part in item["loc"]]
    line = _line_of(text, location)
    key = ".".join(location)
    allowed = _WORDS.get(location[0])
    if item["type"] == "missing":
        reason = f"is missing{f': {allowed}' if allowed else ''}"
    elif item["type"] == "extra_forbidden":
        reason = "is not a known key"
    else:
        reason = f"{item['input']!r} is not allowed: {allowed or item['msg'][0].lower() + item['msg'][1:]}"
    return f"{shown}:{line}: {key} {reason}"


def _line_of(text: str, location: list[str]) -> int:
    """The line of a key: searched below its table's header; 1 when the key is not in the file (it is missing)."""
    *tables, key = [part for part in location if not part.isdigit()] or [""]
    wanted = [(".".join(tables), key)]
    if tables:  # an inline table: operator = { object_id = … }
        wanted.append((".".join(tables[:-1]), tables[-1]))
    table, best = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = header[1].strip()
            if table == ".".join(tables) or table == ".".join([*tables, key]):
                best = number
        elif any(table == parent and re.match(rf"\s*{re.escape(name)}\s*=", line) for parent, name in wanted):
            return number
    return best
