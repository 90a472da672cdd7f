"""What nobody thinks of at first: doors beside the doors, what is added below services, what is sampled or rerouted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.mutations.breaking import (
    ACCESS_ADMINISTRATOR,
    READER,
    STRANGER,
    Break,
    Broken,
    Mutation,
    adds,
    both,
    grants,
    posts,
    removes,
    sets,
    sets_at,
)
from tests.mutations.table_access import BLOBS, CONTAINER, IDENTITY, ROLES, TRUST, at, subscription
from tests.mutations.table_data import DIAGNOSTIC, DIAGNOSTIC_VERSION, INSIGHTS, LOGS, WATCHED
from tests.mutations.table_factory import ADF
from tests.mutations.table_network import (
    DOORS,
    ENDPOINT,
    FACTORY,
    GROUP,
    LINK,
    RED_DNS,
    REGISTRY,
    SITE,
    STORAGE,
    VNET,
    WORKSPACE,
    record,
)
from tests.mutations.table_services import AML
from toolkit.records import Json

CORS: Json = {
    "corsRules": [
        {
            **{"allowedOrigins": ["*"], "allowedMethods": ["GET"], "allowedHeaders": ["*"]},
            **{"exposedHeaders": ["*"], "maxAgeInSeconds": 1},
        }
    ]
}
STORAGE_VERSION, REGISTRY_VERSION = "2023-05-01", "2023-07-01"


@contextmanager
def without_endpoint(broken: Broken) -> Iterator[None]:
    """Its zone group goes with it, and is made again after it."""
    one, group = broken.one(ENDPOINT, "st-table"), broken.one(GROUP, "st-table/privatednszonegroups/default")
    before = {each.id: broken.platform.call("GET", each.id, each.api_version) for each in (one, group)}
    broken.platform.call("DELETE", one.id, one.api_version)
    try:
        yield
    finally:
        for each in (one, group):
            broken.platform.call("PUT", each.id, each.api_version, before[each.id])


def service_of(account: str, service: str, **properties: Json) -> Break:
    """A service of an account that the configuration says nothing of."""

    @contextmanager
    def break_(broken: Broken) -> Iterator[None]:
        path, call = f"{broken.one(STORAGE, account).id}/{service}/default", broken.platform.call
        before = call("GET", path, STORAGE_VERSION)
        after: Json = {"properties": {**before["properties"], **properties}}
        call("PUT", path, STORAGE_VERSION, after)
        try:
            yield
        finally:
            call("PUT", path, STORAGE_VERSION, {"properties": before["properties"]})

    return break_


@contextmanager
def token(broken: Broken) -> Iterator[None]:
    """A repository-scoped password, as somebody makes it for a machine that has no identity."""
    registry, call = broken.one(REGISTRY).id, broken.platform.call
    scope_map = f"{registry}/scopeMaps/mine"
    call("PUT", scope_map, REGISTRY_VERSION, {"properties": {"actions": ["repositories/training/content/read"]}})
    call("PUT", f"{registry}/tokens/mine", REGISTRY_VERSION, {"properties": {"scopeMapId": scope_map}})
    try:
        yield
    finally:
        call("DELETE", f"{registry}/tokens/mine", REGISTRY_VERSION)
        call("DELETE", scope_map, REGISTRY_VERSION)


def copies_to_a_stranger(broken: Broken) -> Json:
    return {
        "properties": {
            "sourceAccount": broken.one(STORAGE, "/stcp").id,
            "destinationAccount": f"{broken.subscription}/resourceGroups/x/providers/{STORAGE}/stranger",
            "rules": [{"sourceContainer": "code-pointers", "destinationContainer": "theirs"}],
        }
    }


def logs_to_an_account(broken: Broken) -> Json:
    return {
        "properties": {
            "storageAccountId": broken.one(STORAGE, "/stcp").id,
            "metrics": [{"category": "Transaction", "enabled": True}],
        }
    }


def below_the_registry(path: str, version: str, body: Json) -> Break:
    return adds(path, version, body, below=REGISTRY)


def policy(name: str, **values: object) -> Break:
    return sets(REGISTRY, "", **{f"policies__{name}__{key}": value for key, value in values.items()})


TABLE: tuple[Mutation, ...] = (
    # -- network and names
    Mutation(
        "a subnet without its delegation",
        "network",
        "outage",
        sets_at(VNET, "", {"properties.subnets.1.properties.delegations": []}),
        "network-virtual-network",
    ),
    Mutation(
        "a private endpoint is gone",
        "endpoints",
        "outage",
        without_endpoint,
        "network-endpoints",
        "absent",
        (*RED_DNS, "posture-*"),
    ),
    Mutation(
        "a zone asks the internet for what it lacks",
        "dns",
        "breach",
        sets(
            LINK, "privatelink.blob.core.windows.net/virtualnetworklinks/platform", resolutionPolicy="NxDomainRedirect"
        ),
        "dns-zones-exact",
    ),
    *(
        Mutation(
            f"a {kind} record",
            "dns",
            "breach",
            record("privatelink.blob.core.windows.net", kind, "theirs", {"ttl": 10, **properties}),
            "dns-records-exact",
            "extra",
        )
        for kind, properties in (
            ("CNAME", {"cnameRecord": {"cname": "stranger.example.org"}}),
            ("AAAA", {"aaaaRecords": [{"ipv6Address": "2001:db8::1"}]}),
        )
    ),
    # -- who may
    *(
        Mutation(
            f"a stranger on the subscription: {what}",
            "strangers",
            "breach",
            grants(STRANGER, role, subscription, "User"),
            "rbac-above",
            "extra",
            ROLES,
        )
        for what, role in (("reads everything", READER), ("assigns roles", ACCESS_ADMINISTRATOR))
    ),
    Mutation(
        "a stranger acts as the factory's identity",
        "strangers",
        "breach",
        grants(STRANGER, "f1a07417-d97a-45cb-824c-7a7467783830", at(IDENTITY, "-factory"), "User"),
        "rbac-exact",
        "extra",
        ROLES,
    ),
    Mutation(
        "CI's tokens are for another audience",
        "federation",
        "outage",
        sets(TRUST, "-ci/federatedidentitycredentials/github-local", audiences=["api://other"]),
        "identity-federation",
    ),
    # -- storage
    Mutation(
        "any site's scripts reach a queue",
        "storage",
        "breach",
        service_of("/stmlplocal", "queueServices", cors=CORS),
        "storage-ways-in",
    ),
    Mutation(
        "any site's scripts reach a table of the states' account",
        "state",
        "breach",
        service_of("/sttf", "tableServices", cors=CORS),
        "state-ways-in",
    ),
    Mutation(
        "shares speak an old protocol",
        "storage",
        "breach",
        sets(
            f"{STORAGE}/fileServices",
            "",
            protocolSettings={"smb": {"versions": "SMB2.1", "authenticationMethods": "NTLMv2"}},
        ),
        "storage-recovery",
    ),
    Mutation(
        "a local user of the lake",
        "storage",
        "breach",
        adds(
            "localUsers/theirs",
            STORAGE_VERSION,
            {"properties": {"hasSshPassword": True, "homeDirectory": "raw"}},
            below=STORAGE,
            part="/dls",
        ),
        "storage-ways-in",
        "extra",
    ),
    Mutation(
        "the pointers are copied to a stranger",
        "storage",
        "breach",
        adds("objectReplicationPolicies/theirs", STORAGE_VERSION, copies_to_a_stranger, below=STORAGE, part="/stcp"),
        "storage-ways-in",
        "extra",
    ),
    Mutation(
        "a container that anybody reads was added",
        "storage",
        "breach",
        both(
            sets(STORAGE, "/dls", allowBlobPublicAccess=True),
            adds(
                "blobServices/default/containers/mine",
                STORAGE_VERSION,
                {"properties": {"publicAccess": "Container"}},
                below=STORAGE,
                part="/dls",
            ),
        ),
        "storage-containers-exact",
        "extra",
        DOORS,
    ),
    *(
        Mutation(
            f"a {kind} of nobody's",
            "storage",
            "hygiene",
            adds(
                f"{kind}Services/default/{kind}s/mine", STORAGE_VERSION, {"properties": {}}, below=STORAGE, part="/stcp"
            ),
            "governance-unmanaged",
            "extra",
        )
        for kind in ("queue", "table")
    ),
    Mutation(
        "traffic takes the internet's route",
        "storage",
        "hygiene",
        sets(
            STORAGE,
            "/stmlplocal",
            routingPreference={"routingChoice": "InternetRouting", "publishInternetEndpoints": True},
        ),
        "governance-drift",
        also=("governance-*",),
    ),
    Mutation(
        "a container has somebody's metadata",
        "storage",
        "hygiene",
        sets(CONTAINER, "/raw", metadata={"owner": "somebody"}),
        "governance-drift",
    ),
    Mutation(
        "cool by default",
        "storage",
        "cost",
        sets(STORAGE, "/stmlplocal", accessTier="Cool"),
        "governance-costs",
    ),
    Mutation(
        "deleted containers of states are kept for a day",
        "state",
        "data-loss",
        sets(
            BLOBS,
            "/sttfmlplocal094da/blobservices/default",
            containerDeleteRetentionPolicy={"enabled": True, "days": 1},
        ),
        "state-recovery",
    ),
    Mutation(
        "who reads the states is told to an account",
        "state",
        "breach",
        adds(f"providers/{DIAGNOSTIC}/theirs", DIAGNOSTIC_VERSION, logs_to_an_account, below=STORAGE, part="/sttf"),
        "state-ways-in",
        "extra",
    ),
    # -- registry
    Mutation("a password for a repository", "registry", "breach", token, "registry-nothing-added", "extra"),
    *(
        Mutation(f"a {what} of nobody's", "registry", "breach", break_, "registry-nothing-added", "extra")
        for what, break_ in (
            (
                "webhook",
                below_the_registry(
                    "webhooks/theirs",
                    REGISTRY_VERSION,
                    {
                        "location": "westeurope",
                        "properties": {"serviceUri": "https://example.org/hook", "actions": ["push"]},
                    },
                ),
            ),
            (
                "task",
                below_the_registry(
                    "tasks/theirs",
                    "2019-04-01",
                    {"location": "westeurope", "properties": {"status": "Enabled", "step": {"type": "EncodedTask"}}},
                ),
            ),
            (
                "cache of another registry",
                below_the_registry(
                    "cacheRules/theirs",
                    REGISTRY_VERSION,
                    {"properties": {"sourceRepository": "example.org/x", "targetRepository": "x"}},
                ),
            ),
            (
                "pipeline that exports images",
                below_the_registry(
                    "exportPipelines/theirs",
                    "2023-01-01-preview",
                    {"properties": {"target": {"type": "AzureStorageBlobContainer", "uri": "https://example.org/c"}}},
                ),
            ),
        )
    ),
    Mutation(
        "images are copied to another region",
        "registry",
        "cost",
        below_the_registry("replications/northeurope", REGISTRY_VERSION, {"location": "northeurope", "properties": {}}),
        "governance-unmanaged",
        "extra",
    ),
    *(
        Mutation(f"the registry {what}", "registry", harm, policy(name, **values), check, also=("registry-*",))
        for what, harm, name, values, check in (
            ("holds images back", "outage", "quarantinePolicy", {"status": "enabled"}, "registry-exact"),
            ("wants signatures", "outage", "trustPolicy", {"status": "enabled"}, "registry-exact"),
            ("takes no tokens", "outage", "azureADAuthenticationAsArmPolicy", {"status": "disabled"}, "registry-exact"),
            ("deletes untagged images", "data-loss", "retentionPolicy", {"days": 0}, "registry-exact"),
            ("keeps deleted images", "hygiene", "softDeletePolicy", {"status": "enabled"}, "governance-tidy"),
        )
    ),
    # -- who watches
    *(
        Mutation(
            f"telemetry {what}",
            "monitoring",
            harm,
            sets(INSIGHTS, "local-094da", **values),
            "monitoring-insights",
            also=WATCHED,
        )
        for what, harm, values in (
            ("is a sample of one in a hundred", "blindness", {"SamplingPercentage": 1}),
            ("shows addresses of people", "breach", {"DisableIpMasking": True}),
        )
    ),
    *(
        Mutation(
            f"logs {what}", "monitoring", "blindness", sets(LOGS, "", **values), "monitoring-workspace", also=WATCHED
        )
        for what, values in (
            ("are purged", {"features__immediatePurgeDataOn30Days": True}),
            ("are everybody's", {"features__enableLogAccessUsingOnlyResourcePermissions": False}),
        )
    ),
    Mutation(
        "logs are exported",
        "monitoring",
        "breach",
        adds(
            "dataExports/theirs",
            "2023-09-01",
            lambda b: {
                "properties": {
                    "destination": {"resourceId": b.one(STORAGE, "/stcp").id},
                    "tableNames": ["StorageBlobLogs"],
                    "enable": True,
                }
            },
            below=LOGS,
        ),
        "monitoring-workspace",
        "extra",
    ),
    Mutation(
        "no action group",
        "monitoring",
        "blindness",
        removes("Microsoft.Insights/actionGroups"),
        "monitoring-receivers",
        "absent",
        WATCHED,
    ),
    # -- factory and workspace
    Mutation(
        "changes of data are captured",
        "factory",
        "breach",
        adds(
            "adfcdcs/theirs",
            ADF,
            {
                "properties": {
                    "SourceConnectionsInfo": [],
                    "TargetConnectionsInfo": [],
                    "Policy": {"mode": "Microbatch"},
                }
            },
            below=FACTORY,
        ),
        "adf-no-captures",
        "extra",
        ("posture-*",),
    ),
    *(
        Mutation(
            f"{what} of nobody's",
            "workspace",
            "breach",
            adds(f"{path}/theirs", AML, {"location": "westeurope", "properties": properties}, below=WORKSPACE),
            "workspace-connections-exact",
            "extra",
        )
        for what, path, properties in (
            ("an endpoint by key", "onlineEndpoints", {"authMode": "Key", "publicNetworkAccess": "Enabled"}),
            ("a batch endpoint", "batchEndpoints", {"authMode": "AADToken"}),
            ("a schedule", "schedules", {"trigger": {"triggerType": "Cron", "expression": "0 * * * *"}, "action": {}}),
        )
    ),
    # -- function app
    Mutation(
        "the function app is stopped",
        "function",
        "outage",
        posts(SITE, "", "stop", "start"),
        "function-exact",
        also=("function-*",),
    ),
    Mutation(
        "the function app asks other name servers",
        "function",
        "breach",
        sets(SITE, "", dnsConfiguration={"dnsServers": ["203.0.113.9"]}),
        "function-exact",
        also=("function-*",),
    ),
)
