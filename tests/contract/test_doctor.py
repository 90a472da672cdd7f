"""Doctor on a real sandbox: a healthy environment is all green, and each way of being ill turns its own check red."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from azure.core.rest import HttpRequest

from tests.conftest import SandboxForTests, copy_project
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.checks.model import CheckResult, RunResult
from toolkit.doctor import context as doctor_context
from toolkit.doctor.fixes import FIXES, fixable, purge_vault
from toolkit.doctor.registry import CHECKS, REGISTRY
from toolkit.doctor.run import examine
from toolkit.environment import Connection, Environment, Vantage, connect, load_environment
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.sandbox import client
from toolkit.sandbox.client import Sandbox
from toolkit.terraform.declared import Declared, declared_resources
from toolkit.terraform.state import read_backend
from toolkit.toolchain.terraform import ensure_terraform

pytestmark = pytest.mark.contract

ELSEWHERE = "0e15e000-0000-4000-8000-000000000001"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS = ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "28bf596f-4eb7-45ce-b5bc-6cf482fec137")  # roles and locks
BLOBS = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
GROUPS = "2024-03-01"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
SUBJECT = "repo:example-org/ml-platform:environment:local"


@dataclass(frozen=True)
class Place(SandboxForTests):
    """A sandbox of the module's own, with what bootstrap makes and doctor looks at, and nothing else."""

    sandbox: Sandbox


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, _terraform_once: None) -> Iterator[Place]:
    project = copy_project(tmp_path_factory.mktemp("doctor"))
    environment = load_environment("local", Project(project))
    try:
        connection = connect(environment)
        running = client.find_running(client.sandbox_paths(project))
        assert running is not None
        yield Place(connection, running)
    finally:
        client.stop(project)


@pytest.fixture(scope="module")
def bootstrapped(place: Place) -> Place:
    connection, base = place.connection, f"/subscriptions/{place.subscription_id}"
    group = {"location": "westeurope"}
    before = examine(connection, REGISTRY.select(only=["providers-registered"]))
    for name in result(before, "providers-registered").facts["registered_by_bootstrap"]:
        send(connection, "POST", f"{base}/providers/{name}/register", "2022-12-01")
    backend = read_backend(connection.environment)
    send(connection, "PUT", f"{base}/resourceGroups/{backend.resource_group_name}", GROUPS, group)
    send(connection, "PUT", f"{base}/resourceGroups/{group_of(connection)}", GROUPS, group)
    account = {**group, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    send(connection, "PUT", backend.account_id, "2023-05-01", account)
    send(connection, "PUT", backend.container_id, "2023-05-01", {"properties": {}})
    identity = next(one for one in _every(connection) if one.root == "bootstrap" and one.resource_type == IDENTITIES)
    trusting = f"{backend.account_id.partition('/providers/')[0]}/providers/{IDENTITIES}/{identity.name}"
    send(connection, "PUT", trusting, "2023-01-31", group)
    trust(connection, trusting, "github", SUBJECT)
    assert connection.operator is not None
    assign(place, connection.operator.object_id, BLOBS)
    return place


@pytest.fixture(scope="module")
def _terraform_once() -> Iterator[None]:
    """The real evaluation, once per environment of the module: two seconds that every run here would pay again."""
    with pytest.MonkeyPatch.context() as patch:
        known: dict[str, Any] = {}

        def declared(environment: Any, terraform: Any) -> Any:
            data = [path.read_bytes() for path in sorted(environment.folder.iterdir()) if path.is_file()]
            key = repr((environment.subscription_id, environment.location, data))
            if key not in known:
                known[key] = declared_resources(environment, terraform)
            return known[key]

        patch.setattr(doctor_context, "declared_resources", declared)
        yield


def _declared(environment: Environment, terraform: Path) -> tuple[Declared, ...]:
    found: tuple[Declared, ...] = vars(doctor_context)["declared_resources"](
        environment, terraform
    )  # kept by a fixture
    return found


def run(connection: Connection, *only: str) -> RunResult:
    return examine(connection, REGISTRY.select(only=only) if only else REGISTRY.select(skip=["packages"]))


def result(found: RunResult, check_id: str) -> CheckResult:
    return next(one for one in found.results if one.check.id == check_id)


def send(connection: Connection, method: str, path: str, version: str, body: Any = None) -> None:
    with arm_client(connection) as client:
        until_done(client, HttpRequest(method, f"{ARM}{path}?api-version={version}", json=body), path)


# -- breakages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """``check`` alone turns red, with ``words`` in its reason; ``connection`` is how the breakage is seen."""

    check: str
    words: str
    breaking: Callable[[Place], Any]
    hint: str = ""


def conditions(**said: Any) -> Callable[[Place], Any]:
    @contextmanager
    def breaking(sandbox: Place) -> Iterator[Connection]:
        sandbox.sandbox.set_conditions(sandbox.subscription_id, **said)
        try:
            yield sandbox.connection
        finally:
            sandbox.sandbox.set_conditions(sandbox.subscription_id)

    return breaking


def with_environment(**changes: Any) -> Callable[[Place], Any]:
    @contextmanager
    def breaking(sandbox: Place) -> Iterator[Connection]:
        environment = replace(sandbox.connection.environment, **changes)
        yield replace(sandbox.connection, environment=environment)

    return breaking


@contextmanager
def conflicting_variable(sandbox: Place) -> Iterator[Connection]:
    """On Azure, where the shell's variables count; the reads go to the sandbox all the same."""
    environment = replace(sandbox.connection.environment, target="azure", credential="client-secret")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("ARM_", "AZURE_")):
                patch.delenv(name)
        patch.setenv("ARM_TENANT_ID", ELSEWHERE)
        yield replace(sandbox.connection, environment=environment)


@contextmanager
def wrong_secret(sandbox: Place) -> Iterator[Connection]:
    settings = {**sandbox.connection.credential_settings, "AZURE_CLIENT_SECRET": "not-the-secret-4711"}
    yield replace(sandbox.connection, credential_settings=settings)


@contextmanager
def nobody_answers(sandbox: Place) -> Iterator[Connection]:
    closed = Vantage("internet", {"HTTPS_PROXY": "http://127.0.0.1:9", "REQUESTS_CA_BUNDLE": sandbox.ca})
    yield replace(sandbox.connection, vantages={**sandbox.connection.vantages, "internet": closed})


@contextmanager
def unregistered(sandbox: Place) -> Iterator[Connection]:
    base = f"/subscriptions/{sandbox.subscription_id}/providers/Microsoft.Batch"
    send(sandbox.connection, "POST", f"{base}/unregister", "2022-12-01")
    try:
        yield sandbox.connection
    finally:
        send(sandbox.connection, "POST", f"{base}/register", "2022-12-01")


def trust(connection: Connection, identity: str, name: str, subject: str) -> None:
    said = {"issuer": "https://token.actions.githubusercontent.com", "subject": subject}
    body = {"properties": {**said, "audiences": ["api://AzureADTokenExchange"]}}
    send(connection, "PUT", f"{identity}/federatedIdentityCredentials/{name}", "2023-01-31", body)


def _every(connection: Connection) -> tuple[Declared, ...]:
    return _declared(connection.environment, ensure_terraform().path)


def group_of(connection: Connection) -> str:
    every = _declared(connection.environment, ensure_terraform().path)
    return next(str(one.name) for one in every if one.address == "azapi_resource.platform_resource_group")


def name_of(connection: Connection, type_: str) -> str:
    every = _declared(connection.environment, ensure_terraform().path)
    return next(str(one.name) for one in every if one.resource_type == type_ and one.root == "platform")


@contextmanager
def somebody_elses_name(sandbox: Place) -> Iterator[Connection]:
    """A registry of the same name in another subscription of the tenant."""
    sandbox.sandbox.subscription(sandbox.tenant_id, ELSEWHERE)
    name = name_of(sandbox.connection, "Microsoft.ContainerRegistry/registries")
    group = f"/subscriptions/{ELSEWHERE}/resourceGroups/theirs"
    register = f"/subscriptions/{ELSEWHERE}/providers/Microsoft.ContainerRegistry/register"
    send(sandbox.connection, "POST", register, "2022-12-01")
    send(sandbox.connection, "PUT", group, "2024-03-01", {"location": "westeurope"})
    path = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    body = {"location": "westeurope", "sku": {"name": "Premium"}, "properties": {}}
    send(sandbox.connection, "PUT", path, "2023-07-01", body)
    try:
        yield sandbox.connection
    finally:
        send(sandbox.connection, "DELETE", path, "2023-07-01")


def vault_of(sandbox: Place, group: str) -> str:
    name = name_of(sandbox.connection, "Microsoft.KeyVault/vaults")
    return f"/subscriptions/{sandbox.subscription_id}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"


@contextmanager
def deleted_vault(sandbox: Place) -> Iterator[Connection]:
    """Of the platform's name, in somebody else's group."""
    connection, vault = sandbox.connection, vault_of(sandbox, "theirs")
    send(connection, "PUT", vault.partition("/providers/")[0], "2024-03-01", {"location": "westeurope"})
    properties = {"tenantId": sandbox.tenant_id, "sku": {"family": "A", "name": "standard"}}
    body = {"location": "westeurope", "properties": {**properties, "enableRbacAuthorization": True}}
    send(connection, "PUT", vault, "2026-02-01", body)
    send(connection, "DELETE", vault, "2026-02-01")
    try:
        yield connection
    finally:
        with suppress(UsageError):  # the test has done it
            purge_vault(connection, vault.rsplit("/", 1)[1], lambda _: None)


def with_roles(*roles: str) -> Callable[[Place], Any]:
    @contextmanager
    def breaking(place: Place) -> Iterator[Connection]:
        yield acting_as(place, *roles)

    return breaking


def cores(**granted: int) -> Callable[[Place], Any]:
    @contextmanager
    def breaking(place: Place) -> Iterator[Connection]:
        place.sandbox.subscription(place.tenant_id, place.subscription_id, core_quotas=granted)
        try:
            yield place.connection
        finally:
            place.sandbox.subscription(place.tenant_id, place.subscription_id, core_quotas={})

    return breaking


@contextmanager
def state_resets_connections(place: Place) -> Iterator[Connection]:
    host = read_backend(place.connection.environment).account_url.removeprefix("https://")
    place.sandbox.order_faults({"kind": "broken", "url": host.replace(".", r"\."), "times": 20})
    try:
        yield place.connection
    finally:
        place.sandbox.order_faults()


@contextmanager
def another_subject(place: Place) -> Iterator[Connection]:
    """A job of a repository that was renamed."""
    job = place.sandbox.federation_settings("repo:example-org/renamed:environment:local")
    connection = place.connection
    yield replace(connection, credential_settings={**connection.credential_settings, **job})


@contextmanager
def full_identity(place: Place) -> Iterator[Connection]:
    backend = read_backend(place.connection.environment)
    identity = next(
        one for one in _every(place.connection) if one.root == "bootstrap" and one.resource_type == IDENTITIES
    )
    path = f"{backend.account_id.partition('/providers/')[0]}/providers/{IDENTITIES}/{identity.name}"
    names = [f"job-{number}" for number in range(19)]
    for name in names:
        trust(place.connection, path, name, f"{SUBJECT}-{name}")
    try:
        yield place.connection
    finally:
        for name in names:
            send(place.connection, "DELETE", f"{path}/federatedIdentityCredentials/{name}", "2023-01-31")


@contextmanager
def hub_of_the_same_range(place: Place) -> Iterator[Connection]:
    """A hub that is peered with our network, and with another spoke of our range."""
    base = f"/subscriptions/{place.subscription_id}/resourceGroups"
    ours = f"{base}/{group_of(place.connection)}/providers/Microsoft.Network/virtualNetworks/"
    ours += name_of(place.connection, "Microsoft.Network/virtualNetworks")
    send(place.connection, "PUT", f"{base}/theirs", GROUPS, {"location": "westeurope"})
    hub = f"{base}/theirs/providers/Microsoft.Network/virtualNetworks/hub"
    peerings = [
        {"name": "platform", "properties": {"remoteVirtualNetwork": {"id": ours}}},
        {
            "name": "spoke",
            "properties": {
                "remoteVirtualNetwork": {"id": f"{hub}-spoke"},
                "remoteAddressSpace": {"addressPrefixes": ["10.40.8.0/24"]},
            },
        },
    ]
    properties = {"addressSpace": {"addressPrefixes": ["10.0.0.0/24"]}, "virtualNetworkPeerings": peerings}
    body = {"location": "westeurope", "properties": properties}
    send(place.connection, "PUT", hub, "2024-01-01", body)
    try:
        yield place.connection
    finally:
        send(place.connection, "DELETE", hub, "2024-01-01")


def with_variable(name: str, value: str) -> Callable[[Place], Any]:
    @contextmanager
    def breaking(place: Place) -> Iterator[Connection]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, value)
            yield place.connection

    return breaking


def with_data(
    old: str, new: str, more: Mapping[str, str] = MappingProxyType({}), **changes: Any
) -> Callable[[Place], Any]:
    @contextmanager
    def breaking(place: Place) -> Iterator[Connection]:
        path = place.connection.environment.folder / "terraform.tfvars"
        kept = text = path.read_text(encoding="utf-8")
        for before, after in {old: new, **more}.items():
            assert before in text
            text = text.replace(before, after, 1)
        path.write_text(text, encoding="utf-8")
        try:
            yield replace(place.connection, environment=replace(place.connection.environment, **changes))
        finally:
            path.write_text(kept, encoding="utf-8")

    return breaking


@contextmanager
def package_of_another_range(place: Place) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.doctor.checks.tools.MODULES", {"no_such_module": ("click", "")})
        yield place.connection


def acting_as(sandbox: Place, *roles: str) -> Connection:
    """A job of GitHub that signs in as an identity with these roles of the subscription."""
    connection, base = sandbox.connection, f"/subscriptions/{sandbox.subscription_id}"
    name = f"id-{uuid.uuid5(uuid.NAMESPACE_URL, '|'.join(roles)).hex[:8]}"
    send(connection, "PUT", f"{base}/resourceGroups/theirs", "2024-03-01", {"location": "westeurope"})
    path = f"{base}/resourceGroups/theirs/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    send(connection, "PUT", path, "2023-01-31", {"location": "westeurope"})
    with arm_client(connection) as client:
        identity = client.get(path, {"api-version": "2023-01-31"})["properties"]
    trust(connection, path, "github", SUBJECT)
    for role in roles:
        assign(sandbox, identity["principalId"], role)
    environment = replace(connection.environment, credential="github-oidc", client_id=identity["clientId"])
    return replace(connection, environment=environment)


def assign(place: Place, principal_id: str, role: str) -> None:
    base = f"/subscriptions/{place.subscription_id}/providers/Microsoft.Authorization"
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{principal_id}|{role}")
    properties = {
        "roleDefinitionId": f"{base}/roleDefinitions/{role}",
        "principalId": principal_id,
        "principalType": "ServicePrincipal",
    }
    send(place.connection, "PUT", f"{base}/roleAssignments/{name}", "2022-04-01", {"properties": properties})


NO_PUBLIC = {
    "name": "no-public",
    "effect": "deny",
    "type": "Microsoft.Storage/storageAccounts",
    "path": "properties.publicNetworkAccess",
    "wanted": "Disabled",
}
COST_CENTER = {
    "name": "cost-center",
    "effect": "modify",
    "type": "Microsoft.KeyVault/vaults",
    "path": "tags.costCenter",
}
RETIREMENT = {"type": "Microsoft.Storage/storageAccounts", "feature": "TLS 1.0", "date": "2027-02-01"}

BROKEN = (
    Broken("tools-terraform", "no-terraform-here", with_variable("TOOLKIT_TERRAFORM", "/no-terraform-here")),
    Broken("tools-azapi", "/no-mirror-here", with_variable("TOOLKIT_PROVIDER_MIRROR", "/no-mirror-here")),
    Broken("packages-imports", "no_such_module", package_of_another_range, "constraints.txt"),
    Broken("reach-azure", "management.azure.com", nobody_answers),
    Broken("clock-skew", "s behind Azure's", conditions(clock_seconds=900)),
    Broken("reach-state", "does not answer", state_resets_connections),
    Broken("data-declares", "no_such_name", with_data("function_app = {}", 'name_overrides = { no_such_name = "x" }')),
    Broken("credential-choice", "ARM_TENANT_ID is set in this shell", conflicting_variable, "unset ARM_TENANT_ID"),
    Broken("credential-token", "AADSTS7000215", wrong_secret),
    Broken("credential-token", "ends in", conditions(token_seconds=120)),
    Broken("subscription-state", "is Disabled: it is read-only", conditions(state="Disabled")),
    Broken("subscription-state", "is PastDue", conditions(state="PastDue")),
    Broken("subscription-state", "does not see subscription", with_environment(subscription_id=f"{ELSEWHERE[:-1]}9")),
    Broken("providers-registered", "Microsoft.Batch (NotRegistered)", unregistered, "--fix registers them"),
    Broken("permissions-actions", "may not do", with_roles(*ACCESS, BLOBS), "az role assignment create"),
    Broken("permissions-roles", "roleAssignments/", with_roles(CONTRIBUTOR, BLOBS), "Role Based Access Control"),
    Broken("permissions-state", "blobs/", with_roles(OWNER), "Storage Blob Data Contributor"),
    Broken("quota-cores", "takes 2 cores", cores(TotalDedicatedCores=1), "ask for quota"),
    Broken("quota-storage", "new of StorageAccounts in westeurope", conditions(limits={"StorageAccounts": 2})),
    Broken("quota-network", "new of PrivateEndpoints", conditions(limits={"PrivateEndpoints": 3})),
    Broken("quota-batch-accounts", "0 of 0 are in use", conditions(limits={"BatchAccounts": 0})),
    Broken("names-available", "AlreadyExists", somebody_elses_name, "container_registry = …"),
    Broken("names-deleted-vault", "keeps the name", deleted_vault, "--purge"),
    Broken(
        "region-types",
        "westeurope does not offer Microsoft.Batch/batchAccounts",
        conditions(not_offered={"Microsoft.Batch/batchAccounts": ["westeurope"]}),
    ),
    Broken(
        "region-zones",
        "has no zone-redundant Flex Consumption",
        with_data(
            "function_app = {}",
            "function_app = { zone_redundant = true }",
            {'"Standard_LRS"': '"Standard_ZRS"'},
            location="westus",
        ),
    ),
    Broken(
        "region-vm-sizes",
        "Standard_D2s_v5 is restricted for this subscription in westeurope (NotAvailableForSubscription",
        conditions(restricted={"Standard_D2s_v5": ["westeurope"]}),
        "az vm list-skus",
    ),
    Broken("addresses-peered", "10.40.0.0/20 overlaps 10.40.8.0/24", hub_of_the_same_range, "network.address_space"),
    Broken("policies-deny", "no-public on module.", conditions(policies=[NO_PUBLIC]), "az policy exemption create"),
    Broken("federation-subject", "example-org/renamed", another_subject, "github_repository"),
    Broken("federation-count", "has 20 federated credentials", full_identity),
)
WARNINGS = (
    Broken("quota-all-nodes", "every node together takes", cores(TotalDedicatedCores=3), "max_nodes"),
    Broken("policies-modify", "cost-center on module.", conditions(policies=[COST_CENTER])),
    Broken("retirements-announced", "TLS 1.0 retires on 2027-02-01", conditions(retirements=[RETIREMENT])),
)
# They say what will be done, and cannot fail.
ONLY_TELL = {"names-deleted-logs", "names-deleted-workspace"}
# What breaks them is a machine's affair: tests/unit/toolchain.
ELSEWHERE_TESTED = {"tools-sandbox"}


def test_every_check_is_turned_red_by_a_breakage() -> None:
    told = {one.check for one in (*BROKEN, *WARNINGS)}
    assert {check.id for check in CHECKS} == told | ONLY_TELL | ELSEWHERE_TESTED


def test_a_healthy_environment_that_was_never_applied(bootstrapped: Place) -> None:
    found = examine(bootstrapped.connection, CHECKS)
    assert [(one.check.id, one.reason) for one in found.results if one.outcome == "FAIL"] == []
    assert found.green
    assert {one.check.id for one in found.results if one.outcome == "SKIP"} == set()
    assert found.circumstances["acts as"].startswith("sandbox engineer")


# One of each kind for every day; `make test-full` has all.
SAMPLE = (
    "credential-choice",
    "permissions-actions",
    "quota-network",
    "names-available",
    "policies-deny",
    "federation-subject",
)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(one, id=f"{one.check}: {one.words}", marks=() if one.check in SAMPLE else pytest.mark.slow)
        for one in (*BROKEN, *WARNINGS)
    ],
)
def test_a_breakage_turns_its_own_check_red(bootstrapped: Place, broken: Broken) -> None:
    with broken.breaking(bootstrapped) as connection:
        chosen = CHECKS if broken.check == "packages-imports" else REGISTRY.select(skip=["packages"])
        found = examine(connection, chosen)
    assert [one.check.id for one in found.results if one.outcome == "FAIL"] == [broken.check], found.results
    failed = result(found, broken.check)
    assert broken.words in failed.reason
    assert failed.hint
    assert broken.hint in failed.hint
    assert "not-the-secret" not in str(failed)
    assert found.green == (broken in WARNINGS)


def test_fix_registers_providers(bootstrapped: Place) -> None:
    with unregistered(bootstrapped) as connection:
        found = run(connection, "providers")
        (broken,) = fixable(found.results)
        said: list[str] = []
        FIXES[broken.check.id](connection, broken, said.append)
        assert said == ["registering Microsoft.Batch"]
        assert run(connection, "providers").green


def test_a_name_is_purged_when_it_is_typed(bootstrapped: Place) -> None:
    with deleted_vault(bootstrapped) as connection:
        assert not run(connection, "names-deleted-vault").green
        with pytest.raises(UsageError, match="no deleted key vault is called kv-nobodys") as caught:
            purge_vault(connection, "kv-nobodys", lambda _: None)
        name = name_of(connection, "Microsoft.KeyVault/vaults")
        assert caught.value.hint == f"deleted key vaults: {name}"
        purge_vault(connection, name, lambda _: None)
        assert run(connection, "names-deleted-vault").green
