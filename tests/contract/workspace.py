"""An Azure ML workspace of a test's own, made over the control plane: identities instead of keys, as the platform's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.test_arm_sdk import Rest
from toolkit.project import Project

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential
    from mlflow import MlflowClient

    from tests.conftest import SandboxForTests

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
NAMESPACES = (
    "Microsoft.Storage",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    "Microsoft.ManagedIdentity",
)


@dataclass
class Workspace:
    """The workspace, its default account, and people who use it."""

    sandbox: SandboxForTests
    rest: Rest
    group: str
    account: str
    name: str
    identities: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.sandbox.subscription_id}/resourceGroups/{self.group}"

    @property
    def id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"

    @property
    def account_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Storage/storageAccounts/{self.account}"

    def put(self, resource_id: str, version: str, body: Mapping[str, Any]) -> Any:
        answer = self.rest("PUT", resource_id, version, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def get(self, resource_id: str, version: str = "2025-12-01") -> Any:
        answer = self.rest("GET", resource_id, version)
        assert answer.is_success, answer.text
        return answer.json()

    def mode(self, auth: str, *, keys: bool) -> None:
        """How the workspace reaches its account, and whether the account takes keys."""
        changes = {"properties": {"systemDatastoresAuthMode": auth}}
        assert self.rest("PATCH", self.id, "2026-05-01", changes).is_success
        changes = {"properties": {"allowSharedKeyAccess": keys}}
        assert self.rest("PATCH", self.account_id, "2023-05-01", changes).is_success

    def person(self, name: str, **roles: str) -> TokenCredential:
        """A user-assigned identity with these roles: ``role guid`` by ``workspace`` or ``account``."""
        from azure.identity import ManagedIdentityCredential

        if name not in self.identities:
            id_ = f"{self.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            made = self.put(id_, "2023-01-31", {"location": "westeurope"})["properties"]
            self.identities[name] = (made["clientId"], made["principalId"])
            for where, role in roles.items():
                self.grant(
                    made["principalId"],
                    role,
                    {"workspace": self.id, "account": self.account_id, "group": self.group_id}[where],
                )
        client_id, _ = self.identities[name]
        return ManagedIdentityCredential(client_id=client_id, **self.sandbox.options("vnet"))

    def trust_this_environment(self, name: str) -> None:
        """Jobs of the environment's repository may act as the identity."""
        environment = self.sandbox.connection.environment
        id_ = f"{self.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        subject = {
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": environment.github_subject,
            "audiences": ["api://AzureADTokenExchange"],
        }
        self.put(f"{id_}/federatedIdentityCredentials/github", "2023-01-31", {"properties": subject})

    def compute(self, name: str, person: str, nodes: int) -> None:
        """A cluster whose jobs act as a person's identity."""
        id_ = f"{self.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{person}"
        scale = {"minNodeCount": 0, "maxNodeCount": nodes}
        self.put(
            f"{self.id}/computes/{name}",
            "2024-04-01",
            {
                "location": "westeurope",
                "identity": {"type": "UserAssigned", "userAssignedIdentities": {id_: {}}},
                "properties": {
                    "computeType": "AmlCompute",
                    "properties": {"vmSize": "Standard_D2s_v3", "scaleSettings": scale},
                },
            },
        )

    def outputs(self, **more: Any) -> dict[str, Any]:
        """What the platform's outputs say of these things."""
        return {
            "machine_learning_workspace_id": self.id,
            "storage_account_name": self.account,
            "pointer_storage_blob_endpoint": f"https://{self.account}.blob.core.windows.net/",
            "pointer_container_name": "ml-globals",
            "identities": {name: {"client_id": client} for name, (client, _) in self.identities.items()},
            **more,
        }

    def grant(self, principal_id: str, role: str, scope: str) -> None:
        scopes = f"/subscriptions/{self.sandbox.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        body = {
            "roleDefinitionId": f"{scopes}/{role}",
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
        assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        self.put(assignment, "2022-04-01", {"properties": body})

    @contextmanager
    def client(self, credential: TokenCredential | None = None, vantage: str = "vnet") -> Iterator[MLClient]:
        """azure-ai-ml, unmodified: what puts it at a vantage is the process environment, as for everybody."""
        from azure.ai.ml import MLClient

        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.sandbox.connection.vantages[vantage].settings.items():
                patch.setenv(variable, value)
            yield MLClient(
                credential or self.sandbox.credential(vantage), self.sandbox.subscription_id, self.group, self.name
            )

    @contextmanager
    def mlflow(self, credential: TokenCredential, vantage: str = "vnet") -> Iterator[MlflowClient]:
        """MLflow's client, unmodified, at the address that azureml-mlflow makes of the workspace's."""
        uri = self.get(self.id)["properties"]["mlFlowTrackingUri"]
        uri = uri.replace("azureml://", "https://").replace("/v1.0/", "/v2.0/")
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.sandbox.connection.vantages[vantage].settings.items():
                patch.setenv(variable, value)
            patch.setenv("MLFLOW_TRACKING_TOKEN", credential.get_token("https://management.azure.com/.default").token)
            patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            from mlflow import MlflowClient

            yield MlflowClient(uri, uri)


@contextmanager
def workspace(sandbox: SandboxForTests) -> Iterator[Workspace]:
    rest = Rest(sandbox)
    subscription = f"/subscriptions/{sandbox.subscription_id}"
    for namespace in NAMESPACES:
        rest("POST", f"{subscription}/providers/{namespace}/register", "2021-04-01").raise_for_status()
    unique = uuid.uuid4().hex[:12]
    made = Workspace(sandbox, rest, f"rg-ml-{unique}", f"stml{unique}", f"mlw-{unique}")
    try:
        made.put(made.group_id, "2024-03-01", {"location": "westeurope"})
        made.put(
            made.account_id,
            "2023-05-01",
            {
                "location": "westeurope",
                "kind": "StorageV2",
                "sku": {"name": "Standard_LRS"},
                "properties": {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False},
            },
        )
        vault = f"{made.group_id}/providers/Microsoft.KeyVault/vaults/kv-{unique}"
        policy = {"tenantId": sandbox.tenant_id, "sku": {"family": "A", "name": "standard"}}
        made.put(
            vault,
            "2023-07-01",
            {"location": "westeurope", "properties": {**policy, "enableRbacAuthorization": True, "accessPolicies": []}},
        )
        made.put(
            made.id,
            "2026-05-01",
            {
                "location": "westeurope",
                "identity": {"type": "SystemAssigned"},
                "properties": {
                    "storageAccount": made.account_id,
                    "keyVault": vault,
                    "systemDatastoresAuthMode": "Identity",
                },
            },
        )
        yield made
    finally:
        rest("DELETE", f"{made.id}?forceToPurge=true", "2026-05-01")
        rest("DELETE", made.group_id, "2024-03-01")
        rest.close()


def commands(ml: Workspace, project_dir: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """``toolkit``, in a project whose platform's outputs are those of the workspace."""
    saved = Project(project_dir).state_dir / "local" / "outputs.json"
    saved.parent.mkdir(parents=True, exist_ok=True)
    saved.write_text(json.dumps(ml.outputs()))

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "toolkit", *arguments],
            env={**os.environ, "TOOLKIT_PROJECT": str(project_dir), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    yield run
    saved.unlink()
