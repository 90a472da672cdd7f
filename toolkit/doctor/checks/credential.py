"""Who acts: the one credential that env.toml chooses, what this shell says against it, and the token that it gives."""

from __future__ import annotations

from datetime import UTC, datetime

from azure.core.exceptions import AzureError, ClientAuthenticationError

from toolkit.azure.acting import acting
from toolkit.azure.arm import ARM
from toolkit.azure.login import sign_in_words
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.doctor.context import Context
from toolkit.environment import shell
from toolkit.errors import UsageError

# A token is renewed by who asked for it; one that is handed over in a variable is not.
_LEFT_SECONDS = 300


def _choice(context: Context) -> Facts:
    environment = context.environment
    try:
        if environment.target == "azure":
            shell.refuse_conflicts(environment)
        context.run.credential()
    except UsageError as error:
        raise CheckFailed(error.message, cause="sign-in", hint=error.hint) from error
    return {
        "credential": environment.credential,
        "acts": context.connection.acts_with,
        "not_used_of_this_shell": [*shell.kept_out(environment), *shell.left_out()],
    }


def _token(context: Context) -> Facts:
    environment = context.environment
    sign_in = sign_in_words(environment)
    try:
        token = context.run.credential().get_token_info(f"{ARM}/.default")
    except ClientAuthenticationError as error:
        first = str(error.message or error).strip().splitlines()[0]
        raise CheckFailed(
            f"{environment.credential} gives no token: {first}",
            cause="sign-in",
            hint=f"{sign_in}, or choose another credential in {context.env_file}",
        ) from error
    except AzureError as error:
        raise CheckFailed(
            f"Entra ID does not answer: {error.message.splitlines()[0]}",
            cause="unreachable",
            hint="check the network, the proxy (HTTPS_PROXY) and the name resolution of this machine",
        ) from error
    who = acting(token.token)
    expires = datetime.fromtimestamp(token.expires_on, UTC)
    left = (expires - datetime.now(UTC)).total_seconds()
    facts = {
        "acts_as": who.words,
        "object_id": who.object_id,
        "client_id": who.client_id,
        "tenant": who.tenant_id,
        "expires_at": expires.isoformat(timespec="seconds"),
    }
    if who.tenant_id and who.tenant_id.lower() != environment.tenant_id:
        raise CheckFailed(
            f"the token is of tenant {who.tenant_id}, and {context.env_file} says {environment.tenant_id}",
            cause="token",
            hint=f"{sign_in}, or correct tenant in {context.env_file}",
            facts=facts,
        )
    if left < _LEFT_SECONDS:
        raise CheckFailed(
            f"the token of {who.words} ends in {max(left, 0):.0f} s ({facts['expires_at']}): an apply outlives it",
            cause="token",
            hint=f"sign in again ({sign_in}); when a new token is as short, see the tenant's token lifetime policy and "
            "this machine's clock",
            facts=facts,
        )
    return facts


CHECKS: tuple[Check[Context], ...] = (
    Check("credential-choice", "credential", "One credential acts, and this shell says none else", _choice),
    Check(
        "credential-token",
        "credential",
        "It gives a token of the environment's tenant, for long enough",
        _token,
        depends=("credential-choice", "reach-azure"),
        deadline=60,
    ),
)
