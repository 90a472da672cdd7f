"""A Batch account of a test's own, made over the control plane: keys off, as the platform's, with a keyless account."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contract.test_arm_sdk import Rest

if TYPE_CHECKING:
    from azure.batch import BatchClient
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import ContainerClient

    from tests.conftest import SandboxForTests

BATCH, STORAGE, IDENTITIES, GROUPS, ROLES = "2024-02-01", "2023-05-01", "2023-01-31", "2024-03-01", "2022-04-01"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
DATA_CONTRIBUTOR = "6aaa78f1-f7de-44ca-8722-c64a23943cae"
JOB_SUBMITTER = "48e5e92e-a480-4e71-aa9c-2778f4c13781"
ACCOUNT_READER = "11076f67-66f6-4be0-8f6b-f0609fd05cc9"
NAMESPACES = ("Microsoft.Storage", "Microsoft.Batch", "Microsoft.ManagedIdentity")


@dataclass
class Batch:
    """The account, its pool ``cpu`` with the identity ``nodes``, and the containers that the identity may write."""

    sandbox: SandboxForTests
    rest: Rest
    unique: str

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.sandbox.subscription_id}/resourceGroups/rg-batch-{self.unique}"

    @property
    def name(self) -> str:
        return f"ba{self.unique}"

    @property
    def id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Batch/batchAccounts/{self.name}"

    @property
    def host(self) -> str:
        return f"{self.name}.westeurope.batch.azure.com"

    @property
    def storage_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Storage/storageAccounts/st{self.unique}"

    @property
    def blob_endpoint(self) -> str:
        return f"https://st{self.unique}.blob.core.windows.net"

    def identity_id(self, name: str) -> str:
        return f"{self.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"

    def put(self, resource_id: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.rest("PUT", resource_id, version, body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json() if answer.content else {}
        return made

    def patch(self, **properties: Any) -> None:
        assert self.rest("PATCH", self.id, BATCH, {"properties": properties}).is_success

    def identity(self, name: str) -> dict[str, str]:
        made: dict[str, str] = self.put(self.identity_id(name), IDENTITIES, {"location": "westeurope"})["properties"]
        return made

    def grant(self, principal_id: str, role: str, scope: str) -> None:
        definitions = f"/subscriptions/{self.sandbox.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        body = {"roleDefinitionId": f"{definitions}/{role}", "principalId": principal_id}
        name = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        self.put(name, ROLES, {"properties": {**body, "principalType": "ServicePrincipal"}})

    def person(self, name: str, *roles: str) -> TokenCredential:
        from azure.identity import ManagedIdentityCredential

        made = self.identity(name)
        for role in roles:
            self.grant(made["principalId"], role, self.id)
        return ManagedIdentityCredential(client_id=made["clientId"], **self.sandbox.options("vnet"))

    def pool(self, name: str, *identities: str, nodes: int = 2, slots: int = 1) -> None:
        image = {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2204", "version": "latest"}
        machine = {"imageReference": image, "nodeAgentSkuId": "batch.node.ubuntu 22.04"}
        formula = f"$TargetDedicatedNodes = min({nodes}, $PendingTasks.GetSample(1));"
        properties = {
            "vmSize": "STANDARD_D2S_V3",
            "taskSlotsPerNode": slots,
            "taskSchedulingPolicy": {"nodeFillType": "Pack"},
            "deploymentConfiguration": {"virtualMachineConfiguration": machine},
            "scaleSettings": {"autoScale": {"evaluationInterval": "PT5M", "formula": formula}},
        }
        assigned = {self.identity_id(identity): {} for identity in identities}
        identity = {"type": "UserAssigned", "userAssignedIdentities": assigned} if assigned else {"type": "None"}
        self.put(f"{self.id}/pools/{name}", BATCH, {"identity": identity, "properties": properties})

    def client(self, credential: TokenCredential | None = None, vantage: str = "internet") -> BatchClient:
        from azure.batch import BatchClient

        return BatchClient(
            f"https://{self.host}", credential or self.sandbox.credential(), **self.sandbox.options(vantage)
        )

    def container(self, name: str) -> ContainerClient:
        from azure.storage.blob import ContainerClient

        return ContainerClient(
            self.blob_endpoint, name, credential=self.sandbox.credential(), **self.sandbox.options("internet")
        )


@contextmanager
def batch(sandbox: SandboxForTests) -> Iterator[Batch]:
    from tests.contract.test_data_factory_runs import _claims

    rest = Rest(sandbox)
    made = Batch(sandbox, rest, uuid.uuid4().hex[:12])
    for namespace in NAMESPACES:
        subscription = f"/subscriptions/{sandbox.subscription_id}"
        rest("POST", f"{subscription}/providers/{namespace}/register", "2021-04-01").raise_for_status()
    made.put(made.group_id, GROUPS, {"location": "westeurope"})
    account: dict[str, Any] = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    made.put(made.storage_id, STORAGE, {**account, "properties": {"allowSharedKeyAccess": False}})
    for container in ("adftrain", "adfjobs", "closed"):
        made.put(f"{made.storage_id}/blobServices/default/containers/{container}", STORAGE, {"properties": {}})
    nodes = made.identity("nodes")
    made.identity("other")
    for container in ("adftrain", "adfjobs"):
        scope = f"{made.storage_id}/blobServices/default/containers/{container}"
        made.grant(nodes["principalId"], BLOB_CONTRIBUTOR, scope)
    engineer = json.loads(_claims(sandbox))["oid"]
    made.grant(engineer, BLOB_CONTRIBUTOR, made.storage_id)
    made.put(
        made.id,
        BATCH,
        {
            "location": "westeurope",
            "properties": {
                "allowedAuthenticationModes": ["AAD", "TaskAuthenticationToken"],
                "publicNetworkAccess": "Enabled",
                "autoStorage": {
                    "storageAccountId": made.storage_id,
                    "authenticationMode": "BatchAccountManagedIdentity",
                    "nodeIdentityReference": {"resourceId": made.identity_id("nodes")},
                },
            },
        },
    )
    # Owner has no data actions; the group's, for accounts that a test makes beside this one.
    made.grant(engineer, DATA_CONTRIBUTOR, made.group_id)
    made.pool("cpu", "nodes")
    try:
        yield made
    finally:
        rest("DELETE", made.group_id, GROUPS)
        rest.close()
