"""Who acts: the runner's credential (one choice in env.toml) and the probe identities of the smoke tests.

Everything is read from ``connection.process_environment()``, the environment that Terraform gets too, so that the
provider, the backend and the SDKs are always the same principal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.rest import HttpRequest
from azure.identity import (
    AzureAuthorityHosts,
    AzureCliCredential,
    AzurePipelinesCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from toolkit.azure.pipeline import RestClient
from toolkit.environment import Connection, CredentialChoice, Vantage
from toolkit.errors import UsageError

# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust (recommended audience)
FEDERATION_AUDIENCE = "api://AzureADTokenExchange"

# https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
GITHUB_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 (a variable's name)

# The first is what azapi and the azurerm backend read, the second what AzureCLI@2 and AzurePowerShell@5 set:
# https://learn.microsoft.com/azure/devops/pipelines/tasks/reference/azure-cli-v2
AZURE_DEVOPS_CONNECTION = ("ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")

# What AzurePipelinesCredential reads by itself, and what a job hands on to it:
# https://learn.microsoft.com/azure/devops/pipelines/build/variables
AZURE_DEVOPS_URL = "SYSTEM_OIDCREQUESTURI"
AZURE_DEVOPS_TOKEN = "SYSTEM_ACCESSTOKEN"  # noqa: S105 (a variable's name)

PROBES_NEED = (
    "probe identities are signed in with a job's OIDC token: in GitHub Actions with id-token: write "
    f"({GITHUB_URL} is not set here), or in Azure Pipelines in an AzureCLI@2 step of the service connection that the "
    f"environment trusts, with {AZURE_DEVOPS_TOKEN} mapped (one of {AZURE_DEVOPS_URL}, {AZURE_DEVOPS_TOKEN} and "
    f"{AZURE_DEVOPS_CONNECTION[1]} is not set here)"
)


def runner_credential(connection: Connection, vantage: Vantage | None = None) -> TokenCredential:
    """The credential that env.toml chooses, at ``vantage`` (the runner's own by default). Nothing is requested yet.

    Raises UsageError, naming the variable, when the choice needs one that is not set.
    """
    return _RUNNERS[connection.environment.credential](connection, vantage or connection.runner)


def probe_credential(connection: Connection, client_id: str, vantage: Vantage) -> TokenCredential | None:
    """The credential of a probe identity: a user-assigned identity that trusts this environment's GitHub subject, and
    its service connection of Azure DevOps, as CI's identity does (terraform/bootstrap/identities.tf).

    None where no OIDC token can be had (:data:`PROBES_NEED` says so): a laptop cannot act as a probe.
    """
    settings = connection.process_environment(vantage)
    if settings.get(GITHUB_URL) and settings.get(GITHUB_TOKEN):
        return _federated(connection, client_id, vantage, settings)
    service_connection = next((settings[name] for name in AZURE_DEVOPS_CONNECTION if settings.get(name)), None)
    token = settings.get(AZURE_DEVOPS_TOKEN)
    if service_connection and token and settings.get(AZURE_DEVOPS_URL):
        # Entra looks at issuer and subject of the token, not at the identity that the connection was made for.
        return AzurePipelinesCredential(
            tenant_id=connection.environment.tenant_id,
            client_id=client_id,
            service_connection_id=service_connection,
            system_access_token=token,
            **_options(vantage),
        )
    return None


class NoIdToken(Exception):
    """This is no job that could have an OIDC token."""


def id_token(connection: Connection) -> str:
    """The OIDC token of the job that this is, as Entra would get it. Holds what signs in: never print it.

    Raises NoIdToken outside of a job, AzureError when the job's system gives none.
    """
    vantage = connection.runner
    settings = connection.process_environment(vantage)
    if settings.get(GITHUB_URL) and settings.get(GITHUB_TOKEN):
        return _github_token(settings, vantage)
    connection_id = next((settings[name] for name in AZURE_DEVOPS_CONNECTION if settings.get(name)), None)
    uri, token = settings.get(AZURE_DEVOPS_URL), settings.get(AZURE_DEVOPS_TOKEN)
    if connection_id and uri and token:
        # https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
        url = f"{uri.rstrip('/')}?api-version=7.1&serviceConnectionId={connection_id}"
        request = HttpRequest("POST", url, headers={"Authorization": f"Bearer {token}"}, json={})
        with RestClient(uri, vantage) as client:
            response = client.send_request(request)
            response.raise_for_status()
            return str(response.json()["oidcToken"])
    raise NoIdToken(f"no OIDC token can be had here: {PROBES_NEED}")


def _client_secret(connection: Connection, vantage: Vantage) -> TokenCredential:
    settings = connection.process_environment(vantage)
    # process_environment() has already filled these from AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.
    client_id = _required(connection, settings, "ARM_CLIENT_ID", "AZURE_CLIENT_ID")
    secret = _required(connection, settings, "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET")
    return ClientSecretCredential(connection.environment.tenant_id, client_id, secret, **_options(vantage))


def _azure_cli(connection: Connection, vantage: Vantage) -> TokenCredential:
    # The az process inherits this one's environment: only on Azure, where no vantage has settings, is this offered.
    return AzureCliCredential(tenant_id=connection.environment.tenant_id, process_timeout=30)


def _github(connection: Connection, vantage: Vantage) -> TokenCredential:
    settings = connection.process_environment(vantage)
    client_id = connection.environment.client_id or _required(connection, settings, "ARM_CLIENT_ID", "AZURE_CLIENT_ID")
    _required(connection, settings, GITHUB_URL)
    _required(connection, settings, GITHUB_TOKEN)
    return _federated(connection, client_id, vantage, settings)


def _azure_devops(connection: Connection, vantage: Vantage) -> TokenCredential:
    settings = connection.process_environment(vantage)
    client_id = connection.environment.client_id or _required(
        connection, settings, "ARM_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID", "AZURE_CLIENT_ID"
    )
    _required(connection, settings, AZURE_DEVOPS_URL)  # read by AzurePipelinesCredential itself
    return AzurePipelinesCredential(
        tenant_id=connection.environment.tenant_id,
        client_id=client_id,
        service_connection_id=_required(connection, settings, *AZURE_DEVOPS_CONNECTION),
        system_access_token=_required(connection, settings, AZURE_DEVOPS_TOKEN),
        **_options(vantage),
    )


def _managed_identity(connection: Connection, vantage: Vantage) -> TokenCredential:
    # No client options: the endpoint of a managed identity is on the machine, never behind a proxy.
    return ManagedIdentityCredential(client_id=connection.environment.client_id)


_RUNNERS: dict[CredentialChoice, Callable[[Connection, Vantage], TokenCredential]] = {
    "azure-cli": _azure_cli,
    "client-secret": _client_secret,
    "github-oidc": _github,
    "azure-devops-oidc": _azure_devops,
    "managed-identity": _managed_identity,
}


def _options(vantage: Vantage) -> dict[str, Any]:
    """The authority is said, or azure-identity would take it from AZURE_AUTHORITY_HOST of this process."""
    return {**vantage.client_options, "authority": AzureAuthorityHosts.AZURE_PUBLIC_CLOUD}


def _federated(
    connection: Connection, client_id: str, vantage: Vantage, settings: Mapping[str, str]
) -> ClientAssertionCredential:
    def assertion() -> str:
        # Asked for anew each time: GitHub's token lives for five minutes, applies for longer.
        return _github_token(settings, vantage)

    return ClientAssertionCredential(connection.environment.tenant_id, client_id, func=assertion, **_options(vantage))


def _github_token(settings: Mapping[str, str], vantage: Vantage) -> str:
    headers = {"Authorization": f"Bearer {settings[GITHUB_TOKEN]}"}
    with RestClient(settings[GITHUB_URL], vantage) as client:
        answer = client.get(settings[GITHUB_URL], {"audience": FEDERATION_AUDIENCE}, headers)
    return str(answer["value"])


def _required(connection: Connection, settings: Mapping[str, str], *names: str) -> str:
    for name in names:
        if value := settings.get(name):
            return value
    environment = connection.environment
    raise UsageError(
        f"environment {environment.name} signs in with {environment.credential}, but {' or '.join(names)} is not set",
        hint="set it, or change `credential` in env.toml; docs/environments.md says what each choice needs",
    )
