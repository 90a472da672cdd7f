"""What the control plane says about the services that an environment may leave out: Batch and the function app."""

from __future__ import annotations

from functools import partial

from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.control_plane import absent, attached, expect, fail_if, lookup, read, read_list, same
from toolkit.smoke.context import Context


def batch_is_closed(context: Context) -> Facts:
    account_id = context.output("batch_account_id")
    account = read(context, account_id)
    facts = expect(
        "the Batch account",
        account,
        {
            "properties.provisioningState": "Succeeded",
            "properties.publicNetworkAccess": ("Disabled", "Enabled"),
            "properties.autoStorage.authenticationMode": "BatchAccountManagedIdentity",
        },
    )
    problems = []
    # An account that names no modes is taken to allow all of them (inferred).
    modes = lookup(account, "properties.allowedAuthenticationModes") or ["SharedKey"]
    if "SharedKey" in modes:
        problems.append("the Batch account takes shared keys")
    is_open = facts["properties.publicNetworkAccess"] == "Enabled"
    if is_open and lookup(account, "properties.networkProfile.accountAccess.defaultAction") != "Deny":
        problems.append("the Batch account answers everybody on the internet")
    pools = read_list(context, f"{account_id}/pools")
    for pool in pools:
        provision = lookup(pool, "properties.networkConfiguration.publicIPAddressConfiguration.provision")
        if provision != "NoPublicIPAddresses":
            problems.append(f"the nodes of pool {pool['name']} have public addresses")
        if lookup(pool, "properties.scaleSettings.autoScale.formula") is None:
            problems.append(f"pool {pool['name']} does not scale by itself")
    if not any(same(pool["id"], context.output("batch_pool_id")) for pool in pools):
        problems.append(absent("the Batch account has lost the platform's pool"))
    fail_if(problems, hint="toolkit plan shows what an apply would set back")
    return {**facts, "modes": modes, "pools": [pool["name"] for pool in pools]}


def function_app_is_closed(context: Context) -> Facts:
    app_id = context.output("function_app_id")
    app = read(context, app_id)
    fail_if(attached(context, "function", app), hint="toolkit apply attaches it")
    facts = expect(
        "the function app",
        app,
        {
            "properties.httpsOnly": True,
            "properties.publicNetworkAccess": ("Disabled", "Enabled"),
            "properties.functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
        },
    )
    policies = {name: read(context, f"{app_id}/basicPublishingCredentialsPolicies/{name}") for name in ("scm", "ftp")}
    allowed = [name for name, policy in policies.items() if lookup(policy, "properties.allow") is not False]
    fail_if(
        [f"the function app can be published to with a password ({name})" for name in allowed],
        hint="toolkit apply turns basic authentication off",
    )
    return {**facts, "basic_publishing": allowed}


_posture = partial(Check, category="posture")

CHECKS: tuple[Check[Context], ...] = (
    _posture(
        id="posture-batch-account",
        title="The Batch account takes no keys, and its nodes have no public addresses",
        function=batch_is_closed,
        outputs=("batch_account_id", "batch_pool_id"),
        feature="batch",
        controls=("IM-1", "NS-2", "IA-5"),
    ),
    _posture(
        id="posture-function-app",
        title="The function app takes no passwords, and signs in to storage with its identity",
        function=function_app_is_closed,
        outputs=("function_app_id", "identities"),
        feature="function_app",
        controls=("IM-3", "NS-8", "IA-5"),
    ),
)
