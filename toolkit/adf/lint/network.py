"""Ways through the network: which runtime something leaves through, and which private endpoints it finds there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from toolkit.adf.lint import urls
from toolkit.adf.lint.model import Hit, Move, Rule, SetValue, Subject, is_expression, number
from toolkit.adf.paths import OUTSIDE
from toolkit.pipelines.documents import Node
from toolkit.pipelines.model import AUTO_RESOLVE, Factory, Resource

_MANAGED = "https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint"
_TROUBLE = "https://learn.microsoft.com/azure/data-factory/security-and-access-control-troubleshoot-guide"
_RUNTIME = "https://learn.microsoft.com/azure/data-factory/concepts-integration-runtime"

Way = Literal["public", "managed", "self-hosted", "unknown"]
# Where linked services say where they lead.
_ADDRESSES = ("url", "serviceEndpoint", "baseUrl", "batchUri", "functionAppUrl", "server", "endpoint")
_SERVER = re.compile(r"(?:Data Source|Server|AccountEndpoint)\s*=\s*(?:tcp:)?(?:https://)?([\w.-]+)", re.IGNORECASE)
_ACCOUNT = re.compile(r"AccountName\s*=\s*([\w-]+)", re.IGNORECASE)


def way_of(factory: Factory, connect_via: Node | None) -> Way:
    name = connect_via.text("referenceName") if connect_via is not None else AUTO_RESOLVE
    if name is None or is_expression(name):
        return "unknown"
    runtime = factory.find("integrationRuntime", name)
    if runtime is None:
        return "public" if name.lower() == AUTO_RESOLVE.lower() else "unknown"
    if runtime.type == "SelfHosted":
        return "self-hosted"
    return "managed" if runtime.properties.get("managedVirtualNetwork") is not None else "public"


def managed_runtimes(factory: Factory) -> list[Resource]:
    return [one for one in factory.of("integrationRuntime") if one.properties.get("managedVirtualNetwork") is not None]


def endpoint_for(factory: Factory, aimed: urls.Target) -> Resource | None:
    """The managed private endpoint that leads to a host."""
    service = aimed.service
    for endpoint in factory.of("managedPrivateEndpoint"):
        fqdns = endpoint.properties.get("fqdns")
        if fqdns is not None and any(aimed.host == str(one.value).lower() for one in fqdns.items()):
            return endpoint
        target = (endpoint.properties.text("privateLinkResourceId") or "").rstrip("/").split("/")[-1].lower()
        group = (endpoint.properties.text("groupId") or "").lower()
        if service and group == service.group.lower() and target and (target == aimed.name or urls.ANY in aimed.name):
            return endpoint
    return None


def _linked_target(resource: Resource) -> tuple[Node, urls.Target] | None:
    properties = resource.properties.at("typeProperties")
    for name in _ADDRESSES:
        node = properties.get(name)
        if node is not None:
            text = urls.pattern(node.value)
            aimed = urls.target(text if "://" in text else f"https://{text}")
            return (node, aimed) if aimed.host else None
    node = properties.get("connectionString")
    text = urls.pattern(node.value) if node is not None else ""
    if node is not None and (found := _SERVER.search(text)):
        return node, urls.target(f"https://{found[1]}")
    if node is not None and (found := _ACCOUNT.search(text)) and resource.type == "AzureBlobStorage":
        return node, urls.target(f"https://{found[1]}.blob.core.windows.net")
    return None


def _ways(subject: Subject) -> Iterator[tuple[Node, str, urls.Target, Node, Way]]:
    """(where the target is written, who goes, the target, where connectVia belongs, the way)."""
    factory = subject.factory
    for activity in subject.activities_of("WebActivity", "WebHook"):
        if activity.pipeline.name == OUTSIDE:
            continue  # that this way is refused is what it is there to prove
        url = activity.type_properties.at("url")
        aimed = urls.target(url.value)
        if aimed.host:
            via = activity.type_properties.get("connectVia")
            yield url, activity.label, aimed, activity.type_properties, way_of(factory, via)
    for resource in factory.of("linkedService"):
        if found := _linked_target(resource):
            via = resource.properties.get("connectVia")
            yield found[0], resource.label, found[1], resource.properties, way_of(factory, via)


def public_to_private(subject: Subject) -> Iterator[Hit]:
    for node, who, aimed, around, way in _ways(subject):
        endpoint = endpoint_for(subject.factory, aimed)
        if way == "public" and endpoint is not None and urls.ANY not in aimed.name:
            what = f"{who} goes to {aimed.host} through a public runtime, although {endpoint.name} leads there"
            yield Hit(node, what, _through_managed(subject, around))


def auto_resolve(subject: Subject) -> Iterator[Hit]:
    runtimes = managed_runtimes(subject.factory)
    for node, who, aimed, _, way in _ways(subject):
        service = aimed.service
        if way != "public" or not runtimes or service is None or not service.group:
            continue
        if endpoint_for(subject.factory, aimed) is not None and urls.ANY not in aimed.name:
            continue  # said more sharply by network-public-to-private
        # Not mended: without a private endpoint the managed network would be no way either.
        yield Hit(node, f"{who} goes to {aimed.host} through the Auto-resolve runtime")


def _through_managed(subject: Subject, around: Node) -> tuple[SetValue, ...]:
    """With one managed runtime there is nothing to choose."""
    runtimes = managed_runtimes(subject.factory)
    if len(runtimes) != 1:
        return ()
    reference = {"referenceName": runtimes[0].name, "type": "IntegrationRuntimeReference"}
    return (SetValue((*around.path, "connectVia"), reference),)


def endpoint_missing(subject: Subject) -> Iterator[Hit]:
    factory = subject.factory
    if factory.origin != "live" and not factory.of("managedPrivateEndpoint"):
        return  # they are made by somebody else, Terraform for one
    for node, who, aimed, _, way in _ways(subject):
        service = aimed.service
        if way == "managed" and aimed.known and service and service.group and endpoint_for(factory, aimed) is None:
            what = f"{who} goes to {aimed.host} through the managed network, where no private endpoint leads there"
            yield Hit(node, what)


def endpoint_unapproved(subject: Subject) -> Iterator[Hit]:
    for endpoint in subject.factory.of("managedPrivateEndpoint"):
        state = endpoint.properties.at("connectionState", "status")
        if isinstance(state.value, str) and state.value.lower() != "approved":
            yield Hit(state, f"{endpoint.label} is {state.value}")


def linked_service_connect_via(subject: Subject) -> Iterator[Hit]:
    for resource in subject.factory.of("linkedService"):
        node = resource.properties.get("typeProperties", "connectVia")
        if node is not None:
            yield Hit(
                node,
                f"connectVia within typeProperties of {resource.label}",
                (Move(node.path, resource.properties.path),),
            )


def warm_up(subject: Subject) -> Iterator[Hit]:
    for runtime in managed_runtimes(subject.factory):
        compute = runtime.properties.at("typeProperties", "computeProperties")
        kept = [
            number(compute.at(name, "timeToLive").value)
            for name in ("pipelineExternalComputeScaleProperties", "copyComputeScaleProperties", "dataFlowProperties")
        ]
        if not any(kept):
            yield Hit(runtime.properties, f"{runtime.label} keeps no compute between activities")


RULES: tuple[Rule, ...] = (
    Rule(
        "network-public-to-private", "error",
        "What has a managed private endpoint is reached through a runtime in the managed network.",
        "A target that only its private endpoints reach answers 403: the private endpoint is of no use to a public "
        "runtime.",
        "Set connectVia to the runtime in the managed virtual network.", _MANAGED, public_to_private, fixable=True,
    ),
    Rule(
        "network-auto-resolve", "warning",
        "With a managed network in the factory, storage, vaults and databases are reached through it.",
        "The Auto-resolve runtime goes out on public addresses: an account whose default action is Deny answers 403, "
        "today or once its firewall is on.",
        "Make a managed private endpoint for the target, and set connectVia to the runtime in the managed network.",
        _RUNTIME, auto_resolve,
    ),
    Rule(
        "network-endpoint-missing", "error", "Through the managed network, each target has a managed private endpoint.",
        "Data Factory does not reach storage reliably through public addresses from there, and nothing at all that is "
        "firewalled.",
        "Create a managed private endpoint for the target and have its owner approve it.", _MANAGED, endpoint_missing,
    ),
    Rule(
        "network-endpoint-unapproved", "error", "Managed private endpoints are approved.",
        "No traffic passes until the target's owner approves the connection: activities fail as if there were none.",
        "Approve the connection on the target; toolkit apply does so for its own.", _TROUBLE, endpoint_unapproved,
    ),
    Rule(
        "linked-service-connect-via", "error", "connectVia of a linked service is beside typeProperties.",
        "Within them it is ignored, and the Auto-resolve runtime is used.", "Move it out of typeProperties.",
        "https://learn.microsoft.com/azure/data-factory/concepts-linked-services#linked-service-json",
        linked_service_connect_via, refused=True, fixable=True,
    ),
    Rule(
        "network-warm-up", "note", "A runtime in the managed network keeps its compute for a while.",
        "Each activity waits a minute or more until compute is there.",
        "Set timeToLive for pipeline, external and copy activities.",
        "https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint#time-to-live",
        warm_up,
    ),
)  # fmt: skip
