"""Data Factory: the managed virtual network, its endpoints and what goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toolkit.adf.paths import OUTSIDE
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.smoke.checks.control_plane import absent, attached, fail_if, not_approved, not_ready, read, read_list, same
from toolkit.smoke.context import Context
from toolkit.smoke.ways import managed_state

_OUTPUTS = ("resource_group_name", "data_factory_name")
# What a runtime in a managed virtual network may report while nothing runs on it; the SDK's other states (Offline,
# AccessDenied, Limited, NeedRegistration …) are faults:
# https://learn.microsoft.com/rest/api/datafactory/integration-runtimes/get-status
_READY = ("Online", "Started", "Initial")


def runtime_is_ready(context: Context) -> Facts:
    group, factory, name = _group(context), context.output("data_factory_name"), _runtime(context)
    with context.runner().data_factory() as client:
        runtime: Any = client.integration_runtimes.get(group, factory, name)
        status: Any = client.integration_runtimes.get_status(group, factory, name)
    network = getattr(getattr(runtime.properties, "managed_virtual_network", None), "reference_name", None)
    problems = []
    if runtime.properties.type != "Managed" or not network:
        problems.append(f"{name} is of type {runtime.properties.type}, in no managed virtual network")
    if status.properties.state not in _READY:
        problems.append(not_ready(f"{name} is {status.properties.state}"))
    fail_if(problems, hint="a runtime cannot be moved into a managed virtual network: replace it (toolkit plan)")
    return {"managed_virtual_network": network, "state": status.properties.state}


def endpoints_are_approved(context: Context) -> Facts:
    """Both sides: the factory keeps saying Approved when the target rejects the connection later.

    https://learn.microsoft.com/azure/data-factory/security-and-access-control-troubleshoot-guide
    """
    group, factory = _group(context), context.output("data_factory_name")
    problems, facts = [], {}
    with context.runner().data_factory() as client:
        expected = context.output("data_factory_managed_private_endpoints")
        # Listed: to a GET of one that is not there Data Factory answers 400, as to a mistake of the caller's.
        # https://github.com/hashicorp/terraform-provider-azurerm/pull/12618
        found: dict[str, Any] = {
            str(item.name): item.properties.connection_state
            for network in sorted({endpoint["id"].split("/")[-3] for endpoint in expected.values()})
            for item in client.managed_private_endpoints.list_by_factory(group, factory, network)
        }
        for name, endpoint in expected.items():
            state = found.get(endpoint["id"].split("/")[-1])
            ours = state.status if state else "missing"
            theirs = managed_state(context.live, endpoint)
            facts[name] = {"factory": ours, "target": theirs}
            if ours != "Approved":
                problems.append(_state(f"{name} is {ours} in the factory", state is None))
            if theirs != "Approved":
                where = endpoint["target_id"].split("/")[-1]
                problems.append(_state(f"{name} is {theirs or 'unknown'} on its target {where}", theirs is None))
    fail_if(problems, hint="toolkit apply approves them, and makes again what has no connection any more")
    return facts


def identity_exists(context: Context) -> Facts:
    factory = read(context, context.output("data_factory_id"))
    principal = (factory.get("identity") or {}).get("principalId")
    expected = context.output("data_factory_principal_id")
    if not same(principal, expected):
        raise CheckFailed(
            f"the factory's identity is {principal}, but roles were assigned to {expected}",
            hint="the factory was made again: toolkit apply assigns the roles to its new identity",
        )
    fail_if(attached(context, "factory", factory), hint="toolkit apply attaches it")
    return {"principal_id": principal}


def linked_services_use_the_runtime(context: Context) -> Facts:
    """Without connectVia a linked service goes through the Auto-resolve runtime, which the firewalls refuse. One
    through a self-hosted runtime leaves from a machine of the user's own."""
    expected = _runtime(context)
    where = _group(context), context.output("data_factory_name")
    with context.runner().data_factory() as client:
        services: list[Any] = list(client.linked_services.list_by_factory(*where))
        runtimes: list[Any] = list(client.integration_runtimes.list_by_factory(*where))
    own = [str(runtime.name) for runtime in runtimes if runtime.properties.type == "SelfHosted"]
    via = {s.name: s.properties.connect_via.reference_name if s.properties.connect_via else None for s in services}
    problems = [
        f"{n} connects via {r or 'the Auto-resolve runtime'}"
        for n, r in via.items()
        if not any(same(r, runtime) for runtime in (expected, *own))
    ]
    if not via:
        problems.append(absent("the factory has no linked service"))
    fail_if(problems, hint=f"set connectVia to {expected} in the linked service")
    return {"connect_via": via}


def pipelines_use_the_runtime(context: Context) -> Facts:
    """connectVia belongs inside typeProperties; beside them it is dropped, and the Auto-resolve runtime is used.

    https://learn.microsoft.com/azure/data-factory/control-flow-web-activity
    """
    expected = _runtime(context)
    pipelines = {p["name"]: p for p in read_list(context, f"{context.output('data_factory_id')}/pipelines")}
    wanted = context.output("data_factory_pipelines")
    problems: list[str] = [absent(f"the pipeline {n} is missing") for n in wanted if n not in pipelines]
    facts = {}
    for name, pipeline in pipelines.items():
        every = list(_activities(pipeline["properties"]))
        if not every:
            problems.append(f"the pipeline {name} does nothing: it has no activity")
        activities = [one for one in every if one["type"] == "WebActivity"]
        facts[name] = [one["name"] for one in activities]
        for activity in activities:
            via = ((activity.get("typeProperties") or {}).get("connectVia") or {}).get("referenceName")
            if name == OUTSIDE:
                continue  # adf-autoresolve-denied runs it
            if not same(via, expected):
                problems.append(f"{name}/{activity['name']} connects via {via or 'the Auto-resolve runtime'}")
    if not any(facts.values()):
        problems.append("no pipeline has a web activity")
    fail_if(
        problems,
        hint=f"toolkit apply writes ours; elsewhere set typeProperties.connectVia of the activity to {expected}",
    )
    return {"web_activities": facts}


def triggers_are_as_declared(context: Context) -> Facts:
    found = {
        trigger["name"]: trigger["properties"].get("runtimeState")
        for trigger in read_list(context, f"{context.output('data_factory_id')}/triggers")
    }
    wanted = {
        name: "Started" if trigger["started"] else "Stopped"
        for name, trigger in context.output("data_factory_triggers").items()
    }
    fail_if(
        [
            f"trigger {n} is {found[n]}, not {state}" if n in found else absent(f"trigger {n} is missing, not {state}")
            for n, state in wanted.items()
            if found.get(n) != state
        ],
        hint="somebody started or stopped it by hand, which Terraform does not see: do the opposite in the factory",
    )
    return {"triggers": wanted}


def _activities(value: Any) -> Iterator[dict[str, Any]]:
    """Every activity of a pipeline, those inside of others, too."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and isinstance(value.get("typeProperties"), dict) and "type" in value:
            yield value
        for inner in value.values():
            yield from _activities(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _activities(inner)


def _state(words: str, missing: bool) -> str:
    return absent(words) if missing else not_approved(words)


def _group(context: Context) -> str:
    return str(context.output("resource_group_name"))


def _runtime(context: Context) -> str:
    return str(context.output("data_factory_integration_runtime_name"))


CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="adf-runtime-ready",
        category="adf",
        title="The integration runtime stands in the managed virtual network and is ready",
        function=runtime_is_ready,
        outputs=(*_OUTPUTS, "data_factory_integration_runtime_name"),
        retry_seconds=120,
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="adf-endpoints-approved",
        category="adf",
        title="Every managed private endpoint that Terraform made is approved, in the factory and on its target",
        function=endpoints_are_approved,
        outputs=(*_OUTPUTS, "data_factory_managed_private_endpoints"),
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="adf-identity",
        category="adf",
        title="The factory has the identities that roles were assigned to",
        function=identity_exists,
        outputs=("data_factory_id", "data_factory_principal_id", "identities"),
        controls=("IM-3", "IA-9"),
    ),
    Check(
        id="adf-linked-services-private",
        category="adf",
        title="Every linked service connects through the managed virtual network",
        function=linked_services_use_the_runtime,
        outputs=(*_OUTPUTS, "data_factory_integration_runtime_name"),
        controls=("NS-2", "AC-4"),
    ),
    Check(
        id="adf-pipelines-private",
        category="adf",
        title="The pipelines are there, and their web activities connect through the managed virtual network",
        function=pipelines_use_the_runtime,
        outputs=("data_factory_id", "data_factory_pipelines", "data_factory_integration_runtime_name"),
        controls=("NS-2", "AC-4"),
    ),
    Check(
        id="adf-triggers",
        category="adf",
        title="Every trigger that the environment has runs, or does not run, as it says",
        function=triggers_are_as_declared,
        outputs=("data_factory_id", "data_factory_triggers"),
        feature="triggers",
        controls=("PV-2", "CM-6"),
    ),
)
