"""What the sandbox's services share, and the shapes by which they know each other.

One :class:`World` is built in ``composition.py`` and handed to every service. A service uses another one only through
the protocols here, so that each can be read, tested and replaced alone (``make lint`` checks that). Beside them stand
the store, the facts of resources that one service writes and another reads (``internal.py``), when the data planes hear
of a change (``propagation.py``), and the names of private links (``private_link_zones.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from toolkit.records import Json
from toolkit.sandbox.model import Origin, Principal, Standing
from toolkit.sandbox.propagation import FrontEnds
from toolkit.sandbox.store import Resource, Store


class Service(Protocol):
    """The far end of the handler chain for some host names."""

    name: str
    hosts: tuple[str, ...]  # exact names, or "*.suffix" for one or more labels in front

    async def handle(self, request: Request, origin: Origin) -> Response: ...


class InvalidToken(Exception):
    """A bearer token is missing, expired, for another audience, or not signed by this sandbox. ``str()`` says which."""


class Tokens(Protocol):
    """Verification of the access tokens that the sandbox's Entra handed out."""

    def verify(self, authorization: str | None, audiences: tuple[str, ...]) -> Principal:
        """The principal of an ``Authorization: Bearer …`` header; raises :class:`InvalidToken`."""
        ...


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    object_id: str
    client_id: str


class Directory(Protocol):
    """The service principals of one Entra tenant per subscription."""

    def create_managed_identity(self, resource_id: str, tenant_id: str) -> ServicePrincipal:
        """The principal of a user-assigned identity, or of a resource's system-assigned one; idempotent."""
        ...

    def delete_managed_identity(self, resource_id: str) -> None: ...

    def principal(self, object_id: str) -> Principal | None: ...

    def tenant_of(self, subscription_id: str) -> str | None:
        """The tenant of a subscription that the sandbox knows, else None (404 SubscriptionNotFound)."""
        ...

    def subscriptions(self) -> Mapping[str, str]:
        """subscription id -> tenant id."""
        ...

    def subscription_name(self, subscription_id: str) -> str | None:
        """The display name of a subscription that the sandbox knows."""
        ...

    def standing(self, subscription_id: str, vantage: str) -> Standing:
        """Where the machines of a vantage stand, as the subscription's settings say."""
        ...

    def core_quotas(self, subscription_id: str) -> Mapping[str, int]:
        """What a subscription was granted, by the quota's name (vm_sizes.py)."""
        ...


class AccessControl(Protocol):
    """Azure RBAC over the role assignments and definitions in the store (assignments are inherited by scope)."""

    def allows_action(self, principal: Principal, scope: str, action: str, facts: Mapping[str, str] = ...) -> bool:
        """``facts`` are what conditions of assignments may ask about the request (arm/conditions.py)."""
        ...

    def on_condition(self, principal: Principal, scope: str, action: str) -> bool:
        """Whether some assignment would allow the action if its condition were fulfilled."""
        ...

    def allows_data_action(self, principal: Principal, scope: str, data_action: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Route:
    """How a connection from an origin to a host name travels.

    ``address`` is what DNS answers there. ``private_endpoint_target`` is the lower-cased id of the resource that the
    connection reaches through an approved private endpoint; None means that it arrives at the public endpoint, from
    ``source_ip``. ``unreachable`` says why there is no way at all (the name does not resolve there, nobody answers at
    address); the other fields then mean nothing.
    """

    host: str
    address: str
    source_ip: str
    private_endpoint_target: str | None = None
    private_endpoint_id: str | None = None
    unreachable: str | None = None


class Network(Protocol):
    def route(self, origin: Origin, host: str) -> Route: ...

    def admits(
        self, acls: Json | None, source_ip: str, origin: Origin, service_endpoint: str, region: str | None = None
    ) -> bool:
        """Whether a resource's ``networkAcls`` let a connection to its public endpoint through.

        ``region``: where the resource stands, of a service whose rules for addresses have no effect from there.
        """
        ...


class BlobsUnavailable(Exception):
    """The blob backend cannot do what was asked now; ``str()`` says why. Trying again may help."""


class BlobBackend(Protocol):
    """Azurite behind the gateway, reached without firewall or authentication (the control plane's own way).

    Every method raises :class:`BlobsUnavailable`, and may be called again after that.
    """

    async def create_container(self, account: str, container: str) -> None: ...

    async def set_public_access(self, account: str, container: str, level: str) -> None: ...

    async def delete_container(self, account: str, container: str) -> None: ...

    async def rename_container(self, account: str, container: str, new: str) -> bool:
        """Move a container with all that is in it, and free it of its lease; False when it is not there."""
        ...

    async def delete_account(self, account: str) -> None: ...

    def container_access(self, account: Resource, container: str, letters: str, delegator: Principal | None) -> str:
        """The query of a shared access signature for a container: of the user delegation kind as ``delegator``, or made
        with the account's key."""
        ...

    def holds(self, account: str) -> bool:
        """Whether anything was ever written for an account."""
        ...

    def rename_account(self, account: str, new: str) -> None:
        """Hand an account's blobs to another name, which holds none; no error where there are none."""
        ...


class SecretRefused(Exception):
    """Key Vault does not take a secret or a key, in its own words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class VaultSecrets(Protocol):
    """The secrets of the vaults, as the control plane lists and writes them."""

    def names(self, vault: Resource) -> set[str]:
        """The lower-cased names of the secrets that are there and not deleted."""
        ...

    def write(self, vault: Resource, name: str, given: Json) -> Json:
        """A new version when ``given`` has a value, else new attributes of the last one: the SecretBundle.

        Raises :class:`SecretRefused`.
        """
        ...

    def forget(self, vault_name: str) -> None:
        """The vault was purged."""
        ...


class VaultKeys(Protocol):
    """The keys of the vaults, as the control plane lists and makes them, and as services use them."""

    def names(self, vault: Resource) -> list[str]:
        """Those of the keys that are there and not deleted."""
        ...

    def versions(self, vault: Resource, name: str) -> list[Json]:
        """The properties that ARM answers for each version, the newest last; none for a key that is not there."""
        ...

    def create(self, vault: Resource, name: str, properties: Json, tags: Json | None) -> None:
        """The first version of a key. Raises :class:`SecretRefused`."""
        ...

    def forget(self, vault_name: str) -> None:
        """The vault was purged."""
        ...


class NoIdentity(Exception):
    """A resource has no such identity, or Entra no such resource to give a token for; ``str()`` says which."""


class HostedIdentities(Protocol):
    """Tokens of the identities that a resource carries, for what the service does in its name."""

    def token(self, owner: Resource, resource: str, identity_id: str | None = None) -> str:
        """An access token for ``resource`` (an identifier URI), of the system-assigned identity, or of the
        user-assigned one with this id. Raises :class:`NoIdentity`.
        """
        ...


class FactoryRefused(Exception):
    """A factory does not begin a run."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Rerun:
    """A run that goes by another one: with its parameters, and in recovery mode in its group.

    ``activity`` and ``from_failure`` say where it starts: https://learn.microsoft.com/rest/api/datafactory/pipelines/create-run
    """

    reference: str
    recovery: bool = False
    activity: str | None = None
    from_failure: bool = False


class Factories(Protocol):
    """The runs of data factories. Records are as the service's REST API has them."""

    def create_run(self, factory: Resource, pipeline: Resource, given: Json, rerun: Rerun | None = None) -> str:
        """The id of a run that has begun. Raises :class:`FactoryRefused`."""
        ...

    def run(self, factory_id: str, run_id: str) -> Json | None: ...

    def runs(self, factory_id: str) -> list[Json]: ...

    def activity_runs(self, run_id: str) -> list[Json]: ...

    def trigger_runs(self, factory_id: str) -> list[Json]: ...

    def trigger_run(self, factory_id: str, run_id: str) -> Json | None: ...

    def rerun_trigger(self, trigger: Resource, run_id: str) -> None:
        """Raises :class:`FactoryRefused`."""
        ...

    def cancel_trigger(self, trigger: Resource, run_id: str) -> None:
        """Raises :class:`FactoryRefused`."""
        ...

    def cancel(self, factory_id: str, run_id: str) -> None: ...


class NoFactories:
    """Of a sandbox without an engine."""

    def create_run(self, factory: Resource, pipeline: Resource, given: Json, rerun: Rerun | None = None) -> str:
        raise FactoryRefused(501, "NotImplemented", "This sandbox has no engine for pipelines.")

    def run(self, factory_id: str, run_id: str) -> Json | None:
        return None

    def runs(self, factory_id: str) -> list[Json]:
        return []

    def activity_runs(self, run_id: str) -> list[Json]:
        return []

    def trigger_runs(self, factory_id: str) -> list[Json]:
        return []

    def trigger_run(self, factory_id: str, run_id: str) -> Json | None:
        return None

    def rerun_trigger(self, trigger: Resource, run_id: str) -> None:
        return None

    def cancel_trigger(self, trigger: Resource, run_id: str) -> None:
        return None

    def cancel(self, factory_id: str, run_id: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class BlobEvent:
    """What storage tells Event Grid of a blob: https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage

    ``type`` is ``Microsoft.Storage.BlobCreated`` or ``…BlobDeleted``; ``size`` is None where the event has none.
    """

    account_id: str
    type: str
    api: str
    container: str
    blob: str
    url: str
    size: int | None


class BlobEvents(Protocol):
    """Who wants to know of blobs that come and go."""

    def awaited(self, account_id: str) -> bool:
        """Whether anybody wants to know of this account's."""
        ...

    def happened(self, event: BlobEvent) -> None: ...


class NoBlobEvents:
    """Of a world in which nobody wants to know."""

    def awaited(self, account_id: str) -> bool:
        return False

    def happened(self, event: BlobEvent) -> None: ...


class Hosting(Protocol):
    """Where code that Azure runs stands, and who it is: what the daemon knows once its ports are open."""

    async def settings(self, subscription_id: str, vantage: str) -> Mapping[str, str]:
        """The variables that put a process at a vantage: proxy and authority."""
        ...

    def identity(self, resource_id: str) -> Mapping[str, str]:
        """The variables by which code that a resource hosts asks for that resource's identities. Holds a secret."""
        ...

    def forget(self, variables: Mapping[str, str]) -> None:
        """The code has ended: the secret among its variables opens nothing any more. Without one it is no error."""
        ...


class Jobs(Protocol):
    """What runs the jobs of Azure ML workspaces."""

    def submitted(self, job_id: str) -> None: ...

    def cancel(self, job_id: str) -> None: ...


class NoJobs:
    """A world in which no jobs run: they stay as they were written."""

    def submitted(self, job_id: str) -> None: ...

    def cancel(self, job_id: str) -> None: ...


@dataclass(slots=True)
class World:
    state_dir: Path
    store: Store
    directory: Directory
    tokens: Tokens
    access: AccessControl
    network: Network
    blobs: BlobBackend
    secrets: VaultSecrets
    keys: VaultKeys
    factories: Factories = field(default_factory=NoFactories)
    blob_events: BlobEvents = field(default_factory=NoBlobEvents)
    jobs: Jobs = field(default_factory=NoJobs)
    front_ends: FrontEnds = field(default_factory=FrontEnds)
