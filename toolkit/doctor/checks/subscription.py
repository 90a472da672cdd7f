"""The subscription: whether this identity sees it and it may be written to, and whether providers are registered."""

from __future__ import annotations

from azure.core.exceptions import HttpResponseError

from toolkit.azure.arm import arm_client
from toolkit.azure.login import seen_subscription, sign_in_words
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.doctor.context import Context

# https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states
_STATES = {
    "warned": "it is disabled shortly unless the reason is put right",
    "pastdue": "a payment is overdue: it is disabled when that goes on",
    "disabled": "it is read-only: what is there can be read and deleted, and nothing made or changed",
    "deleted": "it is deleted, with everything in it",
}
# What no type of ours belongs to, and the platform needs all the same (terraform/bootstrap/main.tf says why).
_REGISTERING = "Microsoft.Resources/providers"


def _state(context: Context) -> Facts:
    environment = context.environment
    try:
        with arm_client(context.connection, context.run.credential()) as arm:
            found = seen_subscription(arm, environment.subscription_id)
    except HttpResponseError as error:
        code = error.error.code if error.error else None
        raise CheckFailed(
            f"this identity does not see subscription {environment.subscription_id} ({error.status_code} {code})",
            cause="missing-role",
            hint=f"correct subscription and tenant in {context.env_file}, or sign in as somebody who has a role there: "
            f"{sign_in_words(environment)}",
        ) from error
    state = str(found.get("state", "Enabled"))
    facts = {"name": found.get("displayName"), "state": state, "tenant": found.get("tenantId")}
    if str(found.get("tenantId", environment.tenant_id)).lower() != environment.tenant_id:
        raise CheckFailed(
            f"the subscription belongs to tenant {found['tenantId']}, not to {environment.tenant_id}",
            hint=f"correct tenant in {context.env_file}",
            facts=facts,
        )
    if state.lower() in _STATES:
        raise CheckFailed(
            f"the subscription {found.get('displayName')} is {state}: {_STATES[state.lower()]}",
            cause="not-ready",
            hint="have its billing administrator put it right (Cost Management + Billing in the portal), and wait "
            f"until az account show --subscription {environment.subscription_id} --query state says Enabled",
            facts=facts,
        )
    return facts


def needed_namespaces(context: Context) -> list[str]:
    """The resource providers that what is declared needs, as it spells them."""
    found: dict[str, str] = {}
    for one in context.declared():
        if one.resource_type == _REGISTERING and one.resource_id:
            name = one.resource_id.rsplit("/", 1)[-1]
        else:
            name = one.resource_type.partition("/")[0]
        found.setdefault(name.lower(), name)
    return sorted(found.values())


def unregistered(context: Context) -> dict[str, str]:
    """Namespace and state of those that are not registered."""
    providers = context.providers()
    states = {
        name: str((providers.get(name.lower()) or {}).get("registrationState", "unknown to Azure"))
        for name in needed_namespaces(context)
    }
    return {name: state for name, state in states.items() if state.lower() != "registered"}


def _registered(context: Context) -> Facts:
    needed = needed_namespaces(context)
    missing = unregistered(context)
    if missing and not context.group_exists(context.platform_group):
        return {"registered_by_bootstrap": sorted(missing)}  # which has not run, and whose rights are asked for
    if missing:
        shown = ", ".join(f"{name} ({state})" for name, state in missing.items())
        commands = "; ".join(f"az provider register --namespace {name}" for name in missing)
        raise CheckFailed(
            f"{len(missing)} of {len(needed)} resource providers are not registered: {shown}",
            cause="not-ready",
            hint=f"toolkit doctor {context.environment.name} --fix registers them, and so does toolkit bootstrap "
            f"{context.environment.name}; or, by who may: {commands}",
            facts={"missing": missing},
        )
    return {"registered": needed}


CHECKS: tuple[Check[Context], ...] = (
    Check(
        "subscription-state",
        "subscription",
        "The subscription is seen, enabled, and of the environment's tenant",
        _state,
        depends=("credential-token",),
    ),
    Check(
        "providers-registered",
        "providers",
        "Every resource provider that is needed is registered",
        _registered,
        depends=("subscription-state", "data-declares"),
    ),
)
