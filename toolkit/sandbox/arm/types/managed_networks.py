"""The managed network of an Azure Machine Learning workspace: its outbound rules, and those that the service adds.

Which rules are required: https://learn.microsoft.com/azure/machine-learning/how-to-managed-network#list-of-required-rules
and https://github.com/MicrosoftDocs/azure-docs/pull/111532. Their names and bodies are those of azure-ai-ml's recorded
tests (https://github.com/Azure/azure-sdk-for-python, sdk/ml/azure-ai-ml/tests/workspace). That a second rule to one
destination is an error is said in https://github.com/Azure/azureml-examples/pull/2990; its code and sentence are
(inferred), as are when the service looks at public access (at each write of the workspace) and that its own rules go
when they are not required any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.private_link import TARGETS, names_of, target_of
from toolkit.sandbox.arm.resource_type import Answer, Call
from toolkit.sandbox.internal import keep_target_hosts
from toolkit.sandbox.store import Resource

OUTBOUND_RULES = "Microsoft.MachineLearningServices/workspaces/outboundRules"
_GROUPS = {"storageAccount": ("blob", "file"), "keyVault": ("vault",), "containerRegistry": ("registry",)}
_SERVICE_TAGS = (
    "AzureActiveDirectory",
    "AzureContainerRegistry",
    "AzureFrontDoor",
    "AzureMachineLearning",
    "AzureMonitor",
    "AzureResourceManager",
    "BatchNodeManagement",
    "MicrosoftContainerRegistry",
    "VirtualNetwork",
)


def written(call: Call, resource: Resource) -> None:
    """Rules in the body and rules written as children are the same rules; a PUT drops only those that an earlier
    body named."""
    network: Json = resource.properties["managedNetwork"]
    standing: Json = call.existing.properties["managedNetwork"] if call.existing else {}
    if call.method == "PUT" and standing and "managedNetwork" not in call.sent:
        network = resource.properties["managedNetwork"] = standing
    if _isolation(network) == "Disabled":
        return
    now = resource.properties.pop("provisionNetworkNow", False)
    idle = {"status": "Active" if now else "Inactive", "sparkReady": False}
    network["status"] = {**standing.get("status", idle), **({"status": "Active"} if now else {})}
    sent: Json = (call.sent.get("managedNetwork") or {}).get("outboundRules") or {}
    _drop_former_rules(call, resource, sent)
    for name, rule in {**sent, **dict(_required(call, resource))}.items():
        status = network["status"]["status"]
        made = call.resources.write(f"{resource.id}/outboundRules/{name}", OUTBOUND_RULES, {**rule, "status": status})
        _keep_hosts(call, made, resource)
        call.resources.store.put(made)
    rules = call.resources.store.under(resource.id, OUTBOUND_RULES)
    _refuse_duplicates(rules)
    network["outboundRules"] = {rule.name: rule.properties for rule in rules}


def _isolation(network: Json) -> str:
    return str(network.get("isolationMode", "Disabled"))


def _drop_former_rules(call: Call, resource: Resource, sent: Json) -> None:
    store = call.resources.store
    if call.method == "PUT":
        for name in resource.internal.get("bodyRules", []):
            if name not in sent:
                store.delete(f"{resource.id}/outboundRules/{name}")
        resource.internal["bodyRules"] = list(sent)
    for rule in store.under(resource.id, OUTBOUND_RULES):
        if rule.properties.get("category") == "Required":
            store.delete(rule.id)


def _required(call: Call, workspace: Resource) -> Iterator[tuple[str, Json]]:
    """With AllowInternetOutbound, an endpoint for what is closed to the public; otherwise for everything."""
    every = _isolation(workspace.properties["managedNetwork"]) == "AllowOnlyApprovedOutbound"
    targets: list[tuple[Resource, tuple[str, ...]]] = [(workspace, ("amlworkspace",))]
    for name, groups in _GROUPS.items():
        found = call.resources.store.get(workspace.properties.get(name) or "")
        if found is not None and (name != "containerRegistry" or found.body["sku"]["name"] == "Premium"):
            targets.append((found, groups))
    for target, groups in targets:
        if not every and str(target.properties.get("publicNetworkAccess")).casefold() != "disabled":
            continue
        for group in groups:
            destination = {
                "serviceResourceId": target.id,
                "subresourceTarget": group,
                "sparkEnabled": False,
                "sparkStatus": "Inactive",
            }
            rule = {"type": "PrivateEndpoint", "destination": destination, "category": "Required"}
            yield f"__SYS_PE_{target.name}_{group}", rule
    for tag in _SERVICE_TAGS if every else ():
        destination = {"serviceTag": tag, "protocol": "*", "portRanges": "*"}
        yield f"__SYS_ST_{tag}", {"type": "ServiceTag", "destination": destination, "category": "Required"}


def _refuse_duplicates(rules: list[Resource]) -> None:
    taken: dict[tuple[str, str], str] = {}
    for rule in sorted(rules, key=lambda rule: rule.properties.get("category") != "Required"):
        if rule.properties.get("type") != "PrivateEndpoint":
            continue
        destination = rule.properties["destination"]
        key = (str(destination["serviceResourceId"]).casefold(), str(destination["subresourceTarget"]).casefold())
        if (other := taken.setdefault(key, rule.name)) != rule.name:
            raise bad_request(
                "ValidationError",
                f"The outbound rule '{rule.name}' cannot be written: the rule '{other}' has the same destination, "
                f"{destination['subresourceTarget']} of {destination['serviceResourceId']}.",
            )


def _keep_hosts(call: Call, rule: Resource, workspace: Resource) -> None:
    """The names that the rule's endpoint takes over in the managed network; routing.py asks for them."""
    if rule.properties.get("type") != "PrivateEndpoint":
        return
    destination = rule.properties["destination"]
    target_id, group = str(destination["serviceResourceId"]), str(destination["subresourceTarget"])
    if target_id.casefold() == workspace.id.casefold():  # not in the store yet while it is made
        found, target, group = workspace, TARGETS[workspace.type], "amlworkspace"
    elif call.resources.store.get(target_id) is None:
        return  # taken as it is, as recorded: the endpoint is made when the network is provisioned
    else:
        found, target, group = target_of(call, target_id, group)
    keep_target_hosts(rule, (name for names in names_of(found, target, group) for name in names))


async def provision(call: Call, resource: Resource) -> Answer:
    network: Json = resource.properties["managedNetwork"]
    if _isolation(network) == "Disabled":
        raise bad_request("UserError", "The workspace has no managed network to provision.")
    network["status"] = {"status": "Active", "sparkReady": bool(call.body.get("includeSpark"))}
    for rule in call.resources.store.under(resource.id, OUTBOUND_RULES):
        rule.properties["status"] = network["outboundRules"][rule.name]["status"] = "Active"
        call.resources.touch(rule)
    call.resources.touch(resource)
    return Answer(network["status"])


def rule_written(call: Call, resource: Resource) -> None:
    workspace = call.resources.store.get(call.id.parent_id)
    assert workspace is not None
    network: Json = workspace.properties["managedNetwork"]
    if _isolation(network) == "Disabled":
        raise bad_request("UserError", "Outbound rules need a managed network with an isolation mode.")
    others = [rule for rule in call.resources.store.under(workspace.id, OUTBOUND_RULES) if rule.name != resource.name]
    _refuse_duplicates([*others, resource])
    _keep_hosts(call, resource, workspace)
    resource.properties["status"] = network["status"]["status"]
    network["outboundRules"][resource.name] = resource.properties
    call.resources.touch(workspace)


def refuse_to_delete_required(call: Call, resource: Resource) -> None:
    if resource.properties.get("category") == "Required":
        raise bad_request("ValidationError", f"The outbound rule '{resource.name}' is required and cannot be deleted.")


def rule_removed(call: Call, resource: Resource) -> None:
    workspace = call.resources.store.get(call.id.parent_id)
    if workspace is not None:
        workspace.properties["managedNetwork"].get("outboundRules", {}).pop(resource.name, None)
        call.resources.touch(workspace)
