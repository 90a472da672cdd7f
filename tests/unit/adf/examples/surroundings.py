"""Web activities, the network, secrets and the runtime contract."""

from __future__ import annotations

from tests.unit.adf.examples.common import ARM, FIRST, JOBS, POINTER, A, Example
from tests.unit.adf.parts import (
    BLOB,
    MANAGED_RUNTIME,
    NETWORK,
    RUNTIME,
    Json,
    activity,
    expression,
    factory,
    linked,
    networked,
    set_variable,
    wait,
    web,
)

KEYED = {"connectionString": "DefaultEndpointsProtocol=https;AccountName=account;EndpointSuffix=core.windows.net;"}


def custom(storage: Json) -> Json:
    """A Custom activity, its pool, and the storage behind that."""
    to = {"type": "LinkedServiceReference"}
    pool: Json = {"accountName": "ba", "batchUri": "https://ba", "poolName": "cpu"}
    pool["linkedServiceName"] = {**to, "referenceName": "ls"}
    services = {**linked("ls", typeProperties=storage)["linkedService"]}
    services |= linked("ls_batch", type="AzureBatch", typeProperties=pool)["linkedService"]
    beside = {"linkedServiceName": {**to, "referenceName": "ls_batch"}}
    return {**factory(activity("Task", "Custom", command="ls", beside=beside)), "linkedService": services}


EXAMPLES: dict[str, Example] = {
    # -- web
    "web-connect-via": Example(
        networked(activity("Call", "WebActivity", url=BLOB, method="GET", beside={"connectVia": RUNTIME})),
        networked(web()),
        f"{FIRST}.connectVia",
    ),
    "web-resource-missing": Example(
        factory(web(authentication={"type": "MSI"})), factory(web()), f"{FIRST}.typeProperties.authentication"
    ),
    "web-audience": Example(
        factory(web(authentication=ARM)),
        factory(web(authentication={"type": "MSI", "resource": "https://storage.azure.com"})),
        f"{FIRST}.typeProperties.authentication.resource",
    ),
    "web-no-identity": Example(
        factory(web(authentication=None)),
        factory(web(url="https://example.org/x", authentication=None)),
        f"{FIRST}.typeProperties.url",
    ),
    "web-storage-version": Example(
        factory(web(headers={"Accept": "application/json"})),
        factory(web(headers={"X-MS-Version": "2023-11-03"})),
        f"{FIRST}.typeProperties.headers",
    ),
    "web-storage-version-old": Example(
        factory(web(headers={"x-ms-version": "2015-12-11"})),
        factory(web(headers={"x-ms-version": "2017-11-09"})),
        f"{FIRST}.typeProperties.headers['x-ms-version']",
    ),
    "web-accept": Example(
        factory(web(headers=None)), factory(web(headers={"accept": "application/json"})), f"{FIRST}.typeProperties"
    ),
    "web-method": Example(
        factory(web(method="FETCH")), factory(web(method="@variables('m')")), f"{FIRST}.typeProperties.method"
    ),
    "web-body": Example(factory(web(method="PUT")), factory(web(method="PUT", body="{}")), f"{FIRST}.typeProperties"),
    "web-http": Example(
        factory(web(url="http://example.org/")), factory(web(url="https://example.org/")), f"{FIRST}.typeProperties.url"
    ),
    "secure-output": Example(
        factory(web(url="https://v.vault.azure.net/secrets/s?api-version=7.4")),
        factory(web(url="https://v.vault.azure.net/secrets/s?api-version=7.4", policy={"secureOutput": True})),
        f"{FIRST}.typeProperties.url",
    ),
    "secure-input": Example(
        factory(
            web("Get", policy={"secureOutput": True}), web("Use", after=["Get"], body="@activity('Get').output.value")
        ),
        factory(
            web("Get", policy={"secureOutput": True}),
            web("Use", after=["Get"], policy={"secureInput": True}, body="@activity('Get').output.value"),
        ),
        "$.properties.activities[1].typeProperties",
    ),
    # -- network
    "network-public-to-private": Example(
        networked(web(connectVia=None)), networked(web()), f"{FIRST}.typeProperties.url"
    ),
    "network-auto-resolve": Example(
        networked(web(url="https://other.blob.core.windows.net/c/b", connectVia=None)),
        factory(web(url="https://other.blob.core.windows.net/c/b", connectVia=None)),
        f"{FIRST}.typeProperties.url",
    ),
    "network-endpoint-missing": Example(
        networked(web(url="https://other.blob.core.windows.net/c/b")), networked(web()), f"{FIRST}.typeProperties.url"
    ),
    "network-endpoint-unapproved": Example(
        {**NETWORK, "managedPrivateEndpoint": {"blob": {"groupId": "blob", "connectionState": {"status": "Pending"}}}},
        NETWORK,
        "$.properties.connectionState.status",
    ),
    "linked-service-connect-via": Example(
        {**linked(typeProperties={"serviceEndpoint": BLOB, "connectVia": RUNTIME}), **NETWORK},
        {**linked(typeProperties={"serviceEndpoint": BLOB}, connectVia=RUNTIME), **NETWORK},
        "$.properties.typeProperties.connectVia",
    ),
    "network-warm-up": Example(
        {"integrationRuntime": {"ir-managed": {**MANAGED_RUNTIME, "typeProperties": {}}}}, NETWORK, "$.properties"
    ),
    # -- secrets
    "secret-in-clear": Example(
        linked(
            typeProperties={
                "connectionString": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=bm90IGEga2V5=="
            }
        ),
        linked(typeProperties={"connectionString": "AccountName=a;AccountKey=**********"}),
        "$.properties.typeProperties.connectionString",
    ),
    "secret-parameter-default": Example(
        factory(wait(), parameters={"p": {"type": "SecureString", "defaultValue": "hunter2"}}),
        factory(wait(), parameters={"p": {"type": "SecureString"}}),
        "$.properties.parameters.p.defaultValue",
    ),
    "secret-parameter-type": Example(
        factory(wait(), parameters={"apiToken": {"type": "String"}}),
        factory(wait(), parameters={"apiToken": {"type": "SecureString"}}),
        "$.properties.parameters.apiToken.type",
    ),
    "secret-global-parameter": Example(
        {"factory": {"adf": {"globalParameters": {"dbPassword": {"type": "string", "value": "hunter2"}}}}},
        {"factory": {"adf": {"globalParameters": {"dbName": {"type": "string", "value": "hunter2"}}}}},
        "$.properties.globalParameters.dbPassword",
    ),
    "secret-key-vault": Example(
        linked(type="AzureSqlDatabase", typeProperties={"password": {"type": "SecureString", "value": "**********"}}),
        linked(
            type="AzureSqlDatabase",
            typeProperties={"password": {"type": "AzureKeyVaultSecret", "secretName": "s", "store": {}}},
        ),
        "$.properties.typeProperties.password",
    ),
    # -- custom activities
    "custom-without-key": Example(custom({"serviceEndpoint": BLOB}), custom(KEYED), f"{FIRST}.linkedServiceName"),
    # -- the contract
    "contract-hard-coded-version": Example(
        factory(web(method="PUT", body=expression('{"codeId": "/x/codes/training-code/versions/7"}'))),
        factory(
            web(
                method="PUT", body=expression("{\"codeId\": \"/x/codes/@{variables('a')}/versions/@{variables('v')}\"}")
            )
        ),
        f"{FIRST}.typeProperties.body.value",
    ),
    "contract-codes-lookup": Example(
        factory(web(url=f"{JOBS}/codes/training-code/versions?api-version=2025-12-01", authentication=ARM)),
        factory(web(url=f"{JOBS}/jobs/j?api-version=2025-12-01", authentication=ARM)),
        f"{FIRST}.typeProperties.url",
    ),
    "contract-provenance": Example(
        factory(
            web("Read", expression(POINTER)), set_variable("S", "v", "@activity('Read').output.buildId", ["Read"]), **A
        ),
        factory(
            web("Read", expression(POINTER)), set_variable("S", "v", "@activity('Read').output.version", ["Read"]), **A
        ),
        "$.properties.activities[1].typeProperties.value",
    ),
    "contract-pointer-identity": Example(
        factory(web("Read", expression(POINTER), authentication={"type": "Basic", "username": "u"}), **A),
        factory(web("Read", expression(POINTER)), **A),
        f"{FIRST}.typeProperties",
    ),
}
