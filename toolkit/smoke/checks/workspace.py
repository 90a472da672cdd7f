"""The Azure ML workspace and its compute, as the control plane knows them."""

from __future__ import annotations

from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.control_plane import absent, expect, fail_if, lookup, not_ready, read, read_list
from toolkit.smoke.context import Context

_OUTPUTS = ("machine_learning_workspace_id",)


def is_provisioned(context: Context) -> Facts:
    workspace = read(context, context.output("machine_learning_workspace_id"))
    return expect("the workspace", workspace, {"properties.provisioningState": "Succeeded"})


def is_private(context: Context) -> Facts:
    """Access from outside is environment data; jobs always run in a network that the workspace manages.

    https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
    """
    workspace = read(context, context.output("machine_learning_workspace_id"))
    expected = {
        "properties.publicNetworkAccess": context.environment.public_network_access.machine_learning_workspace,
        "properties.managedNetwork.isolationMode": ("AllowInternetOutbound", "AllowOnlyApprovedOutbound"),
        "properties.v1LegacyMode": (False, None),
    }
    return expect("the workspace", workspace, expected)


def reaches_its_storage(context: Context) -> Facts:
    """The service makes endpoints for what is closed to the public only, and jobs meet the firewall of the rest.

    https://learn.microsoft.com/azure/machine-learning/how-to-managed-network#list-of-required-rules
    """
    found = {}
    for rule in read_list(context, f"{context.output('machine_learning_workspace_id')}/outboundRules"):
        target = str(lookup(rule, "properties.destination.serviceResourceId") or "").casefold()
        group = lookup(rule, "properties.destination.subresourceTarget")
        found[target, group] = lookup(rule, "properties.status")
    problems, facts = [], {}
    default_account = [
        "blob",
        "file",
        *(g for g in ("queue", "table") if f"storage_{g}" in context.output("private_endpoints")),
    ]
    for what, output, group in (
        *((f"default storage account's {group}s", "storage_account_id", group) for group in default_account),
        ("lake's blobs", "lake_storage_account_id", "blob"),
        ("lake", "lake_storage_account_id", "dfs"),
        ("key vault", "key_vault_id", "vault"),
    ):
        status = found.get((str(context.output(output)).casefold(), group))
        facts[what] = status
        if status is None:
            problems.append(absent(f"no outbound rule has a private endpoint to the {what}"))
        elif status != "Active":
            problems.append(not_ready(f"the outbound rule to the {what} is {status}"))
    fail_if(
        problems,
        hint="toolkit apply writes the missing rules; provisionManagedNetwork makes the endpoints of inactive ones",
    )
    return facts


def uses_identities(context: Context) -> Facts:
    """Otherwise the workspace asks for the account keys that the storage account refuses.

    https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage
    """
    workspace = read(context, context.output("machine_learning_workspace_id"))
    return expect("the workspace", workspace, {"properties.systemDatastoresAuthMode": "identity"})


def compute_scales_to_zero(context: Context) -> Facts:
    workspace = context.output("machine_learning_workspace_id")
    problems, facts = [], {}
    for compute in read_list(context, f"{workspace}/computes"):
        if lookup(compute, "properties.computeType") != "AmlCompute":
            continue
        minimum = lookup(compute, "properties.properties.scaleSettings.minNodeCount")
        state = lookup(compute, "properties.provisioningState")
        facts[compute["name"]] = {"minimum_nodes": minimum, "provisioning_state": state}
        if minimum != 0:
            problems.append(f"{compute['name']} keeps {minimum} nodes running")
        if state != "Succeeded":
            problems.append(not_ready(f"{compute['name']} is {state}"))
    wanted = context.output("machine_learning_computes")
    problems += [absent(f"the cluster {name} is missing") for name in wanted if name not in facts]
    fail_if(problems, hint="toolkit apply makes what is missing and sets minNodeCount to 0: idle nodes are paid for")
    return facts


CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="workspace-provisioned",
        category="workspace",
        title="The workspace is provisioned",
        function=is_provisioned,
        outputs=_OUTPUTS,
        controls=("PV-2", "CM-2"),
    ),
    Check(
        id="workspace-private",
        category="workspace",
        title="The workspace is as open as the environment says, and its managed network is isolated",
        function=is_private,
        outputs=_OUTPUTS,
        depends=("workspace-provisioned",),
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="workspace-outbound-endpoints",
        category="workspace",
        title="The workspace's managed network has private endpoints to its storage, the lake and the vault",
        function=reaches_its_storage,
        outputs=(*_OUTPUTS, "storage_account_id", "lake_storage_account_id", "key_vault_id", "private_endpoints"),
        depends=("workspace-provisioned",),
        controls=("NS-2", "AC-4"),
    ),
    Check(
        id="workspace-identity-datastores",
        category="workspace",
        title="The workspace's own datastores sign in with identities, not with keys",
        function=uses_identities,
        outputs=_OUTPUTS,
        depends=("workspace-provisioned",),
        controls=("IM-3", "IA-5"),
    ),
    Check(
        id="workspace-compute-scales-to-zero",
        category="workspace",
        title="Every compute cluster scales to zero",
        function=compute_scales_to_zero,
        outputs=(*_OUTPUTS, "machine_learning_computes"),
        feature="computes",
        severity="warning",
        depends=("workspace-provisioned",),
        controls=("PV-3", "SC-6"),
    ),
)
