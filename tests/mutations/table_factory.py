"""The factory: what a person breaks there, and the check that must see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.mutations.breaking import (
    Break,
    Broken,
    Mutation,
    adds,
    another_identity,
    posts,
    removes,
    replaces,
    sets,
    sets_at,
    without_identity,
)
from tests.mutations.table_network import FACTORY, STORAGE, VAULT
from toolkit.records import Json

LINKED = f"{FACTORY}/linkedservices"
PIPELINE = f"{FACTORY}/pipelines"
TRIGGER = f"{FACTORY}/triggers"
MANAGED = f"{FACTORY}/managedVirtualNetworks/managedPrivateEndpoints"
ADF = "2018-06-01"
FACTORIES = ("adf-*", "posture-*", "governance-*")


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
)
