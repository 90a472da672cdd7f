"""What of the calling shell reaches an environment's clients. Everything is honoured, refused or left out by a table.

Which variables there are: https://github.com/Azure/terraform-provider-azapi/blob/main/docs/index.md (ARM_*),
https://learn.microsoft.com/python/api/overview/azure/identity-readme (AZURE_*),
https://developer.hashicorp.com/terraform/cli/config/environment-variables (TF_*).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from toolkit.environment.model import Environment
from toolkit.environment.target import CredentialChoice
from toolkit.errors import UsageError

# Credentials and network settings of the shell that must not reach a sandbox environment's clients: with one of these
# left over, a client would go to the wrong cloud, or as somebody else, with the right-looking settings.
_FOREIGN_PREFIXES = ("ARM_", "AZURE_", "ACTIONS_ID_TOKEN_", "IDENTITY_", "MSI_")
_FOREIGN_NAMES = {
    "SYSTEM_ACCESSTOKEN",
    "SYSTEM_OIDCREQUESTURI",
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
}

# Of Terraform's own variables those that say where it logs and where it finds plugins. The others would choose another
# state, other arguments or another way of asking than the toolkit's.
_HONOURED = (
    *("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER", "TF_LOG_PATH"),
    *("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_REGISTRY_DISCOVERY_RETRY", "TF_REGISTRY_CLIENT_TIMEOUT"),
)

_VARIABLE = "TF_VAR_"
_SECRETS = (
    *("ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH", "AZURE_CLIENT_SECRET"),
    *("ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
)
_TOKENS = ("ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH")
_STATE_KEYS = ("ARM_ACCESS_KEY", "ARM_SAS_TOKEN")
_FLAGS: Mapping[str, tuple[CredentialChoice, ...]] = {
    "ARM_USE_CLI": ("azure-cli",),
    "ARM_USE_MSI": ("managed-identity",),
    "ARM_USE_OIDC": ("github-oidc", "azure-devops-oidc"),
    "ARM_USE_AKS_WORKLOAD_IDENTITY": (),
}
_CLOUDS = ("ARM_ENVIRONMENT", "AZURE_ENVIRONMENT", "ARM_METADATA_HOSTNAME", "ARM_METADATA_HOST", "AZURE_AUTHORITY_HOST")
_PUBLIC_CLOUD = {"public", "azurecloud", "azurepubliccloud", "login.microsoftonline.com", "management.azure.com"}


def inherited(environment: Environment) -> dict[str, str]:
    """The variables of this process that a child process on the environment's target gets."""
    return {
        name: value
        for name, value in os.environ.items()
        if not (environment.target == "sandbox" and _is_foreign(name)) and not _is_left_out(name)
    }


def left_out() -> list[str]:
    """The names of Terraform's variables that are set here and not used, but for those of data (TF_VAR_*)."""
    return sorted(name for name in os.environ if _is_left_out(name) and not name.startswith(_VARIABLE))


def kept_out(environment: Environment) -> list[str]:
    """The names of this shell's variables that say who acts, or where, and reach no client of a sandbox environment."""
    if environment.target != "sandbox":
        return []
    return sorted(name for name, value in os.environ.items() if value and _is_foreign(name))


def refuse_conflicts(environment: Environment) -> None:
    """Raise UsageError when this shell says another identity, subscription or cloud than env.toml."""
    _refuse_sandbox_settings()
    found = list(_conflicts(environment))
    if found:
        names = " ".join(name for name, _ in found)
        raise UsageError(
            "\n".join(f"{name} is set in this shell: {reason}" for name, reason in found),
            hint=f"unset {names}, or change envs/{environment.data_name}/env.toml: it decides who acts, and where",
        )


def refuse_variables(environment: Environment, declared: Collection[str]) -> None:
    """Raise UsageError for a TF_VAR_* that names one of our variables: it would be in no file, review or plan of CI."""
    found = sorted(n for n in os.environ if n.startswith(_VARIABLE) and n.removeprefix(_VARIABLE) in declared)
    if found:
        raise UsageError(
            f"{', '.join(found)} would set variables that only the files of envs/ set",
            hint=f"unset {' '.join(found)}, and write the values into envs/{environment.data_name}/terraform.tfvars",
        )


def _conflicts(environment: Environment) -> Iterator[tuple[str, str]]:
    choice = environment.credential
    for key, wanted, names in (
        ("tenant", environment.tenant_id, ("ARM_TENANT_ID", "AZURE_TENANT_ID")),
        ("subscription", environment.subscription_id, ("ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID")),
        ("client_id", environment.client_id, ("ARM_CLIENT_ID", "AZURE_CLIENT_ID")),
    ):
        for name in names:
            value = os.environ.get(name)
            if wanted and value and value.lower() != wanted:
                yield name, f'{value!r}, but env.toml says {key} = "{wanted}"'
    for name in _set(_SECRETS):
        if choice != "client-secret":
            yield name, f'env.toml says credential = "{choice}", which takes no secret'
    for name in _set(_TOKENS):
        if choice not in ("github-oidc", "azure-devops-oidc"):
            yield name, f'env.toml says credential = "{choice}", which takes no token'
    for name in _set(_STATE_KEYS):
        yield name, "the state account has its shared keys off, its clients sign in with Entra ID"
    for name, choices in _FLAGS.items():
        if os.environ.get(name, "").lower() in ("1", "t", "true") and choice not in choices:
            yield name, f'env.toml says credential = "{choice}"'
    for name in _set(_CLOUDS):
        value = os.environ[name].lower().removeprefix("https://").rstrip("/")
        if value not in _PUBLIC_CLOUD:
            yield name, f"{os.environ[name]!r} is not Azure's public cloud, the only one that the toolkit knows"


def _set(names: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if os.environ.get(name))


def _refuse_sandbox_settings() -> None:
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        folders = Path(os.environ.get(variable, "")).parts
        if ".toolkit" in folders and "sandbox" in folders:
            raise UsageError(
                f"{variable} names the sandbox's certificate authority, but this environment is on Azure",
                hint="this shell was pointed at the sandbox (toolkit sandbox env): use another shell",
            )


def _is_foreign(variable: str) -> bool:
    return variable.startswith(_FOREIGN_PREFIXES) or variable.upper() in _FOREIGN_NAMES


def _is_left_out(variable: str) -> bool:
    return variable.startswith("TF_") and variable not in _HONOURED
