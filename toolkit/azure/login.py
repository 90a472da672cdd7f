"""Whether this runner is signed in and sees the environment's subscription, asked before anything is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit import github
from toolkit.azure.api_versions import SUBSCRIPTIONS_API_VERSION
from toolkit.azure.credentials import runner_credential
from toolkit.environment import Connection, CredentialChoice, Environment
from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

# How to sign in, for each credential choice of env.toml.
_SIGN_IN: dict[CredentialChoice, str] = {
    "azure-cli": "az login --tenant {tenant}",
    "client-secret": "set AZURE_CLIENT_ID and AZURE_CLIENT_SECRET to an application of tenant {tenant}",
    "github-oidc": "run in a GitHub job with `permissions: id-token: write`, whose subject the identity trusts",
    "azure-devops-oidc": "pass SYSTEM_ACCESSTOKEN and the service connection's id to the step",
    "managed-identity": "run on a machine in Azure that has the identity (client_id in env.toml)",
}

# msal's transport errors reach us inside a ClientAuthenticationError, as text only.
_NO_NETWORK = ("Failed to resolve", "Max retries exceeded", "Connection refused", "timed out")
_FORM = "gh api repos/OWNER/NAME/actions/oidc/customization/sub shows what GitHub sends"
_CHECK_NETWORK = "check the network, the proxy (HTTPS_PROXY) and the name resolution of this machine"


def sign_in_words(environment: Environment) -> str:
    """How to sign in as env.toml chooses."""
    return _SIGN_IN[environment.credential].format(tenant=environment.tenant_id)


def check_login(connection: Connection) -> None:
    """Get a token and look at the subscription.

    Raises ToolkitError when no token can be had, and UsageError when the identity does not see the subscription of
    env.toml or it belongs to another tenant: nothing was touched then.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    from toolkit.azure.arm import ARM, arm_client

    environment = connection.environment
    sign_in = sign_in_words(environment)
    where = f"envs/{environment.data_name}/env.toml"
    credential = runner_credential(connection)
    try:
        credential.get_token(f"{ARM}/.default")
    except ClientAuthenticationError as error:  # CredentialUnavailableError is one of them
        first = str(error.message or error).strip().splitlines()[0]
        if any(words in first for words in _NO_NETWORK):
            raise ToolkitError(f"Entra ID cannot be reached\n  {first}", hint=_CHECK_NETWORK) from error
        if compared := github.side_by_side(first, trusted_subjects(environment), "the identities trust"):
            raise ToolkitError(
                f"not signed in: no federated credential of {environment.name} matches the job's token\n  {first}\n"
                f"{compared}",
                hint=f"make them equal: github_repository and github_subject in {where} ({_FORM}), or the environment, "
                f"branch or service connection of the job; then toolkit bootstrap {environment.name}",
            ) from error
        raise ToolkitError(
            f"not signed in: the credential of {environment.name} ({environment.credential}) gives no token\n  {first}",
            hint=f"{sign_in}, or choose another credential in {where}",
        ) from error
    except AzureError as error:
        raise ToolkitError(f"Entra ID cannot be reached\n  {error.message}", hint=_CHECK_NETWORK) from error
    try:
        with arm_client(connection, credential) as arm:
            subscription = seen_subscription(arm, environment.subscription_id)
    except HttpResponseError as error:
        code = error.error.code if error.error else None
        raise UsageError(
            f"this identity does not see subscription {environment.subscription_id} ({error.status_code} {code})",
            hint=f"correct subscription and tenant in {where}, or sign in as somebody who has a role there: {sign_in}",
        ) from error
    except AzureError as error:
        raise ToolkitError(
            f"Azure Resource Manager cannot be reached\n  {error.message}", hint=_CHECK_NETWORK
        ) from error
    if subscription.get("tenantId", environment.tenant_id) != environment.tenant_id:
        raise UsageError(
            f"subscription {environment.subscription_id} belongs to tenant {subscription['tenantId']}, not to "
            f"{environment.tenant_id}",
            hint=f"correct tenant in {where}",
        )


def trusted_subjects(environment: Environment) -> list[str]:
    """The subjects that the identities trust: as the last bootstrap here made them, else as they should be.

    The identities' credentials cannot be asked for: there is no token to ask with.
    """
    try:
        recorded = json.loads((environment.state_dir / "bootstrap.json").read_bytes())["outputs"][
            "federated_credentials"
        ]
        return [f"{c['subject']} ({identity})" for identity in recorded for c in recorded[identity].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        contexts = {github.environment_context(environment.data_name): "ci, probe", github.PULL_REQUEST: "plan"}
        subjects = {environment.github_subject_of(context): who for context, who in contexts.items()}
        return [f"{subject} ({who})" for subject, who in subjects.items() if subject]


def seen_subscription(arm: RestClient, subscription_id: str) -> dict[str, Any]:
    """The subscription; raises HttpResponseError for one in which the identity has no role at all.

    Reading it takes a role on it. An identity that has roles inside it only, such as bootstrap's, finds it in the list
    (https://learn.microsoft.com/rest/api/resources/subscriptions/list).
    """
    from azure.core.exceptions import HttpResponseError

    version = {"api-version": SUBSCRIPTIONS_API_VERSION}
    try:
        return arm.get(f"/subscriptions/{subscription_id}", version)
    except HttpResponseError:
        for listed in arm.get("/subscriptions", version)["value"]:
            if listed["subscriptionId"].lower() == subscription_id.lower():
                found: dict[str, Any] = listed
                return found
        raise
